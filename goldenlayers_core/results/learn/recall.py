"""Lesson 2: where a fact is recalled: the causal trace of one fact, and what could be read after every layer. No torch.

Axes: T tokens of the prompt, L layers; L + 1 places: what enters the first block, then what leaves each block.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.formats import percent
from goldenlayers_core.results.learn.know import quoted
from goldenlayers_core.results.learn.question import Question, layer_ranges, range_words
from goldenlayers_core.results.scores.trace import TokenTrace, position_class


@dataclass(frozen=True)
class Depth:
    """The logit lens of one prompt: the likeliest token after every layer, and what becomes the model's answer."""

    model: str
    prompt: str
    answer: str  # the token that the model itself says at the end
    tokens: tuple[str, ...]  # (L + 1) the likeliest token read from each place
    top: Floats
    """(L + 1,) its probability."""
    probability: Floats
    """(L + 1,) probability of the answer's first token, read from each place."""
    rank: Floats
    """(L + 1,) its rank among all tokens; 1 is the likeliest."""

    def __post_init__(self) -> None:
        places = (len(self.tokens),)
        check_shape("top", self.top, places)
        check_shape("probability", self.probability, places)
        check_shape("rank", self.rank, places)

    @property
    def n_layers(self) -> int:
        return len(self.tokens) - 1

    @property
    def readable_from(self) -> int:
        """The layer from which on the answer is the likeliest token, up to the end; 0 is the first block."""
        below = np.flatnonzero(self.rank[1:] != 1)
        return int(below[-1]) + 1 if len(below) else 0

    def to_frame(self) -> pd.DataFrame:
        """One row per place."""
        return pd.DataFrame(
            {
                "layer": [place - 1 for place in range(len(self.tokens))],  # -1: what enters the first block
                "likeliest_token": self.tokens,
                "its_probability": self.top,
                "probability_of_answer": self.probability,
                "rank_of_answer": self.rank.astype(int),
            }
        )


def token_question(trace: TokenTrace, about: str) -> Question:
    """At which kind of token does restoring the clean state bring most of the answer back?"""
    best = class_maxima(trace)
    options = tuple(best)
    top = max(value for value, _, _ in best.values())
    winner = max(best, key=lambda name: best[name][0])
    value, token, layer = best[winner]
    others = "; ".join(f"{name} {best[name][0]:+.2f}" for name in options if name != winner)
    return Question(
        key="token",
        text=f"The subject of “{trace.prompt}” is blurred with noise. At which token does putting the clean state back "
        f"bring most of {quoted(trace.answer)} back?",
        options=options,
        right=tuple(i for i, name in enumerate(options) if best[name][0] == top),
        explanation=(
            f"Clean, {quoted(trace.answer)} has a probability of {percent(trace.p_clean)}; with the subject blurred "
            f"{percent(trace.p_corrupt)}. Put back around layer {layer} at {quoted(trace.tokens[token])}, the state "
            f"raises it by {value:+.2f}, the most of all. The most that the other kinds of token reach: {others}."
        ),
        about=about,
    )


def class_maxima(trace: TokenTrace) -> dict[str, tuple[float, int, int]]:
    """Per kind of token that the prompt has, from the subject on: (largest effect, its token, its layer)."""
    found: dict[str, tuple[float, int, int]] = {}
    for token, row in enumerate(trace.effects):
        name = position_class(token, trace.subject, len(trace.tokens))
        if not name or np.isnan(row).all():
            continue
        layer = int(np.nanargmax(row))
        entry = (float(row[layer]), token, layer)
        found[_words(name)] = max(found.get(_words(name), entry), entry, key=lambda one: one[0])
    return found


def recalled(trace: TokenTrace, depth: Depth) -> str:
    """One sentence or two: where the trace needs the state, from where the answer can be read, and how they lie."""
    best = class_maxima(trace)
    place = max(best, key=lambda name: best[name][0])
    value, _, layer = best[place]
    start = (
        f"The trace brings most back ({value:+.2f}) around layer {layer}, at {place}; the answer can be read at the "
        f"last token from layer {depth.readable_from} on."
    )
    if layer < depth.readable_from:
        return f"{start} What is needed there comes before the answer can be read."
    return f"{start} Here the state is needed no earlier than the answer can be read."


def _words(position: str) -> str:
    return {
        "first subject token": "the subject's first token",
        "middle subject tokens": "a token in the middle of the subject",
        "last subject token": "the subject's last token",
        "first token after": "the first token after the subject",
        "tokens between": "a token further on",
        "last token": "the prompt's last token",
    }[position]


def layer_question(trace: TokenTrace, about: str) -> Question:
    """At the subject's last token, in which layers does restoring help most?"""
    row = trace.effects[trace.subject[1]]
    ranges = layer_ranges(len(row))
    best = [float(np.nanmax(row[list(layers)])) for layers in ranges]
    layer = int(np.nanargmax(row))
    told = "; ".join(f"{range_words(layers)} {value:+.2f}" for layers, value in zip(ranges, best, strict=True))
    return Question(
        key="layer",
        text="Now only at the subject's last token: in which layers does putting the clean state back help most?",
        options=tuple(range_words(layers) for layers in ranges),
        right=tuple(i for i, value in enumerate(best) if value == max(best)),
        explanation=(
            f"Most around layer {layer}: {float(row[layer]):+.2f}. The most in each quarter of the depth: {told}. "
            f"Every value puts back {trace.window} layers at once and is a mean over {trace.n_samples} noise samples."
        ),
        about=about,
    )


def readable_question(depth: Depth, about: str) -> Question:
    """From which layer on is the model's answer the likeliest token, if one reads the residual stream there?"""
    ranges = layer_ranges(depth.n_layers)
    layer = depth.readable_from
    halfway = depth.n_layers // 2
    return Question(
        key="readable",
        text=f"If the model had to speak after a layer, from which layer on would it say {quoted(depth.answer)}?",
        options=tuple(f"from one of {range_words(layers)} on" for layers in ranges),
        right=(next(i for i, layers in enumerate(ranges) if layer in layers),),
        explanation=(
            f"From layer {layer} on, of layers 0 to {depth.n_layers - 1}. Halfway, after layer {halfway - 1}, "
            f"{quoted(depth.answer)} has rank {int(depth.rank[halfway]):,} and the likeliest token is "
            f"{quoted(depth.tokens[halfway])}; at the end it has a probability of "
            f"{percent(float(depth.probability[-1]))}."
        ),
        about=about,
    )
