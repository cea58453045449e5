"""What one edit changed on a whole dataset."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import pandas as pd

from goldenlayers_core.records import PROBE_KINDS, ProbeKind
from goldenlayers_core.results.formats import with_gaps

Group = Literal["edited", "others"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)


@dataclass(frozen=True, slots=True)
class ProbeRate:
    """The probes of one kind, of the request that was edited or of all others."""

    group: Group
    kind: ProbeKind
    n_probes: int
    n_judged: int  # those with an expected answer: of the edited request its new one, of others their true one
    before: int  # of those judged, greedy answers that begin with an expected one, without the edit
    after: int  # the same under the edit
    unchanged: int  # of all, answers that are the same with and without the edit
    divergence: float  # mean KL(before || after) of the next token, nats


@dataclass(frozen=True)
class EditEvaluation:
    """One edit laid over its model, read on every probe of every request of a dataset."""

    edit_id: str
    method: str
    layers: tuple[int, ...]
    prompt: str
    subject: str
    target_new: str
    model: str
    dataset: str
    n_requests: int  # the edited one, where it is among them, included
    case_id: str  # of the edited request; "" where the dataset does not hold it
    n_left_out: int  # probes of other requests that ask what was edited
    rates: tuple[ProbeRate, ...]
    perplexity: tuple[float, float]  # of the bundled text, before and after
    fluency: tuple[float, float]  # n-gram entropy of the greedy continuation of the edited prompt, bits
    seconds: float = 0.0

    @property
    def locality(self) -> tuple[int, int]:
        """Answers that must not change and did not, of all such: locality probes, and everything of other requests."""
        kept = [r for r in self.rates if r.group == "others" or r.kind == "locality"]
        return sum(r.unchanged for r in kept), sum(r.n_probes for r in kept)

    @property
    def not_asked(self) -> tuple[tuple[Group, ProbeKind], ...]:
        """Groups of probes that the dataset does not have."""
        asked = {(rate.group, rate.kind) for rate in self.rates}
        return tuple((group, kind) for group in GROUPS for kind in PROBE_KINDS if (group, kind) not in asked)

    def to_frame(self) -> pd.DataFrame:
        """One row per group and kind of probe; before and after are NaN where no answer is expected."""
        names = ("group", "kind", "n_probes", "n_judged", "before", "after", "unchanged", "divergence")
        frame = pd.DataFrame([{name: getattr(rate, name) for name in names} for rate in self.rates], columns=names)
        judged = frame["n_judged"] > 0
        return with_gaps(frame.assign(**{name: frame[name].where(judged) for name in ("before", "after")}))
