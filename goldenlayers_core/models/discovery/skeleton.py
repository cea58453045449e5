"""Where a model keeps its blocks, its embedding, its final norm and its LM head, told from one forward pass."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor, nn

from goldenlayers_core.errors import UnknownArchitectureError
from goldenlayers_core.models.hooks import Call, record_calls
from goldenlayers_core.models.refused import refusal_of

N_TOKENS: Final = 12
NOISE: Final = 2e-4  # relative: what float32 leaves of two ways to compute the same


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What one forward pass over a few tokens went through."""

    model: Any
    ids: Tensor  # (1, T)
    blocks: str  # path of the list of blocks
    embedding: str
    final_norm: str
    head: str
    calls: Mapping[str, tuple[Call, ...]]  # by module, in order of their ends
    order: tuple[str, ...]  # every call's module, in order of their ends
    logits: Tensor  # (1, T, V)

    @property
    def n_layers(self) -> int:
        return len(self.model.get_submodule(self.blocks))

    def once(self, site: str) -> Call:
        """The only call of a module. Raises UnknownArchitectureError where there is none or are several."""
        found = self.calls.get(site, ())
        if len(found) != 1:
            raise against(self.model, f"{site} is called {len(found)} times in one forward pass")
        return found[0]

    def block(self, layer: int) -> Call:
        return self.once(f"{self.blocks}.{layer}")


def against(model: Any, reason: str) -> UnknownArchitectureError:
    """The error that says why a model is refused."""
    return refusal_of(str(model.config.model_type), reason)


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference of two tensors, relative to the largest entry of them; infinite for other shapes, and
    where something is not finite."""
    if one.shape != other.shape or not bool(one.isfinite().all() and other.isfinite().all()):
        return math.inf
    largest = max(float(one.abs().max()), float(other.abs().max()), 1e-30)
    return float((one - other).abs().max()) / largest


def same(one: Tensor, other: Tensor, noise: float = NOISE) -> bool:
    """Whether two tensors of a shape are equal but for rounding."""
    return apart(one, other) <= noise


def some_ids(model: Any, n_tokens: int = N_TOKENS, seed: int = 0) -> Tensor:
    """(1, n) tokens of the vocabulary, drawn at random, without the first few, which mark beginnings and padding."""
    size = int(model.get_input_embeddings().weight.shape[0])
    drawn = torch.randint(min(10, size - 1), size, (1, n_tokens), generator=torch.Generator().manual_seed(seed))
    return drawn.to(model.get_input_embeddings().weight.device)


def skeleton_of(model: Any) -> Skeleton:
    """Raises UnknownArchitectureError for what is no decoder of one list of blocks with an LM head."""
    if getattr(model.config, "is_encoder_decoder", False):
        raise against(model, "it is an encoder-decoder, and only decoders can be scored and edited here")
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    if embedding is None or head is None:
        raise against(model, "it has no token embedding or no LM head that transformers knows of")
    ids, modules = some_ids(model), {name: module for name, module in model.named_modules() if name}
    with torch.inference_mode(), record_calls(modules) as calls:
        logits = _logits(model, ids)
    by_site: dict[str, tuple[Call, ...]] = {}
    for call in calls:
        by_site[call.site] = (*by_site.get(call.site, ()), call)
    names = {id(module): name for name, module in modules.items()}
    _check_causal(model, ids, logits)
    found = Skeleton(
        model=model,
        ids=ids,
        blocks=_only_list(model, by_site),
        embedding=names[id(embedding)],
        final_norm="",
        head=names[id(head)],
        calls=by_site,
        order=tuple(call.site for call in calls),
        logits=logits,
    )
    return replace(found, final_norm=_final_norm(found))


def _logits(model: Any, ids: Tensor) -> Tensor:
    try:
        logits: Tensor = model(input_ids=ids, use_cache=False).logits
    except Exception as error:  # whatever a model says that wants more than a text
        raise against(model, f"it does not take a text alone ({str(error).splitlines()[0][:120]})") from error
    if logits.ndim != 3 or logits.shape[:2] != ids.shape:
        raise against(model, "it does not give logits for every token of a text")
    return logits


def _check_causal(model: Any, ids: Tensor, logits: Tensor) -> None:
    """Raises UnknownArchitectureError where a token is read by those before it, as in an encoder, or by none at all."""
    last, first = ids.clone(), ids.clone()
    last[0, -1], first[0, 0] = ids[0, 0], ids[0, -1]
    with torch.inference_mode():
        if not same(_logits(model, last)[:, :-1], logits[:, :-1]):
            raise against(model, "it is an encoder, which does not continue a text token by token")
        if same(_logits(model, first)[:, -1], logits[:, -1], 1e-6):
            raise against(model, "what it says next does not depend on the tokens before")


def _only_list(model: Any, calls: Mapping[str, tuple[Call, ...]]) -> str:
    """Path of the list of modules that the hidden state goes through one by one, each once."""
    width = int(model.get_input_embeddings().weight.shape[1])
    lists = {name: part for name, part in model.named_modules() if isinstance(part, nn.ModuleList)}
    found: list[str] = [
        name for name, part in lists.items() if _is_chain([calls.get(f"{name}.{i}", ()) for i in range(len(part))])
    ]
    found = [name for name in found if not any(name.startswith(f"{other}.") for other in found)]
    if not found:
        raise against(
            model, "it has no list of blocks through which the hidden state goes, one after the other, and each once"
        )
    if len(found) > 1:
        raise against(
            model, f"it has {len(found)} lists of blocks ({', '.join(found)}), and which is edited is not said"
        )
    entering = calls[f"{found[0]}.0"][0].given
    if entering is None or entering.shape[-1] != width or width != getattr(_text(model), "hidden_size", None):
        raise against(model, "its residual stream is not as wide as its embedding and as its configuration says")
    return found[0]


def _text(model: Any) -> Any:
    return model.config.get_text_config()


def _is_chain(calls: list[tuple[Call, ...]]) -> bool:
    if not calls or any(len(mine) != 1 for mine in calls):
        return False
    one_each = [mine[0] for mine in calls]
    if any(c.given is None or c.came is None or c.given.shape != c.came.shape or c.given.ndim != 3 for c in one_each):
        return False
    return all(torch.equal(a.came, b.given) for a, b in pairwise(one_each))  # type: ignore[arg-type]


def _final_norm(found: Skeleton) -> str:
    """Path of the one module between the last block and the LM head."""
    last, head = found.block(found.n_layers - 1).came, found.once(found.head).given
    for site in found.order:
        if site.startswith(f"{found.blocks}."):
            continue
        for call in found.calls[site]:
            if call.given is None or call.came is None or last is None or head is None:
                continue
            if torch.equal(call.given, last) and torch.equal(call.came, head):
                return site
    raise against(found.model, "between its last block and its LM head there is not exactly one norm")
