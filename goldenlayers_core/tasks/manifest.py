"""The manifest of a run over requests: what scores, sweeps, traces and many edits say alike. No torch."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import ModelSource, digest_of
from goldenlayers_core.runtime import RunManifest, Store, now, provenance
from goldenlayers_core.tasks.serial import restored

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle


class Asked(Protocol):
    """A question that can be written down."""

    def to_params(self) -> dict[str, Any]:
        """As plain JSON."""


class Measured(Protocol):
    """A result over requests."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def fingerprint(self) -> str:
        """Of its weights."""

    @property
    def dataset(self) -> str:
        """The requests, in words."""

    @property
    def request_digests(self) -> tuple[str, ...]:
        """The requests, by content."""

    @property
    def n_requests(self) -> int:
        """How many."""

    @property
    def n_computed(self) -> int:
        """How many parts were computed now; the others were in the store."""

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(case, reason) of the requests that could not be measured."""

    @property
    def seconds(self) -> float:
        """What it took."""

    @property
    def provenance(self) -> Mapping[str, str]:
        """Machine and versions."""


def provenance_of(handle: "ModelHandle") -> dict[str, str]:
    """Versions, device and number format, as every result of a model keeps them."""
    return {**provenance(), "device": str(handle.device), "dtype": str(handle.dtype).removeprefix("torch.")}


def is_stored(store: Store, run_id: str, found: Measured) -> bool:
    """Whether the run is in the store, with what it cost, and nothing of it was computed anew."""
    return not found.n_computed and any(m.run_id == run_id for m in store.runs())


def model_of(run: RunManifest) -> ModelSource | None:
    """The model that a run was asked for; None where its settings name none."""
    try:
        return restored(ModelSource, run.part("model")) if run.part("model") else None
    except (ConfigError, TypeError, ValueError):
        return None


def manifest_of(
    run_id: str, title: str, question: Asked, found: Measured, summary: tuple[tuple[str, str], ...], version: str
) -> RunManifest:
    """What lists show of a run; its kind is the run id's name. The summary ends with what was computed and skipped."""
    return RunManifest(
        run_id=run_id,
        kind=run_id.rpartition("-")[0],
        title=title,
        created=now(),
        model=found.model,
        fingerprint=found.fingerprint,
        dataset=found.dataset,
        dataset_digest=digest_of(list(found.request_digests)),
        n_requests=found.n_requests,
        config=json.dumps(question.to_params()),
        seconds=found.seconds,
        provenance=tuple(found.provenance.items()),
        summary=(*summary, ("computed now", str(found.n_computed)), ("skipped", str(len(found.skipped)))),
        code_version=version,
    )
