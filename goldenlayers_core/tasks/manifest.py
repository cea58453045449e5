"""The manifest of a run over requests: what sweeps, traces and many edits say alike. No torch."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from goldenlayers_core.records import digest_of
from goldenlayers_core.runtime import RunManifest, now


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
