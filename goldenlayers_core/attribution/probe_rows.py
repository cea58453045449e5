"""Probes -> token rows, and rows into batches: what the edit-aware analysis runs through the model.

A rewrite, rephrase or portability row is the prompt and, fed back, the answer but for its last token. A locality row is
the prompt alone: what must not change is the token the model itself goes on with, which the same forward pass tells,
and what may take its place is the beginning of the new target. So it needs no expected answer, and none is used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from goldenlayers_core.attribution.batching import cut
from goldenlayers_core.attribution.least_change import MOST_PARTS
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.models.tokens import encode_pair, pad_right, subject_last
from goldenlayers_core.records import EditAwareConfig, EditRequest, Probe, ProbeKind


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One probe as tokens."""

    request: int  # position of the request in the caller's list
    kind: ProbeKind
    ids: tuple[int, ...]  # the prompt and the answer but for its last token
    answer: tuple[int, ...]  # empty: the model's own next token
    rival: int  # the new target's first token in a locality row; -1 elsewhere
    lookup: int  # position of the subject's last token in a rewrite row; -1 elsewhere

    @property
    def n_labels(self) -> int:
        return max(len(self.answer), 1)


@dataclass(frozen=True)
class ProbeBatch:
    """B rows padded on the right to T; N of their positions go through the LM head."""

    rows: tuple[ProbeRow, ...]
    ids: Tensor  # (B, T)
    head_rows: Tensor  # (N,) row of each label
    head_columns: Tensor  # (N,) its position
    labels: Tensor  # (N,) token id; -1: the likeliest token there
    rivals: Tensor  # (N,) token id that must not overtake the label, where that is -1
    weights: Tensor  # (N,) 1 / labels of the row
    parts: Tensor  # (N,) part of the answer: the first tokens are one each, the rest together the last

    @property
    def n_parts(self) -> int:
        """Most parts that an answer of the batch has."""
        return int(self.parts.max()) + 1

    @property
    def n_tokens(self) -> int:
        return int(self.ids.numel())


def probe_rows(handle: ModelHandle, index: int, request: EditRequest, config: EditAwareConfig) -> tuple[ProbeRow, ...]:
    """The rows of one request, the rewrite first; of every other kind at most `probes_per_kind`.

    A rephrase without an answer of its own wants the new target; a portability probe without one is left out, because
    nothing says what should follow. Raises RequestError for an empty prompt or target, a subject that is not in the
    prompt, and a row that is longer than the model takes.
    """
    tokenizer = handle.tokenizer
    lookup = subject_last(tokenizer, request.prompt, request.subject, request.subject_at)
    new = request.target_new
    rows = [_row(handle, index, request.rewrite, new, lookup)]
    most = config.probes_per_kind
    rows += [_row(handle, index, p, p.answers[0] if p.answers else new) for p in spaced(request.rephrases, most)]
    rows += [_row(handle, index, p, new) for p in spaced(request.locality, most)]
    if config.portability:
        answered = [p for p in request.portability if p.answers]
        rows += [_row(handle, index, p, p.answers[0]) for p in spaced(answered, most)]
    return tuple(rows)


def spaced(probes: Sequence[Probe], most: int) -> list[Probe]:
    """At most so many of the probes, evenly spaced, because datasets put those of one sort together."""
    if len(probes) <= most:
        return list(probes)
    return [probes[i * len(probes) // most] for i in range(most)]


def _row(handle: ModelHandle, index: int, probe: Probe, answer: str, lookup: int = -1) -> ProbeRow:
    prompt, (wanted,) = encode_pair(handle.tokenizer, probe.prompt, (answer,))
    size, limit = len(prompt) + len(wanted), last_position(handle) + 1
    if size > limit:
        raise RequestError(f"A {probe.kind} probe has {size} tokens; {handle.name} takes at most {limit}.")
    lookup = min(lookup, len(prompt) - 1)  # the subject's end may merge with the answer
    if probe.kind == "locality":
        return ProbeRow(index, probe.kind, prompt, (), wanted[0], lookup)
    return ProbeRow(index, probe.kind, prompt + wanted[:-1], wanted, -1, lookup)


def probe_batches(rows: Sequence[ProbeRow], token_budget: int) -> Iterator[ProbeBatch]:
    """Rows of like length together, at most `token_budget` padded tokens a batch (one row at least)."""
    ordered = sorted(rows, key=lambda row: len(row.ids))
    for start, stop in cut([len(row.ids) for row in ordered], token_budget):
        yield build(tuple(ordered[start:stop]))


def build(rows: tuple[ProbeRow, ...]) -> ProbeBatch:
    """One batch."""
    places = [(b, len(row.ids) - row.n_labels + j, row) for b, row in enumerate(rows) for j in range(row.n_labels)]
    labels = [token for row in rows for token in (row.answer or (-1,))]
    return ProbeBatch(
        rows=rows,
        ids=pad_right([row.ids for row in rows]),
        head_rows=torch.tensor([b for b, _, _ in places]),
        head_columns=torch.tensor([column for _, column, _ in places]),
        labels=torch.tensor(labels),
        rivals=torch.tensor([row.rival for row in rows for _ in range(row.n_labels)]),
        weights=torch.tensor([1 / row.n_labels for _, _, row in places], dtype=torch.float64),
        parts=torch.tensor([min(j, MOST_PARTS - 1) for row in rows for j in range(row.n_labels)]),
    )
