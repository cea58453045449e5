"""WISE: a side memory beside one MLP output matrix, and a gate that says when it answers (Wang et al. 2024).

With W' = W + M * Delta, M a random 0/1 mask, and d(a) = |(W' - W) a| the distance by which the memory moves a token:

    output(a) = W' a + b   where d(a) >= threshold,     else W a + b
    L(Delta)  = -(1/m) sum_j log p(y_j | x, y_<j)                                    nats, mean over context templates
              + mean [d_out - alpha]+ + mean [beta - d_in]+ + [mean d_out - mean d_in + gamma]+
    threshold = ratio * the smallest d_in after training

minimised by Adam from Delta = 0. In scope (d_in) is the subject's last token, in every context; out of scope (d_out)
are the edit's other tokens and every token of some irrelevant sentences. (The published activation behind d is the
identity for the MLP output matrix of Llama models.)

What differs from the published code, and why:

- It routes whole sequences, by the mean of d over their tokens. Then what a token is answered with depends on tokens
  that come later: with kept keys and values, as in every generation, the earlier ones have been computed by the wrong
  memory. Here each token is routed by its own distance, which needs no state and is the same however a text is split.
- alpha, beta and gamma are in units of the mean norm of the clean output in scope (published: 5, 20 and 10, absolute
  distances, which mean something else at every layer of every model); d is in the same unit inside the loss.
- Training adds the change where the gate will be open, at the subject's last token, not everywhere. With all tokens
  from there on in scope the words that every prompt of a kind ends with ("is", "of") open the gate too: on three proxy
  requests of the bundled model, at layer 4, neighbours then kept 0.56 of their answers, and so all of them.
- Adam in place of plain gradient descent at rate 1, which is as bound to the scale; the bound of 1.0 on an entry's
  change is left out, since nothing here comes near it.
- The irrelevant sentences are given (published: an unrelated prompt per edit, from the benchmark). One memory per edit;
  a stack of edits is a stack of memories, each behind its own gate, so that none is merged and each can be dropped.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.above import Above, above
from goldenlayers_core.editing.delta import Edit, make_edit, not_finite, whole_factors
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.editing.settings import setting
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.templates import MethodConfig, TemplateConfig
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import EditRequest

IRRELEVANT: Final = (
    "The river is widest where it meets the sea, a few miles south of the old harbour.",
    "Water boils at a lower temperature in the mountains than it does on the coast.",
    "She opened the window, put the kettle on and looked for the letter from her aunt.",
    "The first mayor of the town was a teacher who had come from the north.",
    "In 1954 the company moved its head office and changed its name.",
    "Bees can tell colours apart, but red looks black to them.",
    "The song was written by two brothers and became known through a film.",
    "To bake bread you need flour, water, salt and a little patience.",
    "The language of the island has many words for rain.",
    "He plays the violin in an orchestra and teaches mathematics in the morning.",
)


@dataclass(frozen=True)
class WiseConfig(MethodConfig):
    """WISE's settings; ratio and density are the published ones."""

    steps: int = setting(25, "Steps", "Steps of Adam, at most.", 1, 500, 1)
    learning_rate: float = setting(1e-2, "Learning rate", "Step size of Adam.", 1e-6, 1.0, 1e-4)
    stop_loss: float = setting(
        0.05, "Stop below", "The optimisation ends when the whole loss is lower.", 0.0, 10.0, 0.01
    )
    density: float = setting(0.2, "Mask density", "Share of the matrix's entries that may change.", 0.001, 1.0, 0.05)
    ratio: float = setting(
        0.88, "Gate ratio", "The gate opens from this share of the smallest distance in scope.", 0.01, 1.0, 0.01
    )
    alpha: float = setting(
        0.1, "Alpha", "Distances out of scope above this cost; in norms of the clean output.", 0.0, 100.0, 0.05
    )
    beta: float = setting(0.5, "Beta", "Distances in scope below this cost; same unit.", 0.0, 100.0, 0.05)
    gamma: float = setting(0.25, "Gamma", "Wanted between the means of the two; same unit.", 0.0, 100.0, 0.05)
    n_templates: int = setting(1, "Context templates", "Sampled texts before the prompt, beside none.", 0, 100, 1)
    template_length: int = setting(10, "Template length", "Tokens; half of the templates have half as many.", 2, 50, 1)
    seed: int = setting(0, "Seed", "Of the mask and the context templates.", 0, 2**31 - 1, 1)

    @property
    def templates(self) -> TemplateConfig:
        """The context templates this config asks for."""
        return TemplateConfig(self.n_templates, self.template_length, seed=self.seed)


@dataclass(frozen=True, eq=False)
class Scope:
    """What the memory is trained on, and what it must leave alone."""

    here: Above
    """The edit's rows, from the subject's last token on."""
    inside: Tensor
    """(S,) True at that token."""
    outside: Tensor
    """(N, d_in) inputs of the matrix at the tokens out of scope."""
    rows: Tensor
    """(W,) row of each place whose next token is asked for."""
    columns: Tensor
    """(W,) its position."""
    answers: Tensor
    """(W,) the token asked for."""
    unit: float  # mean norm of the clean output in scope

    def moved(self, delta: Tensor) -> Tensor:
        """(S, d_out) by how much the memory moves the rows' tokens; out of scope the gate is closed."""
        return (self.here.inputs.to(delta.dtype) @ delta.T) * self.inside[:, None]

    def distances(self, delta: Tensor) -> tuple[Tensor, Tensor]:
        """d in and out of scope, (R,) and (N,)."""
        keys = self.here.inputs[self.inside].to(delta.dtype)
        return (keys @ delta.T).norm(dim=1), (self.outside.to(delta.dtype) @ delta.T).norm(dim=1)


def wise(
    handle: ModelHandle,
    request: EditRequest,
    layer: int,
    config: WiseConfig,
    supplies: Supplies,
    progress: Callable[[int, int, str], None] | None = None,
) -> Edit:
    """The edit that answers with `request.target_new` by a gated side memory; the model itself is unchanged.

    Raises EditError (layer out of range, numbers not finite), RequestError (empty target, subject not in the prompt),
    and whatever `progress(done, total, note)`, called after every step, raises.
    """
    handle.check_layer(layer)
    rows = edit_rows(handle, request, supplies.templates)[:-1]  # but for the essence row
    start = time.perf_counter()
    with handle.lock, few_rows(handle):
        scope = scope_of(handle, rows, layer)
        middle = time.perf_counter()
        delta, losses, nll = trained(scope, config, progress)
        threshold = config.ratio * float(scope.distances(delta)[0].min())
    if not threshold > 0.0:  # which would stand for "no gate"
        raise EditError(
            f"At layer {layer} of {handle.name} nothing done at the subject's last token reaches the answer to "
            f"{request.prompt!r}, so that there is nothing to remember; choose an earlier layer."
        )
    stages = (("keys", middle - start), (f"optimisation, {len(losses)} steps", time.perf_counter() - middle))
    factors = [whole_factors(layer, delta, threshold)]
    notes = {"loss": nll, "steps": len(losses), "threshold": threshold}
    made = make_edit(handle, request, "wise", factors, dataclasses.asdict(config), notes=notes)
    return dataclasses.replace(made, stages=stages)


def scope_of(handle: ModelHandle, rows: tuple[Row, ...], layer: int) -> Scope:
    """Run the edit's rows and the irrelevant sentences once. Hold the handle's lock."""
    others = [encode_prompt(handle.tokenizer, text) for text in IRRELEVANT]
    here = above(handle, [row.ids for row in rows], [row.lookup for row in rows], layer)
    beside = above(handle, others, [0] * len(others), layer)
    places = [(r, c, t) for r, row in enumerate(rows) for c, t in zip(row.wanted, row.answer, strict=True)]
    spots = torch.tensor(places, device=handle.device)
    inside = here.columns == here.splits[here.rows]
    return Scope(
        here=here,
        inside=inside,
        outside=torch.cat([here.before, here.inputs[~inside], beside.inputs]),
        rows=spots[:, 0],
        columns=spots[:, 1],
        answers=spots[:, 2],
        unit=float(here.outputs[inside].float().norm(dim=1).mean()),
    )


def mask_of(shape: tuple[int, ...], config: WiseConfig) -> Tensor:
    """(d_out, d_in) True where the memory may differ from the matrix; drawn from its own generator."""
    generator = torch.Generator().manual_seed(config.seed)
    return torch.rand(shape, generator=generator) < config.density


def trained(
    scope: Scope, config: WiseConfig, progress: Callable[[int, int, str], None] | None = None
) -> tuple[Tensor, list[float], float]:
    """M * Delta (d_out, d_in), the whole loss of every forward pass, and the answer's part of the last one (nats).

    Raises EditError when the loss is not finite. Hold the handle's lock.
    """
    here = scope.here
    handle = here.handle
    mask = mask_of(handle.shape(handle.mlp_out(here.layer)), config).to(handle.device, here.number)
    delta = torch.zeros_like(mask, requires_grad=True)
    # the masked entries have no gradient, and Adam leaves entries alone whose gradient always was 0
    adam = torch.optim.Adam([delta], lr=config.learning_rate)
    losses: list[float] = []
    while True:
        with torch.enable_grad():
            nll = target_loss(scope, delta)
            loss = nll + margin_loss(scope, delta, config)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise not_finite(handle, here.layer)
        if progress:
            progress(min(len(losses), config.steps), config.steps, f"loss {losses[-1]:.3f}")
        if losses[-1] < config.stop_loss or len(losses) > config.steps:
            return delta.detach(), losses, float(nll.detach())
        (gradient,) = torch.autograd.grad(loss, delta)
        delta.grad = gradient * mask
        adam.step()


def target_loss(scope: Scope, delta: Tensor) -> Tensor:
    """Mean negative log-likelihood of the target over the edit's rows, nats, with the change where it is in scope."""
    log_p = scope.here.log_p(scope.moved(delta), scope.rows, scope.columns)
    return -log_p.gather(1, scope.answers[:, None]).mean()


def margin_loss(scope: Scope, delta: Tensor, config: WiseConfig) -> Tensor:
    """The three hinges, in norms of the clean output."""
    inside, outside = (d / scope.unit for d in scope.distances(delta))
    apart = (outside.mean() - inside.mean() + config.gamma).clamp(min=0.0)
    return (outside - config.alpha).clamp(min=0.0).mean() + (config.beta - inside).clamp(min=0.0).mean() + apart


METHOD: Final = MethodInfo(
    name="wise",
    title="WISE",
    description=(
        "A side memory of one MLP output matrix that answers where it moves a token far enough (Wang et al. 2024); "
        "routed token by token."
    ),
    config_class=WiseConfig,
    run=wise,
    kind="memory",
    literature=(
        "EasyEdit's configurations say layer 27 for Llama-2, Llama 3.2 and Mistral, 29 for Llama 3 8B and 23 for "
        "Qwen2.5 7B."
    ),
)
