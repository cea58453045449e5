"""A panel per layer, and bars whose order does not move."""

from dataclasses import replace

import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures import fact_panels, fact_tokens
from goldenlayers_core.results import ProbeOutcome, View
from goldenlayers_core.results.edit.fact_layers import FactLayers, score
from tests.made_up import made_report

PROMPT = "The capital of France is"
BEFORE = View("Paris", 0.1, 0.8, ((" Paris", 0.8), (" Rome", 0.1)))


def made(layers: tuple[int, ...] = (0, 1, 3), wanted: int = 5) -> FactLayers:
    """Layers with more and more of the new answer; taken from layer 1 on."""
    reports = []
    for layer in layers:
        p = 0.2 + 0.2 * layer
        after = View(
            "Rome" if layer else "Paris", p, 0.8 - p, ((" Rome", p), (" Oslo", 0.05 * layer), (" Paris", 0.8 - p))
        )
        outcomes = (
            ProbeOutcome(PROMPT, "rewrite", "", ("Rome",), BEFORE, after, bool(layer), 0.5),
            ProbeOutcome("Japan", "locality", "", (), BEFORE, after, layer < 3, 0.5),
        )
        report = made_report(outcomes, BEFORE, after)
        reports.append(replace(report, layer=layer, took=bool(layer), subject="France", target_true="Paris"))
    return FactLayers("tiny", "rome", wanted, tuple(range(wanted)), tuple(reports), ((4, "It failed."),))


def test_the_layers_say_what_is_there_and_what_is_not() -> None:
    found = made()
    assert (found.layers, found.missing, found.taking, found.best) == ((0, 1, 3), (2,), (1, 3), (1,))
    assert [score(report) for report in found.reports] == [0.5, 1.0, 0.5]
    assert found.at(2) is None
    assert len(found.to_frame()) == 6


@pytest.mark.parametrize("dark", [False, True])
def test_every_layer_has_a_panel_and_every_measured_one_its_slopes(dark: bool) -> None:
    drawn = fact_panels(made(), 1, dark)
    assert [shape.name for shape in drawn.layout.shapes].count("panel") == 4
    assert [shape.name for shape in drawn.layout.shapes].count("looked at") == 1
    new, old = drawn.data
    assert sum(value is not None for value in new.x) == 2 * 3
    assert [round(float(y), 6) for y in new.y[:2]] == [0.1, 0.2]
    assert [round(float(y), 6) for y in old.y[:2]] == [0.8, 0.6]
    marks = [a.text for a in drawn.layout.annotations]
    assert [m for m in marks if m.startswith("<b>")] == [
        "<b>0</b> ✗",
        "<b>1</b> ✓",
        "<b>2</b>",
        "<b>3</b> ✓",
        "<b>4</b> ✗",
    ]
    assert "France: Paris → " in drawn.layout.meta["title"]
    assert "taken at 2 of 3 layers; highest score 1 at layer 1" in drawn.layout.meta["title"]


def test_the_tokens_keep_their_places_while_the_bars_move() -> None:
    found = made()
    one, other = fact_tokens(found, 0), fact_tokens(found, 3)
    assert one.layout.yaxis.ticktext == other.layout.yaxis.ticktext
    assert set(one.layout.yaxis.ticktext) == {"·Rome", "·Paris", "·Oslo"}
    assert list(one.data[0].x) != list(other.data[0].x)
    assert list(one.data[1].x) == list(other.data[1].x)
    assert "turns from ·Paris to ·Rome" in other.layout.meta["title"]


def test_what_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="Layer 2 was asked for; measured are layers 0, 1 and 3"):
        fact_tokens(made(), 2)
    with pytest.raises(ConfigError, match="Layer 9 was asked for"):
        fact_panels(made(), 9)
