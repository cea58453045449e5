"""The checks of docs/models.md that can be made of any model, on one request and a few layers. Each returns how far the
fast way is from the plain one, relative; the model's lock is held by the caller."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.attribution.causal_trace import trace_requests
from goldenlayers_core.attribution.edit_aware import iter_edit_aware
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.logit_lens import likeliest_through_depth, logit_lens
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.attribution.trace_prompts import TracePrompt, noise_of
from goldenlayers_core.attribution.trace_prompts import prepare as trace_prompt
from goldenlayers_core.editing import Factors, RomeConfig, Supplies, get_method, overlay, rome
from goldenlayers_core.editing.above import above
from goldenlayers_core.editing.delta import Edit, make_edit
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.editing.overlay import batch_overlay
from goldenlayers_core.evaluation.proving.plain import log_p, merged_log_p, put_at, weight_gradients
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.discovery.skeleton import apart
from goldenlayers_core.models.hooks import forward_as, passing_on, put_out, record_inputs, record_outputs
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditAwareConfig, EditRequest, LgaConfig, TraceConfig

REQUEST: Final = EditRequest("proof", "The capital of France is", "France", "Rome", "Paris")
_TEMPLATES: Final = ("{}", "So it goes. {}")
_STEPS: Final = RomeConfig(steps=3, learning_rate=0.1, stop_loss=0.0, direct_steps=False, patience=0)
_PUSH: Final = 0.5  # of a value, in parts of its own size


def some_layers(handle: ModelHandle) -> tuple[int, ...]:
    """The first, the middle and the last."""
    return tuple(sorted({0, handle.n_layers // 2, handle.n_layers - 1}))


def reruns(handle: ModelHandle) -> float:
    """A value moved at a token, run on from its layer and token with everything before it kept, against whole rows."""
    rows, splits = _some_rows(handle), (3, 9, 14, 1)
    worst = 0.0
    for layer in some_layers(handle):
        with torch.no_grad():
            kept = above(handle, rows, splits, layer)
            moved = _drawn(kept.outputs, 5)
            n_rows = torch.arange(len(rows), device=moved.device)
            ends = torch.tensor([len(row) - 1 for row in rows], device=moved.device)
            found = kept.log_p(moved, n_rows, ends)
            for r, row in enumerate(rows):
                mine = moved[kept.rows == r]

                def put(output: Tensor, mine: Tensor = mine) -> Tensor:
                    changed = output.clone()
                    changed.view(-1, output.shape[-1])[-len(mine) :] += mine.to(output)
                    return changed

                with put_out({handle.mlp_out(layer): put}):
                    worst = max(worst, apart(found[r], log_p(handle, row)[-1].to(found)))
    return worst


def _some_rows(handle: ModelHandle) -> list[tuple[int, ...]]:
    """Rows of like length, so long that a pack of them is longer than windows that a configuration may not name."""
    longest = min(48, last_position(handle) + 1)
    size = _embeddings(handle).shape[0]
    drawn = torch.randint(min(10, int(size) - 1), int(size), (4, longest), generator=torch.Generator().manual_seed(4))
    return [tuple(row[: longest - 5 * i].tolist()) for i, row in enumerate(drawn)]


def _drawn(like: Tensor, seed: int) -> Tensor:
    """Numbers at random, on the scale of a tensor."""
    drawn = torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))
    return _PUSH * drawn.to(like) * like.float().std().to(like)


def lga(handle: ModelHandle) -> float:
    """Inner products of both answers' gradients, of every matrix of a block, against autograd's."""
    config = LgaConfig(scope="block", loss_on="answer")
    (found,) = list(iter_lga(handle, [REQUEST], [REQUEST.target_true], config))
    (pair,) = prepare(handle, [REQUEST], [REQUEST.target_true])
    layers = some_layers(handle)
    old, new = (
        weight_gradients(handle, (*pair.prompt, *answer), len(answer), layers) for answer in (pair.old, pair.new)
    )
    worst = 0.0
    for i, layer in enumerate(layers):
        size = float(old[i].norm() * new[i].norm())
        worst = max(worst, abs(float(found.values[0, layer]) - float(old[i] @ new[i])) / max(size, 1e-30))
    return worst


def edit_aware(handle: ModelHandle) -> float:
    """The loss of the new answer and the size of the old value, against a plain pass."""
    (found,) = list(iter_edit_aware(handle, [REQUEST], EditAwareConfig()))
    (pair,) = prepare(handle, [REQUEST], [REQUEST.target_true])
    ids = (*pair.prompt, *pair.new)
    with torch.no_grad(), record_outputs({str(k): handle.mlp_out(k) for k in some_layers(handle)}) as values:
        said = log_p(handle, ids)[-len(pair.new) - 1 : -1]
    loss = -float(said[range(len(pair.new)), list(pair.new)].mean())
    worst = abs(float(found.loss[0]) - loss) / max(loss, 1e-30)
    at = trace_prompt(handle, REQUEST, "dataset").last
    for layer in some_layers(handle):
        size = float(values[str(layer)].reshape(len(ids), -1)[at].norm())
        worst = max(worst, abs(float(found.size[0, layer]) - size) / max(size, 1e-30))
    return worst


def trace(handle: ModelHandle) -> float:
    """The subject's last token restored, hidden state, MLP and attention, against one whole pass each."""
    worst = 0.0
    for kind in ("hidden", "mlp", "attention"):
        config = TraceConfig(kind=kind, window=1, noise=_noise(handle), n_samples=1)
        (found,) = list(trace_requests(handle, [REQUEST], config))
        prompt = trace_prompt(handle, REQUEST, config.answer)
        for layer in some_layers(handle):
            plain = _restored(handle, prompt, config, layer)
            worst = max(worst, abs(float(found.effects[prompt.last, layer]) - plain))
    return worst


def _embeddings(handle: ModelHandle) -> Tensor:
    """(V, d)"""
    weight: Tensor = handle.embedding.weight  # type: ignore[assignment]
    return weight


def _noise(handle: ModelHandle) -> float:
    return 3.0 * float(_embeddings(handle)[:1000].float().std())


def _restored(handle: ModelHandle, prompt: TracePrompt, config: TraceConfig, layer: int) -> float:
    """The rise of the answer's probability by restoring one state, by whole passes."""
    modules = {"hidden": handle.blocks[layer], "mlp": handle.mlp_whole(layer), "attention": handle.mixer_out(layer)}
    module, span = modules[config.kind], slice(prompt.first, prompt.last + 1)
    noise = torch.from_numpy(noise_of(prompt, config, _embeddings(handle).shape[1]))[0]

    def corrupt(output: Tensor) -> Tensor:
        changed = output.clone()
        changed[0, span] += (config.noise or 0.0) * noise.to(output)
        return changed

    with torch.no_grad():
        with record_outputs({"it": module}) as clean:
            said = log_p(handle, prompt.ids)[-1]
        answer = int(said.argmax()) if prompt.answer is None else prompt.answer
        kept = clean["it"].reshape(len(prompt.ids), -1)[prompt.last]
        with put_out({handle.embedding: corrupt}):
            low = float(log_p(handle, prompt.ids)[-1].exp()[answer])
            with put_at(module, prompt.last, lambda _output: kept):
                return float(log_p(handle, prompt.ids)[-1].exp()[answer]) - low


def lens(handle: ModelHandle) -> float:
    """What the lens reads after a layer, against a model that is cut off there."""
    ids = encode_prompt(handle.tokenizer, REQUEST.prompt)
    tokens, said, _, _ = likeliest_through_depth(handle, REQUEST.prompt)
    worst = 0.0
    for layer in some_layers(handle):
        above_it = {block: passing_on(handle.architecture.block_returns) for block in list(handle.blocks)[layer + 1 :]}
        with torch.no_grad(), forward_as(above_it):
            plain = log_p(handle, ids)[-1].exp()
        worst = max(worst, abs(float(plain[tokens[layer + 1]]) - float(said[layer + 1])))
    return worst


def lens_has_parts(handle: ModelHandle) -> bool:
    """Whether the logit difference falls into what every attention and MLP added."""
    reading = logit_lens(handle, REQUEST.prompt, 11, 12)
    return bool(torch.tensor(reading.attention).isfinite().all())


def overlays(handle: ModelHandle) -> float:
    """An edit laid over the model, alone and one per sample, against weights with the edit added."""
    worst, ids = 0.0, _some_rows(handle)[0]
    for layer in some_layers(handle):
        edit = _some_edit(handle, layer)
        change = (edit.factors[0].left @ edit.factors[0].right.T).to(handle.device)
        with torch.no_grad():
            plain = merged_log_p(handle, layer, change, ids)
            with overlay(handle, [edit]):
                worst = max(worst, apart(log_p(handle, ids), plain))
            rows = torch.tensor([list(ids)] * 2, device=handle.device)
            with batch_overlay(handle, [None, edit]):
                both = handle.model(input_ids=rows, use_cache=False).logits.log_softmax(dim=2)
            worst = max(worst, apart(both[1], plain), apart(both[0], log_p(handle, ids)))
    return worst


def _some_edit(handle: ModelHandle, layer: int) -> Edit:
    with torch.no_grad(), record_inputs({"it": handle.mlp_out(layer)}) as keys:
        log_p(handle, _some_rows(handle)[0])
    key = keys["it"].reshape(-1, keys["it"].shape[-1])[3].float()
    d_out, _ = handle.shape(handle.mlp_out(layer))
    left = torch.randn(d_out, 1, generator=torch.Generator().manual_seed(6))
    right = (key / (key @ key).clamp(min=1e-12)).cpu()[:, None]
    return make_edit(handle, REQUEST, "rome", [Factors(layer, left, right)], {})


def sweeps(handle: ModelHandle) -> float:
    """ROME's edits at several layers, computed together, against one after another."""
    supplies, layers = Supplies(_TEMPLATES), some_layers(handle)
    worst = 0.0
    for layer, (many,) in edits_at(handle, get_method("rome"), [REQUEST], layers, _STEPS, supplies):
        if isinstance(many, str):
            return float("inf")
        single = rome(handle, REQUEST, layer, _STEPS, supplies)
        one, other = (edit.factors[0].left @ edit.factors[0].right.T for edit in (single, many))
        is_last = layer == handle.n_layers - 1  # where nothing done at the subject reaches the answer
        worst = max(worst, apart(one, other) if is_last or bool(one.any()) else float("inf"))
    return worst


Check = Callable[[ModelHandle], float]
CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "LGA": lga,
        "edit-aware": edit_aware,
        "trace": trace,
        "lens": lens,
        "value": reruns,
        "overlay": overlays,
        "sweep": sweeps,
    }
)
