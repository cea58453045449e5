"""The two readings of an LGA score: gradients of the answer's tokens, or of every token of prompt and answer.

With P, O and N the gradients of the mean losses of a prompt's m tokens but the first, and of the k_o and k_n tokens of
its two answers,

    answer      phi = <O, N>
    sequence    phi = <(m P + k_o O) / (m + k_o), (m P + k_n N) / (m + k_n)>

are means over the tokens each loss is of; the sums over tokens are these times both numbers of tokens. A prompt weighs
m / (m + k) in its text, so it weighs less beside the longer of two answers.

Axes: Q requests, L layers.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.records import LOSSES_ON, LossOn
from goldenlayers_core.results.arrays import Floats, check_shape

Counts = NDArray[np.int64]

LOSS_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"sequence": "loss on prompt and answer", "answer": "loss on the answer"}
)


@dataclass(frozen=True, eq=False)
class Reading:
    """LGA's numbers under one reading, of mean losses."""

    loss_on: LossOn
    values: Floats
    """(Q, L) inner product of the two gradients, signed; nats^2 per squared unit of weight."""
    norm_old: Floats
    """(Q, L) nats per unit of weight."""
    norm_new: Floats
    """(Q, L) nats per unit of weight."""
    tokens_old: Counts
    """(Q,) tokens that the old answer's loss is the mean of."""
    tokens_new: Counts
    """(Q,) tokens that the new answer's loss is the mean of."""

    def __post_init__(self) -> None:
        for name in ("norm_old", "norm_new"):
            check_shape(name, getattr(self, name), self.values.shape)
        for name in ("tokens_old", "tokens_new"):
            check_shape(name, getattr(self, name), self.values.shape[:1])

    def __eq__(self, other: object) -> bool:
        """Equal numbers under the same reading."""
        names = [field.name for field in dataclasses.fields(self)]
        return isinstance(other, Reading) and all(np.array_equal(getattr(self, n), getattr(other, n)) for n in names)

    def __hash__(self) -> int:
        return hash(self.loss_on)

    @property
    def words(self) -> str:
        """What the loss is on, in words."""
        return LOSS_WORDS[self.loss_on]

    @property
    def cosine(self) -> Floats:
        """(Q, L) in [-1, 1]; 0 where a gradient vanishes."""
        return cosine(self.values, self.norm_old, self.norm_new)

    @property
    def summed(self) -> Floats:
        """(Q, L) the inner product of the gradients of losses summed over tokens, where `values` are of means."""
        found: Floats = self.values * (self.tokens_old * self.tokens_new)[:, None]
        return found


def cosine(values: Floats, norm_old: Floats, norm_new: Floats) -> Floats:
    """values / (norm_old norm_new); 0 where a gradient vanishes."""
    product = norm_old * norm_new
    return np.divide(values, product, out=np.zeros_like(values), where=product > 0)


@dataclass(frozen=True, eq=False)
class Products:
    """Inner products of O, N and P: gradients of the mean losses of old answer, new answer and prompt; all (Q, L)."""

    old_new: Floats
    old_old: Floats
    new_new: Floats
    prompt_old: Floats
    prompt_new: Floats
    prompt_prompt: Floats


def answer_reading(products: Products, old: Counts, new: Counts) -> Reading:
    """`old` and `new` (Q,): tokens of the answers."""
    return Reading(
        loss_on="answer",
        values=products.old_new,
        norm_old=_root(products.old_old),
        norm_new=_root(products.new_new),
        tokens_old=old,
        tokens_new=new,
    )


def sequence_reading(products: Products, old: Counts, new: Counts, prompt: Counts) -> Reading:
    """`prompt` (Q,): tokens of the prompt but its first, which nothing predicts."""
    a, b = (old / (prompt + old))[:, None], (new / (prompt + new))[:, None]  # what the answers weigh
    p, q = 1 - a, 1 - b
    return Reading(
        loss_on="sequence",
        values=a * b * products.old_new
        + p * b * products.prompt_new
        + q * a * products.prompt_old
        + p * q * products.prompt_prompt,
        norm_old=_root(a**2 * products.old_old + 2 * a * p * products.prompt_old + p**2 * products.prompt_prompt),
        norm_new=_root(b**2 * products.new_new + 2 * b * q * products.prompt_new + q**2 * products.prompt_prompt),
        tokens_old=prompt + old,
        tokens_new=prompt + new,
    )


def _root(squares: Floats) -> Floats:
    found: Floats = np.sqrt(np.maximum(squares, 0))
    return found


def readings_frame(readings: tuple[Reading, ...], requests: tuple[str, ...]) -> pd.DataFrame:
    """One row per (reading, request, layer): loss_on, request (its digest, of `requests`), layer, tokens, numbers."""
    frames = []
    for reading in readings:
        queries, layers = reading.values.shape
        repeat = np.repeat(np.arange(queries), layers)
        frames.append(
            pd.DataFrame(
                {
                    "loss_on": reading.loss_on,
                    "request": [requests[q] for q in repeat],
                    "layer": np.tile(np.arange(layers), queries),
                    "tokens_old": reading.tokens_old[repeat],
                    "tokens_new": reading.tokens_new[repeat],
                    "value": reading.values.ravel(),
                    "norm_old": reading.norm_old.ravel(),
                    "norm_new": reading.norm_new.ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def readings_from(frame: pd.DataFrame) -> tuple[Reading, ...]:
    """What `readings_frame` wrote, in its order. Raises ValueError or KeyError for another table."""
    layers = int(frame["layer"].max()) + 1
    found = []
    for loss_on, rows in frame.groupby("loss_on", sort=False):
        numbers = {name: rows[name].to_numpy(np.float64).reshape(-1, layers) for name in ("norm_old", "norm_new")}
        counts = {name: rows[name].to_numpy(np.int64)[::layers] for name in ("tokens_old", "tokens_new")}
        values = rows["value"].to_numpy(np.float64).reshape(-1, layers)
        found.append(Reading(loss_on=_known(loss_on), values=values, **numbers, **counts))
    return tuple(found)


def _known(loss_on: object) -> LossOn:
    for name in LOSSES_ON:
        if name == loss_on:
            return name
    raise ValueError(f"a loss on {loss_on!r} is unknown")
