"""Facts to be written, and which model to ask. Frozen and hashable; no torch, no numpy.

A digest is the first 32 hexadecimal digits of the SHA-256 of canonical JSON; equal content gives equal digests on every
machine.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from goldenlayers_core.records.names import ProbeKind
from goldenlayers_core.subject import Place, check_place, occurrences, place_of


def digest_of(content: Any) -> str:
    """32 hexadecimal digits naming `content` (anything JSON can hold; dataclasses by their fields)."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=dataclasses.asdict)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def config_digest(config: Any) -> str:
    """Digest of a config dataclass by class name and every field that can change a result.

    Fields declared with `metadata={"affects_result": False}` (batch sizes and the like) are left out, and so are those
    with `"added": True` that have their default: what was stored before they existed was made with it. Where a field's
    default is another by now, `"before"` is what it was made with.
    """
    kept = {
        f.name: getattr(config, f.name)
        for f in dataclasses.fields(config)
        if f.metadata.get("affects_result", True)
        and not (f.metadata.get("added") and getattr(config, f.name) == f.metadata.get("before", f.default))
    }
    return digest_of([type(config).__name__, kept])


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt evaluated before and after an edit."""

    prompt: str
    answers: tuple[str, ...]  # accepted aliases; empty: only compared with the unedited model
    kind: ProbeKind
    name: str = ""  # the dataset's own word for it, for example "Subject_Aliasing"


@dataclass(frozen=True, slots=True)
class EditRequest:
    """One fact to write, with its probes. `prompt` is complete and contains `subject` ("" where a file gives none).

    Raises RequestError where `subject_at` is given and the prompt does not have the subject there.
    """

    case_id: str
    prompt: str
    subject: str
    target_new: str
    target_true: str  # "" where the dataset gives none
    rephrases: tuple[Probe, ...] = ()
    locality: tuple[Probe, ...] = ()
    portability: tuple[Probe, ...] = ()
    relation: str = ""
    source: str = ""  # the dataset it came from
    true_aliases: tuple[str, ...] = ()  # further accepted spellings of target_true
    split: str = ""  # "proxy", "test" or "" (none given)
    # character of the prompt at which the subject stands, where a template or a person says so
    subject_at: int | None = None
    new_aliases: tuple[str, ...] = ()  # further accepted spellings of target_new

    def __post_init__(self) -> None:
        if self.subject_at is not None:
            check_place(self.subject, self.prompt, self.subject_at)

    @property
    def digest(self) -> str:
        """Names the content (not case_id, source or split): equal facts share their results.

        The subject's place counts only where it is not the one that would be found anyway.
        """
        content = dataclasses.asdict(self)
        for name in ("case_id", "source", "split"):
            content.pop(name)
        if not self.new_aliases:
            content.pop("new_aliases")
        at = content.pop("subject_at")
        found = occurrences(self.subject, self.prompt)[:1] if at is not None else ()
        return digest_of(content if at is None or (found and found[0][0] == at) else content | {"subject_at": at})

    @property
    def subject_place(self) -> Place:
        """First character of the subject in the prompt, and the one after its last. Raises RequestError."""
        return place_of(self.subject, self.prompt, self.subject_at)

    @property
    def rewrite(self) -> Probe:
        """The request's own prompt as a probe that expects the new target."""
        return Probe(self.prompt, (self.target_new, *self.new_aliases), "rewrite")

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Every probe: the rewrite first, then rephrases, locality, portability."""
        return (self.rewrite, *self.rephrases, *self.locality, *self.portability)

    @property
    def true_answers(self) -> tuple[str, ...]:
        """Accepted old answers, `target_true` first; empty where the dataset gives none."""
        return tuple(dict.fromkeys(a for a in (self.target_true, *self.true_aliases) if a.strip()))


@dataclass(frozen=True, slots=True)
class RowIssue:
    """A record that was not read, or was read with a remark. `row` counts records from 1."""

    row: int
    reason: str
    severity: Literal["rejected", "remark"] = "rejected"


@dataclass(frozen=True)
class Dataset:
    """What a reader made of a file: every record is in `requests` or, with its reason, in `reported`."""

    name: str
    format: str
    requests: tuple[EditRequest, ...]
    reported: tuple[RowIssue, ...]  # severity "rejected": not read
    n_records: int
    remarks: tuple[RowIssue, ...] = ()  # read, but worth knowing (no-op edit, rephrase without the subject, ...)
    encoding: str = "utf-8"
    description: str = ""

    @property
    def digest(self) -> str:
        """Names the requests and their order."""
        return digest_of([self.name, [r.digest for r in self.requests]])

    def subset(self, requests: tuple[EditRequest, ...]) -> "Dataset":
        """The same dataset with fewer requests."""
        return dataclasses.replace(self, requests=requests)


SPILLS: Final = "+disk"  # behind a device's name: what does not fit there is kept elsewhere


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Which model to load, and how. `source`: "bundled", "gemma", a hub name, a folder, or a GGUF file."""

    source: str = "bundled"
    revision: str | None = None
    # auto | cpu | cuda | cuda:N | cuda:N+cuda:M, and +disk behind it: what does not fit is kept elsewhere
    device: str = "auto"
    dtype: str = "auto"  # auto | float32 | bfloat16 | float16 | float64

    @property
    def spills(self) -> bool:
        """Whether what does not fit on the device may be kept elsewhere."""
        return self.device.endswith(SPILLS)

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that blocks may stand on; all that is no block stands on the first."""
        return tuple(self.device.removesuffix(SPILLS).split("+"))
