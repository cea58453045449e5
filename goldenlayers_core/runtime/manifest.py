"""What a run was: enough to list it, find it again and repeat it."""

import dataclasses
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from goldenlayers_core.errors import StoreError
from goldenlayers_core.results.formats import spaced
from goldenlayers_core.runtime.frames import DamagedError

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunManifest:
    """One run. `config` is the configuration as JSON text; `summary` is what lists show."""

    run_id: str
    kind: str  # "score", "edit", ...
    title: str
    created: str  # ISO 8601, UTC
    model: str
    fingerprint: str
    dataset: str
    dataset_digest: str
    n_requests: int
    config: str
    seconds: float
    provenance: Pairs = ()
    summary: Pairs = ()
    code_version: str = ""
    note: str = ""  # a person's own words
    starred: bool = False
    named: bool = False  # the title is a person's own

    def __post_init__(self) -> None:
        try:
            settings = json.loads(self.config)
        except ValueError:
            settings = None
        if not isinstance(settings, dict):
            raise StoreError(f"The config of run {self.run_id!r} is {self.config[:60]!r}; give a JSON object as text.")
        try:
            datetime.fromisoformat(self.created)
        except ValueError:
            raise StoreError(f"Run {self.run_id!r} says it was created {self.created!r}; give an ISO date.") from None

    @property
    def settings(self) -> dict[str, Any]:
        """`config` as a dict."""
        settings: dict[str, Any] = json.loads(self.config)
        return settings

    def part(self, name: str) -> dict[str, Any]:
        """An object of the settings, such as "choice"; empty where they hold none of that name."""
        found = self.settings.get(name)
        return found if isinstance(found, dict) else {}

    def word(self, name: str, default: str = "") -> str:
        """A text of the settings, such as "method"; the default where they hold none of that name."""
        found = self.settings.get(name, default)
        return found if isinstance(found, str) else default

    @property
    def told(self) -> dict[str, str]:
        """`summary` as a person reads it: "50 %", as everywhere."""
        return {name: spaced(value) for name, value in self.summary}


@dataclass(frozen=True)
class StoredRun:
    """A run read back."""

    manifest: RunManifest
    frames: Mapping[str, pd.DataFrame]
    texts: Mapping[str, str]


def new_run_id(kind: str) -> str:
    """A name nobody else has, sortable by time: "score-20260131-094502-5f0c2a91"."""
    return f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:8]}"


def now() -> str:
    """The time now, ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def manifest_from(content: Any) -> RunManifest:
    """The manifest that `dataclasses.asdict` and JSON made. Raises DamagedError."""
    if not isinstance(content, dict):
        raise DamagedError("it is not a JSON object")
    # fields that came later have defaults, so older manifests stay readable
    types = {f.name: f.type for f in dataclasses.fields(RunManifest) if f.name in content}
    values = {name: content[name] for name in types}
    try:
        for name, type_ in types.items():
            if type_ is Pairs:
                values[name] = tuple((_text(key), _text(value)) for key, value in values[name])
            elif type_ is str:
                _text(values[name])
            elif type_ is bool and not isinstance(values[name], bool):
                raise TypeError(f"{values[name]!r} is neither true nor false")
        values["n_requests"], values["seconds"] = int(values["n_requests"]), float(values["seconds"])
        if values["n_requests"] < 0 or not math.isfinite(values["seconds"]):
            raise ValueError(f"it says {values['n_requests']} requests and {values['seconds']} seconds")
        return RunManifest(**values)
    except (ArithmeticError, KeyError, TypeError, ValueError, StoreError) as error:
        raise DamagedError(f"{type(error).__name__}: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
