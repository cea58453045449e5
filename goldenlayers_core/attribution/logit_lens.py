"""The logit lens, and direct logit attribution: where in the depth two answers come and go.

    p_l(y) = softmax( head( norm( x_l ) ) )_y           x_l: residual stream after layer l, at the prompt's last token

("interpreting GPT: the logit lens", nostalgebraist 2020.) At the last layer this is what the model itself says.

The final norm is affine once its scale is known, N(x) = s g (x - m) + b with s = 1 / rms (RMSNorm: m = 0) or 1 / std
(LayerNorm: m the mean of x). The stream is what enters the first block plus what every attention and every MLP added,
so that, with the scale s of the whole stream folded in, the logit difference of two tokens falls into a sum:

    (w_new - w_old) . s g (c - mean c)                   for each part c

w includes what the model scales its logits by (Cohere, Granite).

(Direct logit attribution; Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits".) What is added is
read where it is added: behind the post-norms of Gemma 2 and 3. Where the parts do not add up to the stream, as in
models that norm the sum, they are not reported. Everything is read under whatever overlay is active.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.hooks import as_batch, keep_positions, record_inputs, record_outputs
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.models.readout import head_logits, logit_scale, normed, precise
from goldenlayers_core.models.tokens import encode_pair
from goldenlayers_core.results.edit.lens import LensReading

NOT_A_SUM: Final = "What attention and MLP write is not added to the residual stream as it is in this model."
_LOUD: Final = 256.0  # size of what a norm is asked with: its epsilon is nothing beside the square
_AGREE: Final = 2e-3  # largest relative error of the sum that float32 and bfloat16 may leave


@dataclass(frozen=True, eq=False)
class _Stream:
    """The residual stream at the last token: (L + 1, width) and (L, width) parts, float32 or float64."""

    places: Tensor
    attention: Tensor
    mlp: Tensor
    logits: Tensor
    """(V,) of the model itself."""


def likeliest_through_depth(handle: ModelHandle, prompt: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What would be said after every layer: (L + 1,) likeliest tokens and their probabilities, and (L + 1,)
    probabilities and ranks of the token that the model says at the end.

    Raises RequestError as `logit_lens` does.
    """
    ids = _ids(handle, prompt)
    with handle.lock, torch.inference_mode():
        stream = _run(handle, ids)
        read = head_logits(handle, normed(handle, stream.places[:-1].to(handle.dtype)))  # (L, V)
        log_p = torch.cat([read, stream.logits[None].to(read.dtype)]).log_softmax(dim=1)  # (L + 1, V)
        values, indices = (best[:, 0] for best in top(log_p, 1))
        answer = int(indices[-1])
        return indices, values.exp(), log_p[:, answer].exp(), _ranks(log_p, answer, answer)[:, 0]


def _ids(handle: ModelHandle, prompt: str, answers: Sequence[str] = ()) -> tuple[int, ...]:
    ids, _ = encode_pair(handle.tokenizer, prompt, answers)
    if len(ids) > last_position(handle) + 1:
        raise RequestError(
            f"The prompt has {len(ids):,} tokens and {handle.name} takes at most {last_position(handle) + 1:,}; "
            "shorten it."
        )
    return ids


def logit_lens(handle: ModelHandle, prompt: str, new: int, old: int, answers: Sequence[str] = ()) -> LensReading:
    """Both tokens' probability, rank and the parts of their logit difference, at the last token of the prompt.

    `answers`: those that the two tokens begin, where the prompt's end may merge with them (`tokens.encode_pair`).
    Hold the handle's lock when an overlay is active; it is taken here otherwise. Raises RequestError for an empty
    prompt and for one longer than the model takes.
    """
    ids = _ids(handle, prompt, answers)
    with handle.lock, torch.inference_mode():
        stream = _run(handle, ids)
        read = [_read(handle, stream.places[:-1], new, old)]
        log_p = stream.logits.log_softmax(dim=0)[None]
        read.append((log_p[:, [new, old]].exp(), _ranks(log_p, new, old)))
        probability, rank = (torch.cat([part[i] for part in read]).T.double().cpu().numpy() for i in (0, 1))
        parts = _contributions(handle, stream, new, old)
    return LensReading(probability, rank, *parts)


def _run(handle: ModelHandle, ids: tuple[int, ...]) -> _Stream:
    """One forward pass, of which only the last token is kept."""
    layers = range(handle.n_layers)
    sites: dict[str, nn.Module] = {f"block {layer}": handle.blocks[layer] for layer in layers}
    for layer in layers:
        sites[f"attention {layer}"], sites[f"mlp {layer}"] = _added(handle, layer)
    tokens = torch.tensor([ids], device=handle.device)
    last = torch.tensor([0], device=handle.device), torch.tensor([len(ids) - 1], device=handle.device)
    with (
        record_inputs({"first": handle.blocks[0]}) as entered,
        record_outputs(sites) as left,
        keep_positions(handle.head, *last),
    ):
        logits = handle.model(input_ids=tokens, use_cache=False).logits[0, 0]

    def at_last(tensor: Tensor) -> Tensor:
        return precise(as_batch(tensor, 1)[0, -1])

    return _Stream(
        places=torch.stack([at_last(entered["first"]), *(at_last(left[f"block {layer}"]) for layer in layers)]),
        attention=torch.stack([at_last(left[f"attention {layer}"]) for layer in layers]),
        mlp=torch.stack([at_last(left[f"mlp {layer}"]) for layer in layers]),
        logits=precise(logits),
    )


def _added(handle: ModelHandle, layer: int) -> tuple[nn.Module, nn.Module]:
    """Whose outputs a block adds to the stream: its attention's (or other mixer's) and its MLP's."""
    row, mixer = handle.architecture, handle.mixer(layer)
    added = row.attention_added if mixer == row.attention else ""
    mlp = row.mlp_added and handle.has(layer, row.mlp_added)
    return handle.site(layer, added or mixer[-1]), handle.site(layer, row.mlp_added) if mlp else handle.mlp_whole(layer)


def _read(handle: ModelHandle, places: Tensor, new: int, old: int) -> tuple[Tensor, Tensor]:
    """(n, 2) probabilities and ranks of both tokens, read from n places of the stream."""
    log_p = head_logits(handle, normed(handle, places.to(handle.dtype))).log_softmax(dim=1)
    return log_p[:, [new, old]].exp(), _ranks(log_p, new, old)


def _ranks(log_p: Tensor, new: int, old: int) -> Tensor:
    """(n, 2) places among all tokens, counted from 1."""
    return torch.stack([(log_p > log_p[:, [token]]).sum(dim=1) + 1 for token in (new, old)], dim=1)


def _contributions(handle: ModelHandle, stream: _Stream, new: int, old: int) -> tuple[Any, Any, float, float]:
    """(attention (L,), MLP (L,), base, difference) in logits; NaN parts where they are no sum."""
    weight: Tensor = handle.head.weight  # type: ignore[assignment]
    scale = logit_scale(handle)
    direction = scale * (precise(weight[new]).double() - precise(weight[old]).double())  # (width of the head's input,)
    head_bias = getattr(handle.head, "bias", None)
    constant = scale * float(head_bias[new] - head_bias[old]) if head_bias is not None else 0.0
    entering = precise(normed(handle, stream.places[-1:].to(handle.dtype)))[0].double()
    blank = np.full(handle.n_layers, np.nan)
    difference = float(entering @ direction) + constant
    if len(entering) != stream.places.shape[1]:  # a map stands between norm and head
        return blank, blank, float("nan"), difference
    places, attention, mlp = stream.places.double(), stream.attention.double(), stream.mlp.double()
    if field := handle.architecture.added_times:  # Granite
        times = float(getattr(handle.model.config.get_text_config(), field))
        attention, mlp = times * attention, times * mlp
    gain, bias, is_centred = _affine(handle, places[-1])
    added = places[1:] - places[:-1]
    if not _close(added, attention + mlp) or not _close(
        (places[-1] - _mean(places[-1], is_centred)) * gain + bias, entering
    ):
        return blank, blank, float("nan"), difference

    def towards(parts: Tensor) -> Tensor:  # (..., width) -> (...)
        return ((parts - _mean(parts, is_centred)) * gain) @ direction

    base = float(towards(places[0]) + bias @ direction) + constant
    return towards(attention).cpu().numpy(), towards(mlp).cpu().numpy(), base, difference


def _affine(handle: ModelHandle, stream: Tensor) -> tuple[Tensor, Tensor, bool]:
    """(gain with the scale of `stream` folded in (width,), bias (width,), whether the mean is taken off).

    The norm is asked, for families differ in what they store: Gemma's gain is 1 + weight, OLMo's norm has no weight.
    """

    def said(entering: Tensor) -> Tensor:
        return precise(normed(handle, entering[None].to(handle.dtype)))[0].double()

    signs = 1.0 - 2.0 * (torch.arange(len(stream), device=stream.device) % 2).double()  # mean 0, mean square 1
    bias = said(torch.zeros_like(stream))
    gain = (said(_LOUD * signs) - bias) * signs
    is_centred = _close(said(_LOUD * (signs + 1)), said(_LOUD * signs))
    shape = (stream - _mean(stream, is_centred)) * gain
    scale = ((said(stream) - bias) @ shape) / (shape @ shape)
    return gain * scale, bias, is_centred


def _mean(parts: Tensor, is_centred: bool) -> Tensor | float:
    return parts.mean(dim=-1, keepdim=True) if is_centred else 0.0


def _close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).norm() <= _AGREE * max(float(one.norm()), float(other.norm()), 1e-30))
