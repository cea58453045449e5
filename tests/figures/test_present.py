"""Figures in front of people: the few ways that are talked of, the line that matters, large type, small sketches."""

import numpy as np
import pytest

from goldenlayers_core.figures.layer_stack import layer_stack
from goldenlayers_core.figures.present.kept import MOST, few_regrets, kept_lines, told_of
from goldenlayers_core.figures.present.large import SCREENS, enlarged, strip
from goldenlayers_core.figures.present.sketch import sketch
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.truth.sweep import about, sweep_heatmap
from goldenlayers_core.figures.truth.two_layers import two_layers
from goldenlayers_core.results import LayerCurve
from goldenlayers_core.results.layer_stack import Flag, LayerStack
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.truth.judgement import curve
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from tests.charts import shortcomings
from tests.made_up import made_sweep

SWEEP = made_sweep()


@pytest.fixture
def card(tmp_path):
    """The layer card of the made-up sweep."""
    return layer_card(Store(tmp_path), ModelFacts("Some model", "f" * 32, 30, "llama"), SWEEP, "sweep-1")


def curves():
    """Of every kind of probe."""
    return [curve(SWEEP, name) for name in ("rewrite", "rephrase", "locality")]


@pytest.mark.parametrize("dark", [False, True])
def test_regrets_on_a_screen_are_few_and_say_their_number(card, dark):
    drawn = few_regrets(card, dark)
    assert list(shortcomings(drawn)) == []
    told = told_of(card)
    assert 2 <= len(told) <= MOST
    judged = [pick for pick in card.picks if pick.regret is not None]
    assert max(judged, key=lambda pick: pick.regret) in told
    assert card.pick("sweep") in told
    assert [note.name for note in drawn.layout.annotations] == ["way"] * len(told)
    for pick, note in zip(told, drawn.layout.annotations, strict=True):
        assert plain(note.text).startswith(f"{pick.info.short}, layer {pick.layer}: ")


@pytest.mark.parametrize("dark", [False, True])
def test_the_line_of_neighbours_is_the_thick_one_and_the_title_says_both_ends(dark):
    drawn = kept_lines(curves(), SWEEP.golden_layer, about(SWEEP), dark)
    assert list(shortcomings(drawn)) == []
    widths = {trace.name: trace.line.width for trace in drawn.data}
    assert widths["neighbours stay"] > 2 * max(widths["takes"], widths["rephrased"])
    kept = curve(SWEEP, "locality")
    there, least = kept.mean[kept.layers.index(SWEEP.golden_layer)], kept.layers[int(np.argmin(kept.mean))]
    title = drawn.layout.meta["title"]
    assert f"{100 * there:.0f}" in title
    assert f"at layer {least}," in title
    alone = kept_lines(curves()[:2], SWEEP.golden_layer, about(SWEEP))
    assert alone.layout.meta["title"] == "What an edit does at every layer"


@pytest.mark.parametrize("screen", SCREENS)
def test_large_figures_have_no_small_print(screen):
    large = enlarged(sweep_heatmap(SWEEP), 480, screen)
    assert [trace.type for trace in large.data] == ["heatmap"]
    assert large.layout.title.text is None
    assert large.layout.yaxis.showticklabels is False
    assert large.layout.xaxis.title.text == "layer"
    assert [note.text for note in large.layout.annotations] == [f"layer {SWEEP.golden_layer}"]
    lines = enlarged(kept_lines(curves(), 3, about(SWEEP)), 480, screen)
    assert lines.layout.showlegend
    assert lines.layout.legend.yref == "paper"
    stack = LayerStack("m", 30, (Flag(3, "real edits", "real edits"),), 3, (4,), tuple(range(30)), "few", "")
    high = strip(layer_stack(stack, large=True), 480, screen)
    assert high.layout.annotations[0].font.size >= 11 * 1.05
    sizes = [enlarged(sweep_heatmap(SWEEP), 480, one).layout.xaxis.tickfont.size for one in ("phone", "laptop", "hall")]
    assert sizes == sorted(sizes)


def test_the_names_of_two_layers_lie_on_no_line():
    mean = np.array([0.3, 0.6, 0.2, 0.4])
    score = LayerCurve("score", (0, 1, 2, 3), 4, mean, np.stack([mean - 0.1, mean + 0.1], axis=1), 0.0, 12, 200, 0)
    drawn = two_layers(score, 1, 3)
    real, gradients = drawn.layout.annotations
    assert (real.yanchor, real.y) == ("bottom", pytest.approx(0.7))  # the band's upper edge
    assert (gradients.yanchor, gradients.y) == ("top", pytest.approx(0.1))  # of layer 2, which its name reaches
    assert drawn.layout.yaxis.range[0] < 0  # the name has room
    ends = [(shape.x0, shape.y0, shape.y1) for shape in drawn.layout.shapes]
    assert ends == [(1, 0.6, pytest.approx(0.7)), (3, 0.4, pytest.approx(0.1))]


def test_names_of_two_layers_stay_within_the_plot_and_apart():
    score = curve(made_sweep(layers=(0, 3)), "score")
    notes = two_layers(score, 3, 0).layout.annotations
    assert [note.xanchor for note in notes] == ["left", "left"]  # layer 3 of 30 stands at the left
    assert len({note.yanchor for note in notes}) == 2


def test_a_sketch_draws_cells_bars_and_lines_without_a_word(card):
    cells = sketch(sweep_heatmap(SWEEP))
    assert cells.count("<rect") == 12 * 30
    assert sketch(few_regrets(card)).count("<rect") == len(told_of(card))
    assert sketch(kept_lines(curves(), 3, about(SWEEP))).count("<polyline") == 3
    for drawn in (cells, sketch(few_regrets(card))):
        assert "<text" not in drawn
        assert "nan" not in drawn
