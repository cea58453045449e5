"""Many facts written at one layer, and what became of each. No torch.

Axes: Q requests, each with its own probes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import pandas as pd

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import PROBE_KINDS, ProbeKind
from goldenlayers_core.results.edit.report import EditReport
from goldenlayers_core.results.formats import with_gaps

Mode = Literal["alone", "together", "sequential"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
MODE_WORDS: Final[Mapping[Mode, str]] = {
    "alone": "each alone on the unedited model",
    "together": "all as one edit",
    "sequential": "one after another, as a growing stack",
}
Baseline = Literal["unedited", "below"]
_BASELINES: Final[Mapping[Baseline, str]] = {
    "unedited": "the unedited model",
    "below": "the model with the edits below these",
}
_UNDER: Final[Mapping[Mode, str]] = {
    "alone": "its own edit",
    "together": "the one edit of all facts",
    "sequential": "the whole stack, once every fact was written",
}


@dataclass(frozen=True, slots=True)
class KindRate:
    """The probes of one kind, over all requests."""

    kind: str
    good: int  # as wished: rewrite, rephrase and portability answered with an accepted answer, locality unchanged
    n_probes: int
    n_requests: int  # that have such a probe
    mean: float  # over those requests of their shares


@dataclass(frozen=True)
class ManyEdits:
    """Every request of a choice, written by one method at one layer. Reports are in the order of the requests."""

    mode: Mode
    method: str
    layer: int  # asked for
    layers: tuple[int, ...]  # acted at
    model: str
    fingerprint: str
    dataset: str  # the choice in words
    config: str  # JSON of the method's config
    reports: tuple[EditReport, ...]  # before: see `baseline`; after: under its own edit, or under everything
    request_digests: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()  # (case_id, why it was not written)
    edit_ids: tuple[str, ...] = ()  # stored, bottom first: the one edit, or the stack; none where each was alone
    weight_change: float = 0.0  # of all that was written here, together; alone: the mean of the edits'
    seconds: float = 0.0  # of the run that made this, without what was stored
    n_computed: int = 0  # requests that were not in the store
    provenance: dict[str, str] = field(default_factory=dict)
    baseline: Baseline = "unedited"  # what "before" is of; runs stored as many-1 took the stack they were laid on
    own_reports: tuple[EditReport, ...] = ()  # sequential: right after the fact's own edit; (): not asked

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise GoldenLayersError(f"The mode {self.mode!r} is unknown; choose one of {', '.join(MODES)}.")
        if len(self.reports) != len(self.request_digests):
            raise GoldenLayersError(
                f"{len(self.reports)} reports came with {len(self.request_digests)} requests; one each is needed."
            )

    @property
    def n_requests(self) -> int:
        """Requests that were written."""
        return len(self.reports)

    @property
    def rates(self) -> tuple[KindRate, ...]:
        """One entry per kind of probe that was asked."""
        return _rates(self.reports)

    @property
    def own_rates(self) -> tuple[KindRate, ...]:
        """The same, of each fact at its own time; () where that was not asked."""
        return _rates(self.own_reports)

    @property
    def not_asked(self) -> tuple[ProbeKind, ...]:
        """The kinds of which no request has a probe."""
        asked = {rate.kind for rate in self.rates}
        return tuple(kind for kind in PROBE_KINDS if kind not in asked)

    @property
    def definition(self) -> str:
        """What the numbers mean, for whoever reads them beside one."""
        left = f", not over the {len(self.skipped):,} that could not be" if self.skipped else ""
        words = (
            f"Every fact's probes are asked under {_UNDER[self.mode]}; before, and the answer that locality wishes, is "
            f"what {_BASELINES[self.baseline]} says. Rates are over all {self.n_requests:,} facts written{left}."
        )
        if self.mode != "sequential":
            return words
        own = "the same right after the fact's own edit, under it and those before it"
        return f"{words} At its own time: {own if self.own_reports else 'not asked when this run was made'}."

    @property
    def failures(self) -> tuple[int, ...]:
        """Requests with a probe that did not come out as wished; those not written first, then by how many."""
        bad = [(report.took, -sum(not o.success for o in report.outcomes), i) for i, report in enumerate(self.reports)]
        return tuple(i for took, missed, i in sorted(bad) if not took or missed)

    def to_frame(self) -> pd.DataFrame:
        """One row per request: shares of probes as wished (NaN: not asked), its answers, and what they are under."""
        meaning = {"measured_under": _UNDER[self.mode], "compared_with": _BASELINES[self.baseline]}
        rows = [_row(report) | meaning for report in self.reports]
        for row, own in zip(rows, self.own_reports, strict=False):
            row |= {f"{kind}_at_own_time": share for kind, share in _shares(own).items()}
        return with_gaps(pd.DataFrame(rows))

    def probes_frame(self) -> pd.DataFrame:
        """One row per probe of every request."""
        frames = [report.to_frame().assign(case_id=report.case_id, subject=report.subject) for report in self.reports]
        if not frames:
            return pd.DataFrame()
        whole = pd.concat(frames, ignore_index=True)
        first = ["case_id", "subject"]
        return with_gaps(whole[[*first, *(name for name in whole.columns if name not in first)]])


def _rates(reports: Sequence[EditReport]) -> tuple[KindRate, ...]:
    found = []
    for kind in PROBE_KINDS:
        counts = [report.rates()[kind] for report in reports if kind in report.rates()]
        if counts:
            shares = [good / n for good, n in counts]
            good, probes = (sum(column) for column in zip(*counts, strict=True))
            found.append(KindRate(kind, good, probes, len(counts), sum(shares) / len(shares)))
    return tuple(found)


def _shares(report: EditReport) -> dict[str, float]:
    rates = report.rates()
    return {str(kind): rates[kind][0] / rates[kind][1] if kind in rates else math.nan for kind in PROBE_KINDS}


def _row(report: EditReport) -> dict[str, Any]:
    return {
        "case_id": report.case_id,
        "prompt": report.prompt,
        "subject": report.subject,
        "target_new": report.target_new,
        "target_true": report.target_true,
        "before": report.before.answer,
        "after": report.after.answer,
        "took": report.took,
        **_shares(report),
        "p_new_before": report.before.target_new_probability,
        "p_new_after": report.after.target_new_probability,
        "weight_change": report.weight_change,
        "seconds": report.seconds,
        "edit_id": report.edit_id,
    }
