"""The forward passes of causal tracing: clean, corrupted, and corrupted with one clean state put back.

A restore at token t changes nothing before t and nothing below its layer. So each one starts at its layer with the
hidden states of the corrupted runs, from t on, and sees the corrupted runs' keys and values of what comes before. A
model with layers that have none is given whole rows of the corrupted runs' hidden states.

Axes: R prompts, S noise samples, T positions, N tokens of a batch, d width of the residual stream.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from goldenlayers_core.attribution.trace_prompts import TracePrompt, noise_of, window_of
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import likeliest
from goldenlayers_core.models.hooks import (
    as_batch,
    change_outputs,
    keep_positions,
    record_inputs,
    record_outputs,
    start_at,
)
from goldenlayers_core.models.kept import Pair, at, cache_of, fresh_cache, kept_pairs, packs
from goldenlayers_core.models.readout import precise
from goldenlayers_core.models.tokens import pad_right
from goldenlayers_core.records import TraceConfig


@dataclass(frozen=True, slots=True)
class Restore:
    """One state put back: token `position` of prompt `prompt`, in the window around `layer`."""

    prompt: int
    position: int
    layer: int
    length: int  # tokens of the prompt
    until: int  # one past the last layer restored
    whole: bool = False  # the row is run from its beginning on

    @property
    def since(self) -> int:
        """The first position that is run."""
        return 0 if self.whole else self.position

    @property
    def n_tokens(self) -> int:
        """Positions that are run: those it can change, or all."""
        return self.length - self.since


@dataclass(frozen=True, eq=False)
class Runs:
    """What a group of R prompts holds clean and corrupted."""

    ids: Tensor
    """(R, T) padded on the right."""
    answers: Tensor
    """(R,) the token asked for."""
    p_clean: Tensor
    """(R,)"""
    p_corrupt: Tensor
    """(R, S)"""
    clean: tuple[Tensor, ...]
    """Per layer, (R, T, d) what is restored."""
    hidden: tuple[Tensor, ...]
    """Per layer, (R, S, T, d) entering it in the corrupted runs."""
    pairs: tuple[Pair, ...]
    """Per layer, keys and values (R * S, heads, T, width) of the corrupted runs; () where whole rows are rerun."""


def restored_sites(handle: ModelHandle, config: TraceConfig) -> list[nn.Module]:
    """Per layer, the module whose output is restored: the block, or the last matrix of its MLP or attention."""
    if config.kind == "hidden":
        return list(handle.blocks)
    out = handle.mlp_whole if config.kind == "mlp" else handle.mixer_out
    return [out(layer) for layer in range(handle.n_layers)]


def run_group(handle: ModelHandle, prompts: Sequence[TracePrompt], config: TraceConfig) -> Runs:
    """The clean and the corrupted runs of some prompts. Hold the handle's lock."""
    # padding stands behind everything that is used, where nothing can see it: it needs no mask
    ids = pad_right([p.ids for p in prompts]).to(handle.device)
    last = ids.new_tensor([len(p.ids) - 1 for p in prompts])
    count, samples = len(prompts), config.n_samples
    sites = {str(layer): site for layer, site in enumerate(restored_sites(handle, config))}
    blocks = {str(layer): block for layer, block in enumerate(handle.blocks)}
    with record_outputs(sites) as outputs, keep_positions(handle.head, torch.arange(count, device=ids.device), last):
        logits = handle.model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0]
    own = likeliest(logits).tolist()
    answers = ids.new_tensor([o if p.answer is None else p.answer for p, o in zip(prompts, own, strict=True)])
    many, cache = ids.repeat_interleave(samples, dim=0), fresh_cache(handle)  # (R * S, T)
    rows = torch.arange(len(many), device=ids.device)
    with (
        change_outputs({handle.embedding: _corrupting(prompts, config, many.shape)}),
        record_inputs(blocks) as inputs,
        keep_positions(handle.head, rows, last.repeat_interleave(samples)),
    ):
        noisy = handle.model(
            input_ids=many, attention_mask=torch.ones_like(many), past_key_values=cache, use_cache=cache is not None
        ).logits[0]
    return Runs(
        ids=ids,
        answers=answers,
        p_clean=probability(logits, answers),
        p_corrupt=probability(noisy, answers.repeat_interleave(samples)).view(count, samples),
        clean=tuple(as_batch(outputs[name], count) for name in sites),
        hidden=tuple(inputs[name].unflatten(0, (count, samples)) for name in blocks),
        pairs=kept_pairs(cache),
    )


def _corrupting(
    prompts: Sequence[TracePrompt], config: TraceConfig, shape: Sequence[int]
) -> Callable[[Tensor, Tensor], Tensor]:
    """Noise on the embeddings of every prompt's subject, another for each of its samples."""

    def change(_inputs: Tensor, output: Tensor) -> Tensor:
        noisy = output.clone().view(len(prompts), config.n_samples, shape[1], -1)
        for row, prompt in enumerate(prompts):
            drawn = torch.from_numpy((config.noise or 0.0) * noise_of(prompt, config, output.shape[-1]))
            noisy[row, :, prompt.first : prompt.last + 1] += drawn.to(noisy)
        return noisy.view_as(output)

    return change


def probability(logits: Tensor, tokens: Tensor) -> Tensor:
    """(N,) probability of one token each, by (N, V) logits; at least in float32."""
    logits = precise(logits)
    return (logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(dim=1)).exp()


def restores(
    prompts: Sequence[TracePrompt], config: TraceConfig, n_layers: int, whole: bool = False
) -> dict[int, list[Restore]]:
    """By the layer at which they start, everything to restore; what can change nothing is left out.

    Before the subject the corrupted runs are clean. A hidden state restored after the last block changes only the
    answer of its own position, which `at_the_top` gives without a forward pass. `whole`: rows are run as a whole.
    """
    found: dict[int, list[Restore]] = {}
    for number, prompt in enumerate(prompts):
        tokens = range(prompt.first, len(prompt.ids)) if config.positions == "all" else (prompt.last,)
        for layer in range(n_layers):
            low, until = window_of(layer, config.window or 1, n_layers)
            start = low + 1 if config.kind == "hidden" else low
            if start < n_layers:
                found.setdefault(start, []).extend(
                    Restore(number, token, layer, len(prompt.ids), until, whole) for token in tokens
                )
    return found


def batches(rows: Sequence[Restore], n_samples: int, token_budget: int, mixing: bool) -> Iterator[list[Restore]]:
    """Restores of like length together, at most `token_budget` tokens a batch (one restore at least).

    Where `mixing` is False a batch holds only restores of prompts of one length that are run from one position on.
    """
    batch: list[Restore] = []
    tokens = 0
    for row in sorted(rows, key=lambda r: (r.length, r.position, r.prompt, r.layer)):
        size = n_samples * row.n_tokens
        apart = bool(batch) and (row.length, row.since) != (batch[-1].length, batch[-1].since)
        if batch and (tokens + size > token_budget or (apart and not mixing)):
            yield batch
            batch, tokens = [], 0
        batch.append(row)
        tokens += size
    if batch:
        yield batch


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where the B * n suffix tokens of J restores x S samples stand; J S rows."""

    prompt: Tensor
    """(J S,) prompt of each row."""
    source: Tensor
    """(J S,) its corrupted run, as a row of `Runs.pairs`."""
    start: Tensor
    """(J S,) the position restored."""
    until: Tensor
    """(J S,) one past the last layer restored."""
    begins: tuple[Tensor, Tensor]
    """Batch row and column of each row's first token."""
    ends: tuple[Tensor, Tensor]
    """The same of its last."""
    row: Tensor
    """(B, n) row of each token."""
    position: Tensor
    """(B, n) its position in the prompt."""


def _layout(batch: Sequence[Restore], samples: int, packed: bool, device: torch.device) -> _Layout:
    def each(values: list[int]) -> Tensor:  # (J,) -> (J S,)
        return torch.tensor(values, device=device).repeat_interleave(samples)

    prompt, start, since = (each([getattr(r, name) for r in batch]) for name in ("prompt", "position", "since"))
    sample = torch.arange(samples, device=device).repeat(len(batch))
    count = each([r.n_tokens for r in batch])  # (J S,)
    here = torch.arange(len(count), device=device)
    if packed:
        row = here.repeat_interleave(count)[None]
        first = count.cumsum(0) - count
        column = torch.arange(row.shape[1], device=device)[None] - first[row]
        begins, ends = (torch.zeros_like(here), first + start - since), (torch.zeros_like(here), first + count - 1)
    else:  # all counts are equal
        width = int(count[0])
        row = here[:, None].expand(-1, width)
        column = torch.arange(width, device=device).expand(len(here), -1)
        begins, ends = (here, start - since), (here, torch.full_like(here, width - 1))
    until = each([r.until for r in batch])
    return _Layout(prompt, prompt * samples + sample, start, until, begins, ends, row, since[row] + column)


def run_restores(
    handle: ModelHandle, runs: Runs, batch: Sequence[Restore], start: int, config: TraceConfig, mixing: bool
) -> Tensor:
    """(J, S) probability of the answer with each state restored; all restores start at layer `start`.

    Hold the handle's lock.
    """
    places = {(r.length, r.since) for r in batch}
    lay = _layout(batch, config.n_samples, mixing and len(places) > 1, handle.device)
    flat = runs.hidden[start].flatten(0, 1)  # (R S, T, d)
    hidden = flat[lay.source[lay.row], lay.position]  # (B, n, d)
    low = start - 1 if config.kind == "hidden" else start
    if config.kind == "hidden":
        hidden = hidden.index_put(lay.begins, runs.clean[low][lay.prompt, lay.start])
    sites = restored_sites(handle, config)
    highest = int(lay.until.max())
    changes = {sites[layer]: _restoring(runs.clean[layer], lay, layer) for layer in range(start, highest)}
    kept, mask = _packed(runs, lay, start) if lay.row.shape[0] == 1 < len(lay.start) else _aligned(runs, lay, start)
    with ExitStack() as stack:
        stack.enter_context(keep_positions(handle.head, *lay.ends))
        stack.enter_context(start_at(list(handle.blocks), start, hidden, handle.architecture.block_returns))
        stack.enter_context(change_outputs(changes))
        logits = handle.model(
            input_ids=runs.ids[lay.prompt[lay.row], lay.position],
            attention_mask=mask,
            position_ids=lay.position,
            past_key_values=cache_of(kept, start) if kept else None,
            use_cache=bool(kept),
        ).logits[0]
    return probability(logits, runs.answers[lay.prompt]).view(len(batch), config.n_samples)


def _restoring(clean: Tensor, lay: _Layout, layer: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Puts the clean output at the restored position of every row whose window holds this layer."""
    rows = (lay.until > layer).nonzero(as_tuple=True)[0]
    places = lay.begins[0][rows], lay.begins[1][rows]
    states = clean[lay.prompt[rows], lay.start[rows]]  # (n, d)

    def change(_inputs: Tensor, output: Tensor) -> Tensor:
        batch = as_batch(output, lay.row.shape[0])  # (B, n, d)
        return batch.index_put(places, states.to(batch.dtype)).reshape(output.shape)

    return change


def _packed(runs: Runs, lay: _Layout, start: int) -> tuple[list[Pair], Tensor]:
    """All corrupted runs' keys and values side by side, once, and the (1, 1, N, K + N) mask of who sees what."""
    length = runs.ids.shape[1]

    def beside(tensor: Tensor) -> Tensor:  # (R S, heads, T, width) -> (1, heads, R S T, width)
        return tensor.transpose(0, 1).flatten(1, 2)[None]

    row, position = lay.row[0], lay.position[0]  # (N,)
    column = torch.arange(runs.pairs[0][0].shape[0] * length, device=row.device)
    before = (lay.source[row][:, None] == column // length) & (lay.start[row][:, None] > column % length)  # (N, K)
    among = (row[:, None] == row) & (position[:, None] >= position)  # (N, N)
    seen = torch.cat([before, among], dim=1)
    number = runs.pairs[0][0].dtype
    mask = torch.zeros(seen.shape, dtype=number, device=row.device).masked_fill(~seen, torch.finfo(number).min)
    return [(beside(k), beside(v)) for k, v in runs.pairs[start:]], mask[None, None]


def _aligned(runs: Runs, lay: _Layout, start: int) -> tuple[list[Pair], Tensor]:
    """Each row's own keys and values up to the position they all restore, and the (B, K + n) mask of real tokens."""
    if not runs.pairs:
        return [], torch.ones_like(lay.position)
    count = int(lay.start[0])
    columns = max(1, count)  # a cache without any counts as no cache: one column then, that nothing sees
    rows, everything, before = lay.source, slice(None), slice(columns)
    kept = [(at(k, rows, everything, before), at(v, rows, everything, before)) for k, v in runs.pairs[start:]]
    mask = torch.ones(len(lay.source), columns + lay.row.shape[1], dtype=torch.int64, device=lay.row.device)
    mask[:, : columns - count] = 0
    return kept, mask


def mixes(handle: ModelHandle, prompts: Sequence[TracePrompt]) -> bool:
    """Whether suffixes of different lengths may share a row in this model."""
    return packs(handle, max(len(p.ids) for p in prompts))
