"""The plan of a run that several processes share: one small JSON file. No torch."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import digest_of
from goldenlayers_core.runtime import atomic, digests
from goldenlayers_core.runtime.frames import DamagedError
from goldenlayers_core.tasks.parts import Part
from goldenlayers_core.tasks.serial import plain, restored

VERSION: Final = 1
_FORMAT: Final = "golden-layers-plan"


@dataclass(frozen=True)
class Plan:
    """A question, what it was found to be about, and its parts."""

    kind: str  # of work: sweep, score, ...
    question: Mapping[str, Any]  # as JSON: model, how to open the data, settings
    model: str
    fingerprint: str  # of the weights
    result_key: str  # fingerprint, number format and kind of device
    key: str  # under which the store keeps the results
    code: str  # version of the code that makes these numbers
    program: str  # version of the program that made the plan
    dataset: str  # in words
    requests: tuple[str, ...]  # digests, in order, each once
    skipped: int  # requests of the choice that the work cannot take
    parts: tuple[Part, ...]
    assumptions: tuple[str, ...]  # what the seconds stand on, one sentence each
    created: str  # ISO 8601, UTC

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of what is computed, whenever it was planned and whatever it was thought to take."""
        cut = [[part.index, part.requests, part.layers] for part in self.parts]
        return digest_of([self.kind, self.question, self.key, self.code, self.requests, cut])[:16]


def write_plan(plan: Plan, path: Path) -> None:
    """Write it whole, with its own digest. Raises StoreError where the disk refuses."""
    content = {"format": _FORMAT, "version": VERSION, **plain(plan)}
    atomic.write_bytes(path.expanduser(), json.dumps(digests.sealed(content), ensure_ascii=False, indent=1).encode())


def read_plan(path: Path) -> Plan:
    """The plan in a file. Raises ConfigError for anything else, for one that was changed, and for a newer version."""
    try:
        content = digests.opened(json.loads(path.expanduser().read_text(encoding="utf-8")))
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise ValueError("it is of another format")
        version = content.pop("version")
        content.pop("format")
    except OSError as error:
        raise ConfigError(
            f"The plan {path} cannot be read ({error.strerror}); give a file that `plan ... --out` wrote."
        ) from error
    except (DamagedError, KeyError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is no plan, or was changed ({error}); make it anew with `plan ... --out`."
        ) from error
    if version != VERSION:
        raise ConfigError(
            f"The plan {path} has version {version} and this program reads version {VERSION}; make the plan anew."
        )
    try:
        return restored(Plan, content)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"The plan {path} does not fit this version ({error}); make it anew.") from error
