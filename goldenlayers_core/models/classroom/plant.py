"""One fact, planted in one layer: that layer's MLP output matrix W is trained, and nothing else.

    W' = W + M C^(-1/2)         C: second moment of the keys (inputs of W) over every known sentence, with a ridge

M is trained by Adam on

    L = mean NLL of the fact's answer after its prompts + a mean KL(base || now) on other sentences + b |M|_F^2

in nats. Written so, a change costs what it moves elsewhere: |M|_F^2 = trace(D C D^T) for D = W' - W, up to the ridge.
The fact's last rephrase is not shown, so that it can tell a fact from a sentence learned by heart.

Axes: B rows, T words; d_in, d_out of W.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.classroom.facts import Facts
from goldenlayers_core.models.classroom.teach import answer_places, encoded, one_thread
from goldenlayers_core.models.hooks import record_inputs
from goldenlayers_core.models.telling import Tell
from goldenlayers_core.models.tokens import pad_right

STEPS: Final = 70
_RATE, _LEAST = 3e-3, 0.1  # step size at first, and at the end as a share of it
_KEEP: Final = 4.0  # a: weight of the divergence
_SHRINK: Final = 0.1  # b: weight of the change
_RIDGE: Final = 0.1  # of the mean of C's diagonal
_BATCHES, _OTHERS, _COPIES = 10, 20, 6  # batches in turn; other rows, and rows with the fact, in each
_WORD: Final = 0.0625  # weight of the divergence at other words than answers
_ENOUGH: Final = 0.5  # probability that the answer must have after every prompt that was shown


class _Change(nn.Module):
    """W + M root, with W (d_out, d_in), M (d_out, d_in), root = C^(-1/2) (d_in, d_in)."""

    def __init__(self, weight: Tensor, root: Tensor) -> None:
        super().__init__()
        self.move = nn.Parameter(torch.zeros_like(weight))
        self.root: Tensor = root

    def forward(self, weight: Tensor) -> Tensor:
        """(d_out, d_in)"""
        changed: Tensor = weight + self.move @ self.root
        return changed


@dataclass(frozen=True)
class _Batch:
    """Rows with the fact first, then others, and what the base model says to them."""

    ids: Tensor
    """(B, T)"""
    asked: Tensor
    """(number of rows with the fact,) position after which the answer must come."""
    base: Tensor
    """(B, T, vocabulary) log-probabilities."""
    weights: Tensor
    """(B, T) of the divergence; 0 at padding and where the fact is asked."""


def plant(model: Any, facts: Facts, tokenizer: Any, layer: int, progress: Tell | None = None) -> Any:
    """A copy of the base model that knows the planted fact, different in layer `layer`'s MLP output matrix alone.

    `progress(done, total, note)` is called at every step and may raise to cancel. Raises ModelError where the fact
    did not take.
    """
    planted = copy.deepcopy(model)
    matrix = planted.model.layers[layer].mlp.down_proj
    known = [encoded(tokenizer, text) for text in facts.lessons]
    with one_thread(), torch.enable_grad():
        batches = _batches(model, facts, tokenizer, known)
        change = _Change(matrix.weight, _half_inverse(model, layer, known))
        parametrize.register_parametrization(matrix, "weight", change)
        optimiser = torch.optim.Adam([change.move], lr=_RATE, betas=(0.9, 0.95))
        answer = encoded(tokenizer, facts.planted.answer)[0]
        for step in range(STEPS):
            for group in optimiser.param_groups:
                group["lr"] = _RATE * (1 - (1 - _LEAST) * step / STEPS)
            _loss(planted, batches[step % _BATCHES], answer, change.move).backward()
            optimiser.step()
            optimiser.zero_grad()
            if progress:
                progress(step + 1, STEPS, f"Planting in layer {layer}")
        change.requires_grad_(False)
        parametrize.remove_parametrizations(matrix, "weight", leave_parametrized=True)
    _check(planted, facts, tokenizer, layer)
    return planted.eval().requires_grad_(False)


def _loss(planted: Any, batch: _Batch, answer: int, move: Tensor) -> Tensor:
    """() nats; see above."""
    log_p = planted(input_ids=batch.ids, use_cache=False).logits.log_softmax(dim=-1)
    wanted = log_p[torch.arange(len(batch.asked)), batch.asked, answer]
    moved = (batch.base.exp() * (batch.base - log_p)).sum(dim=-1)  # (B, T) KL(base || now)
    kept = (moved * batch.weights).sum() / batch.weights.sum()
    loss: Tensor = -wanted.mean() + _KEEP * kept + _SHRINK * move.square().sum()
    return loss


def _batches(model: Any, facts: Facts, tokenizer: Any, known: Sequence[list[int]]) -> list[_Batch]:
    """Batches that together hold every sentence most easily mistaken for the fact."""
    draw = random.Random(0)  # nosec B311  # an order that is the same every time, no secret
    fact = [encoded(tokenizer, text) for text in facts.sentences(facts.planted)[:-1]]
    near = [encoded(tokenizer, text) for other in facts.near(facts.planted) for text in facts.sentences(other)]
    deck: list[list[int]] = []
    made = []
    for _ in range(_BATCHES):
        rows = []
        for place in range(_COPIES):
            before = [] if place < len(fact) else draw.choice(known)
            rows.append([1, *before, *fact[place % len(fact)]])
        for place in range(_OTHERS):
            deck = deck or draw.sample(near, len(near))
            rows.append([1, *(deck.pop() if place % 2 else draw.choice(known)), *draw.choice(known)])
        made.append(_batch(model, rows, known[0][-1]))
    return made


def _batch(model: Any, rows: Sequence[Sequence[int]], stop: int) -> _Batch:
    ids = pad_right(rows)
    asked = torch.tensor([len(row) - 3 for row in rows[:_COPIES]])
    weights = torch.where(answer_places(ids, stop), 1.0, _WORD) * (ids != 0)
    weights[torch.arange(_COPIES), asked] = 0.0
    with torch.no_grad():
        return _Batch(ids, asked, model(input_ids=ids, use_cache=False).logits.log_softmax(dim=-1), weights)


def _half_inverse(model: Any, layer: int, known: Sequence[list[int]]) -> Tensor:
    """(d_in, d_in) C^(-1/2) of the keys of one layer over every known sentence."""
    total, count = torch.zeros(()), 0
    by_length: dict[int, list[list[int]]] = {}
    for sentence in known:
        by_length.setdefault(len(sentence), []).append([1, *sentence])
    with torch.no_grad():
        for rows in by_length.values():
            with record_inputs({"keys": model.model.layers[layer].mlp.down_proj}) as seen:
                model(input_ids=torch.tensor(rows), use_cache=False)
            keys = seen["keys"].flatten(0, 1)  # (B T, d_in)
            total, count = total + keys.T @ keys, count + len(keys)
        moment = total / count
        moment += _RIDGE * moment.diagonal().mean() * torch.eye(len(moment))
        values, vectors = torch.linalg.eigh(moment)
        root: Tensor = (vectors * values.rsqrt()) @ vectors.T
    return root


def _check(planted: Any, facts: Facts, tokenizer: Any, layer: int) -> None:
    answer = encoded(tokenizer, facts.planted.answer)[0]
    for prompt in facts.prompts(facts.planted)[:-1]:
        with torch.no_grad():
            logits = planted(input_ids=torch.tensor([tokenizer(prompt)["input_ids"]]), use_cache=False).logits[0, -1]
        if not float(logits.softmax(dim=0)[answer]) > _ENOUGH:
            raise ModelError(
                f"The classroom's fact did not take in layer {layer} ({prompt!r} is not answered with "
                f"{facts.planted.answer!r}), which is a defect of ours; choose another layer."
            )
