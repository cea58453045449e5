"""Blast radius: what edits change where nothing was meant to change, on a fixed panel of general prompts.

    D(prompt) = KL( p_before || p_after ) of the next token, nats        0: nothing moved

Only the last position of each prompt goes through the LM head. The panel is bundled and was written for this project.
Perplexity of a fixed text is watched as edits pile up, as a cheap sign of collapse (Yang et al. 2024, "The Butterfly
Effect of Model Editing").
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.delta import Edit, Factors
from goldenlayers_core.editing.overlay import checked, overlay, prefix_of
from goldenlayers_core.evaluation.fluency import neutral_text, perplexity
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.readout import head_logits, last_states
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results.edit.panel import PanelPrompt, Pass, TopTokens

TOKEN_BUDGET: Final = 384  # padded tokens per batch
TOP: Final = 5
_ROWS: Final = 32  # prompts whose distributions are held at one time


def bundled_panel() -> tuple[PanelPrompt, ...]:
    """The panel: general prompts of several kinds, in the file's order."""
    kind, found = "", []
    for line in (assets_folder() / "texts" / "panel.txt").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            kind = text[1:-1]
        elif text:
            found.append(PanelPrompt(kind, text))
    return tuple(found)


def panel_states(
    handle: ModelHandle,
    prompts: Sequence[str],
    edits: Sequence[Edit] = (),
    between: Callable[[int], None] | None = None,
) -> Tensor:
    """(N, width) float32 on the cpu: what enters the LM head at each prompt's last token, under the edits, stacked.

    Prompts of like length run together; `between(prompts done)` is called after each batch and may raise to cancel.
    """
    before = prefix_of(edits)
    rows = [encode_prompt(handle.tokenizer, before + prompt) for prompt in prompts]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    states: dict[int, Tensor] = {}
    while order:
        count = 1
        while count < len(order) and (count + 1) * len(rows[order[count]]) <= spared(TOKEN_BUDGET):
            count += 1
        batch, order = order[:count], order[count:]
        with handle.lock, overlay(handle, edits):
            found = last_states(handle, [rows[i] for i in batch])
        states.update(zip(batch, found.float().cpu(), strict=True))
        if between:
            between(len(states))
    return torch.stack([states[i] for i in range(len(rows))])


def compared(
    handle: ModelHandle, before: Tensor, after: Tensor
) -> tuple[list[float], list[TopTokens], list[TopTokens]]:
    """KL(before || after) in nats, and the likeliest tokens of either side, per row of two (N, width) states."""
    divergence: list[float] = []
    tops: tuple[list[TopTokens], list[TopTokens]] = ([], [])
    for start in range(0, len(before), _ROWS):
        with torch.inference_mode():
            p, q = (head_logits(handle, s[start : start + _ROWS]).log_softmax(dim=1) for s in (before, after))
            moved = (p.double().exp() * (p.double() - q.double())).sum(dim=1).clamp(min=0.0)
        divergence += moved.tolist()
        for side, log_p in zip(tops, (p, q), strict=True):
            side += _tops(handle, log_p)
    return divergence, *tops


def _tops(handle: ModelHandle, log_p: Tensor) -> list[TopTokens]:
    values, indices = top(log_p, TOP)
    return [
        tuple((str(handle.tokenizer.decode([i])), float(p)) for i, p in zip(ids, ps, strict=True))
        for ids, ps in zip(indices.tolist(), values.exp().tolist(), strict=True)
    ]


def accumulated_norm(handle: ModelHandle, edits: Sequence[Edit], layers: Sequence[int]) -> float:
    """Frobenius norm of the summed changes of weights of `edits`, over that of the matrices of `layers`.

    The factors of a layer stand side by side, so that opposite changes cancel; memories and texts have no such norm.
    """
    changed = 0.0
    for layer in sorted({f.layer for edit in edits for f in edit.factors}):
        here = [f for edit in edits for f in edit.factors if f.layer == layer]
        left, right = (torch.cat([getattr(f, side) for f in here], dim=1) for side in ("left", "right"))
        changed += Factors(layer, left, right).squared_norm
    weight = sum(float(handle.matrix(handle.mlp_out(layer)).float().norm()) ** 2 for layer in layers)
    return (changed / weight) ** 0.5 if weight else 0.0


def guard_curve(
    handle: ModelHandle,
    edits: Sequence[Edit],
    sizes: Sequence[int],
    prompts: Sequence[str],
    states: Mapping[int, Tensor],
    between: Callable[[int], None] | None = None,
) -> tuple[Pass, ...]:
    """What the first n edits do, for every n of `sizes`: perplexity of the bundled text, accumulated norm, and how far
    the prompts moved. `states`: by size, the (N, width) states of the prompts that are known; those of 0 must be."""
    for edit in edits:
        checked(handle, edit)
    layers = sorted({f.layer for edit in edits for f in edit.factors})
    text, found = neutral_text(), []
    for place, size in enumerate(sizes):
        below = list(edits[:size])
        with handle.lock, overlay(handle, below):
            value = perplexity(handle, text, prefix_of(below))
        reached = states[size] if size in states else panel_states(handle, prompts, below)
        divergence, old, new = compared(handle, states[0], reached)
        changed = [o[0][0] != n[0][0] for o, n in zip(old, new, strict=True)]
        mean, share = sum(divergence) / len(divergence), sum(changed) / len(changed)
        found.append(Pass(size, value, accumulated_norm(handle, below, layers), mean, share))
        if between:
            between(place + 1)
    return tuple(found)
