"""Sentences of the lessons against the numbers beside them: each of these said something else than its chart."""

import dataclasses
import json

import numpy as np
import pytest

from goldenlayers_core.figures.learn.wrong import pile_curves
from goldenlayers_core.figures.text import percent
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results import METRICS, SweepResult, TokenTrace
from goldenlayers_core.results.learn.pile import Pile
from goldenlayers_core.results.learn.recall import Depth, recalled
from goldenlayers_core.tasks.learn import golden
from goldenlayers_core.tasks.learn import layer as lesson_layer
from goldenlayers_core.tasks.learn.text import LESSONS, lesson_text
from goldenlayers_core.tasks.learn.wrong import bears, later
from tests.made_lessons import made_pile
from tests.made_up import made_sweep

NAMES = [metric.name for metric in METRICS]


def with_means(rewrite: dict[int, float], locality: dict[int, float]) -> SweepResult:
    """A sweep of ten requests at ten layers with these means; elsewhere 0.5."""
    sweep = made_sweep(requests=10, layers=tuple(range(10)), n_layers=10)
    values = sweep.values.copy()
    for name, means in (("rewrite", rewrite), ("locality", locality)):
        for layer in range(10):
            values[:, layer, NAMES.index(name)] = means.get(layer, 0.5)
    return dataclasses.replace(sweep, values=values)


def spared(pile: Pile, layer: int, changed: float) -> Pile:
    """The pile with one layer's last share of changed words made another."""
    curves = []
    for curve in pile.curves:
        last = dataclasses.replace(curve.passes[-1], changed=changed)
        curves.append(dataclasses.replace(curve, passes=(*curve.passes[:-1], last)) if curve.layer == layer else curve)
    return dataclasses.replace(pile, curves=tuple(curves))


def test_a_layer_whose_words_changed_by_a_third_is_not_said_to_stand() -> None:
    pile = spared(made_pile(), 15, 0.33)
    title = pile_curves(pile).layout.meta["title"]
    assert "stand" not in title
    assert "33 % at layer 15" in title
    assert "at layer 15 it does not collapse with up to 6 (33 % of the words changed)" in bears(pile)


def test_what_a_model_bears_is_said_of_every_layer() -> None:
    pile = made_pile()
    assert bears(pile).startswith("How many edits a model bears depends on the layer")
    for curve in pile.curves:
        assert f"at layer {curve.layer} it" in bears(pile)
    same = dataclasses.replace(pile, curves=pile.curves[:1])
    assert bears(same).startswith("These layers bear equally many")


def test_which_sign_warned_later_is_counted() -> None:
    pile = made_pile()
    pairs = [(c.warns_at("words") or 99, c.warns_at("perplexity") or 99) for c in pile.curves]
    late, early = sum(b > a for a, b in pairs), sum(b < a for a, b in pairs)
    assert f"at {late} of 3 layers, earlier at {early}." in later(pile)
    turned = dataclasses.replace(
        pile,
        curves=tuple(
            dataclasses.replace(c, passes=tuple(dataclasses.replace(p, changed=0.0) for p in c.passes))
            for c in pile.curves
        ),
    )
    assert "at 0 of 3 layers, earlier at" in later(turned)


def test_a_layer_where_more_neighbours_stay_is_not_passed_over() -> None:
    found = lesson_layer.apart(with_means({2: 0.9, 6: 0.9, 3: 0.4}, {2: 0.3, 6: 0.44, 3: 0.67}))
    assert found.most == (6, pytest.approx(0.44))
    assert (
        found.elsewhere == f"More stay at layer 3 ({percent(0.67)}), but only {percent(0.4)} of the edits take there."
    )
    same = lesson_layer.apart(with_means({2: 0.9, 3: 0.9}, {2: 0.3, 3: 0.67}))
    assert same.most == (3, pytest.approx(0.67))
    assert same.elsewhere == ""


@pytest.mark.parametrize("level", [0.05, 0.4])
def test_what_the_golden_layer_gives_away_is_a_number_and_no_praise(level: float) -> None:
    scores = np.full((12, 30), 0.5)
    scores[np.arange(12), np.arange(12)] = 0.5 + level
    sweep = made_sweep(requests=12, scores=scores)
    own, enough = golden.questions(sweep, golden.proxy_curve(sweep, 50), "run")
    for word in ("only", "nearly as good", "less sure"):
        assert word not in own.explanation + enough.explanation
    lost = float((scores.max(axis=1) - scores[:, sweep.golden_layer]).mean())
    assert f"gives away {lost:.2g}" in own.explanation


@pytest.mark.parametrize(("layer", "readable", "words"), [(1, 4, "comes before"), (5, 2, "no earlier")])
def test_where_a_fact_is_recalled_is_said_of_this_very_trace(layer: int, readable: int, words: str) -> None:
    effects = np.zeros((4, 6))
    effects[1, layer] = 0.5
    trace = TokenTrace(
        **{
            **{field.name: None for field in dataclasses.fields(TokenTrace)},
            "tokens": ("The", " France", " is", " in"),
            "subject": (1, 1),
            "effects": effects,
        }
    )
    rank = np.array([9.0] * (readable + 1) + [1.0] * (6 - readable))
    depth = Depth("m", "p", "a", ("x",) * 7, np.zeros(7), np.zeros(7), rank)
    said = recalled(trace, depth)
    assert f"around layer {layer}, at" in said
    assert f"from layer {readable} on" in said
    assert words in said


def test_a_neighbour_is_what_the_data_holds() -> None:
    terms = json.loads((assets_folder() / "glossary.json").read_text())
    listed = terms if isinstance(terms, list) else terms["terms"]
    meaning = next(term["meaning"] for term in listed if term["term"] == "neighbour")
    assert "same question" not in meaning


@pytest.mark.parametrize("name", LESSONS)
def test_no_lesson_says_how_much_is_lost_or_how_a_sign_is_without_a_number(name: str) -> None:
    text = " ".join(" ".join(lesson_text(name).parts.values()).split())
    for claim in ("moves little", "little is lost", "is a late sign", "still stand", "are large whether", "and hardly"):
        assert claim not in text
