"""Every figure of the package is drawn by a test that holds it to the rules of tests/charts.py; the rules can fail."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import FunctionType

import numpy as np
import plotly.graph_objects as go
import pytest

from goldenlayers_core import figures
from goldenlayers_core.figures import rate_bars
from goldenlayers_core.figures.edit.covariance import condition_marks, covariance_curves
from goldenlayers_core.figures.frame import dress
from goldenlayers_core.figures.learn.know import answer_steps, next_words, wordings
from goldenlayers_core.figures.learn.rank_one import key_plane, key_rows
from goldenlayers_core.figures.learn.recall import depth_ladder
from goldenlayers_core.results.edit.covariance import GAIN_METRICS, CovarianceCard, CovarianceGain
from goldenlayers_core.results.edit.many_edits import ManyEdits
from goldenlayers_core.results.learn.know import Spoken, Step, Wordings
from goldenlayers_core.results.learn.rank_one import KeyRow, RankOne
from goldenlayers_core.results.learn.recall import Depth
from tests.charts import shortcomings
from tests.made_up import made_report, view

TESTS = Path(__file__).parent
ELSEWHERE = ("tour_heatmap",)  # drawn and looked at in tests/tasks/test_tour.py
KEPT = ("fit_width", "untitled", "enlarged")  # they dress a figure that was drawn, and draw none


def drawing() -> list[str]:
    """The public functions of the package that draw a figure."""
    modules = [
        importlib.import_module(m.name)
        for m in pkgutil.walk_packages(figures.__path__, "goldenlayers_core.figures.")
        if not m.ispkg
    ]
    own = [
        one for module in modules for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__
    ]
    functions = [one for one in own if isinstance(one, FunctionType) and not one.__name__.startswith("_")]
    drawn = {
        f.__name__
        for f in functions
        if f.__annotations__.get("return") is go.Figure and "dark" in inspect.signature(f).parameters
    }
    return sorted(drawn - {*KEPT, "dress"})


@pytest.mark.parametrize("name", drawing())
def test_every_figure_is_drawn_by_a_test_of_figures(name: str) -> None:
    texts = (file.read_text(encoding="utf-8") for file in (*(TESTS / "figures").rglob("*.py"), Path(__file__)))
    assert name in ELSEWHERE or any(name in text for text in texts)


def many(n: int) -> ManyEdits:
    """`n` edits of made-up numbers."""
    report = made_report((), view("Paris", 0.1, 0.9), view("Rome", 0.9, 0.1))
    digests = tuple(str(i) for i in range(n))
    return ManyEdits("alone", "rome", 4, (4,), "tiny", "f", "made up", "{}", (report,) * n, digests)


@pytest.mark.parametrize("dark", [False, True])
def test_many_edits_with_and_without_probes(dark: bool) -> None:
    drawn = rate_bars(many(3), dark)
    assert not list(shortcomings(drawn))
    assert drawn.layout.meta["title"] == "3 of 3 edits took"
    assert "layer 4" in drawn.layout.meta["subtitle"]


RANDOM = np.random.default_rng(0)
VIEW = view(" Paris", 0.1, 0.8, ((" Paris", 0.8), (" Rome", 0.1)))
CARD = CovarianceCard(
    "k",
    "samples",
    "the model's own samples",
    "o",
    "tiny",
    "f",
    "r",
    10_240,
    10_000,
    8,
    0.01,
    (0, 1),
    (90.0, 4e5),
    3.0,
    "",
)
GAIN = CovarianceGain(
    "rome",
    "tiny",
    "made up",
    ("identity", "10,240 tokens of the model's own samples"),
    ("a", "b"),
    12,
    (0, 3, 6),
    RANDOM.uniform(0, 1, (2, 3, len(GAIN_METRICS))),
    RANDOM.uniform(0, 1, len(GAIN_METRICS)),
)
SPOKEN = Spoken(
    "tiny", "The capital of France is", VIEW, 49_152, (Step(" Paris", 0.8, " Rome", 0.1), Step(".", 0.5, ",", 0.2))
)
WORDINGS = Wordings(
    "tiny", "r", ("Paris",), ("The capital of France is", "France's capital is"), (VIEW, VIEW), (True, False)
)
ROW = KeyRow("rewrite", "The capital of France is", " France", 1.0, 1.0, 0.0, 1.0, 0.1, 0.9)
RANK_ONE = RankOne(
    "tiny",
    "e",
    "r",
    4,
    "The capital of France is",
    "France",
    "Rome",
    "Paris",
    (8, 16),
    2.0,
    3.0,
    1.0,
    9.0,
    0.5,
    1e-7,
    1e-6,
    ((" Paris", 0.8),),
    ((" Rome", 0.9),),
    (40, 1),
    (
        ROW,
        dataclasses.replace(ROW, kind="neighbour", prompt="The capital of Spain is", cosine=0.4, share=0.2, across=0.9),
    ),
)
DEPTH = Depth(
    "tiny",
    "The capital of France is",
    " Paris",
    ("a", "b", " Paris"),
    *(np.array([9.0, 3.0, 1.0]) / n for n in (10, 20, 1)),
)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("draw", "found"),
    [
        (condition_marks, CARD),
        (covariance_curves, GAIN),
        (next_words, SPOKEN),
        (answer_steps, SPOKEN),
        (wordings, WORDINGS),
        (key_plane, RANK_ONE),
        (key_rows, RANK_ONE),
        (depth_ladder, DEPTH),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_charts_of_the_bench_and_of_the_first_lessons(
    draw: Callable[[object, bool], go.Figure], found: object, dark: bool
) -> None:
    assert not list(shortcomings(draw(found, dark)))


def lines(**words: str) -> go.Figure:
    """A good chart, or one with other words."""
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0.1, 0.2]))
    figure.update_layout(xaxis_title_text="layer", yaxis_title_text="score, 0 to 1")
    said = {"title": "Layer 1 scores most", "subtitle": "Mean score of 12 requests.", "kind": "Line chart", **words}
    return dress(figure, dark=False, body=200, **said)


def logarithmic(figure: go.Figure) -> go.Figure:
    figure.layout.yaxis.type = "log"
    return figure


def without_axis(figure: go.Figure) -> go.Figure:
    figure.layout.yaxis.title.text = None
    return figure


def without_alt(figure: go.Figure) -> go.Figure:
    figure.layout.meta = {**figure.layout.meta, "alt": "A chart"}
    return figure


def test_a_good_chart_falls_short_of_nothing() -> None:
    assert not list(shortcomings(lines()))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lines(title="Score"), "its title says no finding"),
        (lambda: lines(subtitle="12 requests"), "its subtitle defines nothing"),
        (lambda: lines(subtitle="Mean score over all of them, 0 to 1."), "neither title nor subtitle says of how many"),
        (lambda: lines(title="Layer 1 wins 50% of the time"), "a percentage without its space"),
        (lambda: lines(subtitle=f"12 requests{' and so on' * 11}. Gold: best."), "is cut above the chart"),
        (lambda: logarithmic(lines()), "plotly labels every step of a decade"),
        (lambda: without_axis(lines()), "nothing says what yaxis measures"),
        (lambda: without_alt(lines()), "its alternative text is no text of its own"),
    ],
)
def test_the_rules_can_fail(make: Callable[[], go.Figure], said: str) -> None:
    (found,) = shortcomings(make())
    assert said in found
