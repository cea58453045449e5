"""How an edit travels: every token's hidden state after every layer, with it and without.

    change[l, t] = |h'[l, t] - h[l, t]| / |h[l, t]|              h: what leaves layer l at token t, h': the same edited
    odds[l, t]   = ln( p / (1 - p) ),   p = softmax( head( norm( h[l, t] ) ) )_new             nats, by the logit lens

Nothing changes below the lowest edited layer. A value written at token s alone changes nothing before s either, for
attention looks back only: that is the causal cone of s. An edited matrix is asked at every token, though, and adds
(a_t . u) delta there (design.md section 4): what an edit changes before s is this leak, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.hooks import as_batch, keep_positions, record_outputs
from goldenlayers_core.models.readout import head_logits, normed, precise

ROWS: Final = 64  # states that go through the LM head together
FOLLOWED: Final = 5  # likeliest tokens at the end that are followed, before and after each


@dataclass(frozen=True, eq=False)
class Spoken:
    """What the lens reads of one run."""

    odds: Tensor
    """(L, T) log-odds of the new answer's first token, nats."""
    last: Tensor
    """(L, V) log-probabilities at the last token."""


def states(handle: ModelHandle, ids: Sequence[int]) -> Tensor:
    """(L, T, width) what leaves every layer, under whatever overlay is active. Hold the handle's lock."""
    sites = {str(layer): block for layer, block in enumerate(handle.blocks)}
    tokens = torch.tensor([list(ids)], device=handle.device)
    last = torch.tensor([0], device=handle.device), torch.tensor([len(ids) - 1], device=handle.device)
    with torch.inference_mode(), record_outputs(sites) as left, keep_positions(handle.head, *last):
        handle.model(input_ids=tokens, use_cache=False)
    return torch.stack([as_batch(left[name], 1)[0] for name in sites])


def relative_change(before: Tensor, after: Tensor) -> Tensor:
    """(L, T) float64 of two (L, T, width) runs; 0 where both are equal bit by bit."""
    one, other = before.double(), after.double()
    moved: Tensor = (other - one).norm(dim=-1)
    size: Tensor = one.norm(dim=-1)
    return moved / size.clamp(min=torch.finfo(torch.float64).tiny)


def spoken(handle: ModelHandle, found: Tensor, new: int) -> Spoken:
    """What the lens says of (L, T, width) states. Hold the handle's lock."""
    rows, n_tokens = found.flatten(0, 1), found.shape[1]  # (L T, width)
    at_end = torch.arange(len(rows), device=rows.device) % n_tokens == n_tokens - 1
    odds, last = [], []
    with torch.inference_mode():
        for some, ends in zip(rows.split(ROWS), at_end.split(ROWS), strict=True):
            logits = precise(head_logits(handle, normed(handle, some.to(handle.dtype))))  # (<= ROWS, V)
            last.append(logits[ends].log_softmax(dim=1))
            odds.append(_log_odds(logits, new))
    return Spoken(torch.cat(odds).unflatten(0, found.shape[:2]), torch.cat(last))


def _log_odds(logits: Tensor, token: int) -> Tensor:
    """(N,) ln(p / (1 - p)) of a token: its logit less the log of the sum of all others' exponentials. Writes to
    `logits`."""
    own = logits[:, token].clone()
    logits[:, token] = -torch.inf
    return own - logits.logsumexp(dim=1)


def changed(before: Spoken, above: Spoken, layer: int) -> Spoken:
    """The whole depth of a run that differs from `before` only from `layer` on, where it is `above`."""
    odds, last = torch.cat([before.odds[:layer], above.odds]), torch.cat([before.last[:layer], above.last])
    return Spoken(odds, last)


def followed(before: Spoken, after: Spoken, new: int, old: int) -> list[int]:
    """The tokens worth following through the depth: both answers', and the likeliest at the end without and with."""
    ends = [int(token) for said in (after, before) for token in top(said.last[-1:], FOLLOWED)[1][0]]
    return list(dict.fromkeys((new, old, *ends)))
