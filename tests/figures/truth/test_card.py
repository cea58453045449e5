"""The layer card and its regrets: every pick where it belongs, none hidden behind another, and said in words."""

from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.figures import alt_text, generalisation_matrix, layer_card, regret_bars
from goldenlayers_core.figures.frame import PHONE
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import DARK, LIGHT
from goldenlayers_core.figures.truth.card import place_labels
from goldenlayers_core.figures.truth.two_layers import two_layers
from goldenlayers_core.results import WAYS, LayerCard, LayerCurve, Pick
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.tasks.truth.judgement import curve
from goldenlayers_core.tasks.truth.transfer import Part, matrix
from tests.made_up import made_sweep

LAYERS = (4, 5, 5, 21, 4, 5, 5, 5, 15)  # in the order of WAYS
SCORES = (0.89, 0.86, 0.86, 0.61, 0.89, 0.86, 0.86, 0.86, 0.65)


@pytest.fixture
def card() -> LayerCard:
    picks = tuple(
        Pick(way, layer, "12 requests", 12.0, score, 0.93 - score, 0.9 - score, 0.99 - score)
        for way, layer, score in zip(WAYS, LAYERS, SCORES, strict=True)
    )
    return LayerCard("tiny", "f" * 32, "rome", "made up", 12, 30, 0.93, picks, "Use layer 4.", 2000, 0)


@pytest.fixture
def found() -> LayerCurve:
    return curve(made_sweep(12), "score")


@pytest.mark.parametrize("dark", [False, True])
def test_every_pick_is_marked_at_its_layer_and_score_and_only_the_sweep_is_gold(card, found, dark):
    figure = layer_card(card, found, dark)
    marks = {
        trace.customdata[0][1]: trace for trace in figure.data if trace.customdata is not None and len(trace.x) == 1
    }
    assert {way: (marks[way].x[0], marks[way].y[0]) for way in WAYS} == dict(
        zip(WAYS, zip(LAYERS, SCORES, strict=True), strict=True)
    )
    gold = (DARK if dark else LIGHT).gold
    assert [way for way in WAYS if marks[way].marker.color == gold] == ["sweep"]


def test_a_layer_that_was_not_measured_has_a_name_and_no_score(card, found):
    picks = tuple(replace(p, layer=9, score=None, regret=None) if p.way == "lga" else p for p in card.picks)
    figure = layer_card(replace(card, picks=picks), found)
    marks = [trace.customdata[0][1] for trace in figure.data if trace.customdata is not None and len(trace.x) == 1]
    assert "lga" not in marks
    assert len(marks) == len(WAYS) - 1
    assert "LGA: 9 (not measured)" in " ".join(a.text.replace("<br>", " ") for a in figure.layout.annotations)
    feet = [shape.y0 for shape in figure.layout.shapes if shape.name == "leader" and shape.x0 == 9]
    assert feet == [1.0]  # above every score


def test_the_curve_and_its_band_are_the_sweeps(card, found):
    band, line = layer_card(card, found).data[:2]
    assert np.allclose(line.y, found.mean)
    assert np.allclose(band.y, [*found.interval[:, 1], *found.interval[::-1, 0]])


def test_other_estimates_are_open_marks_on_the_curve_where_they_are_asked_for(card, found):
    plain_one = layer_card(card, found)
    assert "other estimates" not in [trace.name for trace in plain_one.data]
    assert "hexagons" not in plain(plain_one.layout.title.subtitle.text)
    figure = layer_card(card, found, False, (("Gradient norm", 1), ("Earlier", 0), ("Mean absolute gradient", 1)))
    (marks,) = [trace for trace in figure.data if trace.name == "other estimates"]
    assert (marks.mode, marks.marker.symbol) == ("markers", "hexagon-open")
    assert list(marks.x) == [0, 1]
    assert np.allclose(marks.y, [found.mean[found.layers.index(layer)] for layer in (0, 1)])
    assert marks.customdata[1][0] == "Gradient norm<br>Mean absolute gradient"
    assert "hexagons: other estimates" in plain(figure.layout.title.subtitle.text)
    unjudged = layer_card(card, None, False, (("Earlier", 0),))
    (alone,) = [trace for trace in unjudged.data if trace.name == "other estimates"]
    assert list(alone.y) == [0.0]
    assert alone.customdata[0][1] == "not judged by real edits"


@pytest.mark.parametrize("seed", range(30))
def test_labels_name_every_way_and_never_overlap_on_a_phone(seed):
    random = np.random.default_rng(seed)
    picks = [
        Pick(way, int(layer), "", None, 0.5) for way, layer in zip(WAYS, random.integers(0, 30, len(WAYS)), strict=True)
    ]
    labels = place_labels(picks, 30)
    assert sorted({label.layer for label in labels}) == sorted({pick.layer for pick in picks})
    assert sum(line.count(",") + line.count(":") for label in labels for line in label.lines) == len(picks)
    width, spans = PHONE - 70, {}
    for label in labels:
        size = 6.3 * max(map(len, label.lines))
        middle = (label.layer + 0.5) * width / 30
        start = {"left": middle - 4, "right": middle - size + 4, "center": middle - size / 2}[label.anchor]
        assert start > -8
        assert start + size < width + 12
        for lane in range(label.lane, label.lane + len(label.lines)):
            for other in spans.setdefault(lane, []):
                assert start >= other[1] or start + size <= other[0]
            spans[lane].append((start, start + size))


def test_the_title_says_so_when_lga_differs(card, found):
    assert plain(layer_card(card, found).layout.title.text) == "Layer 4 scores 0.89 by real edits, LGA's layer 21 0.61"
    alike = replace(card, picks=tuple(replace(p, layer=4) if p.way == "lga" else p for p in card.picks))
    assert "LGA chooses it, too" in plain(layer_card(alike, found).layout.title.text)


def test_without_a_sweep_the_picks_stand_on_the_axis_and_nothing_is_claimed(card):
    picks = tuple(
        Pick(p.way, None if p.way == "sweep" else p.layer, "not computed" if p.way == "sweep" else p.source, None)
        for p in card.picks
    )
    bare = replace(card, picks=picks, judged_on="", n_requests=0, oracle_score=None)
    figure = layer_card(bare, None)
    assert "Not judged by real edits yet" in plain(figure.layout.title.text)
    assert "sweep (not computed)" in plain(figure.layout.title.subtitle.text)
    assert {float(trace.y[0]) for trace in figure.data} == {0.0}
    assert "No pick is judged" in plain(regret_bars(bare).layout.title.text)
    assert [trace for trace in regret_bars(bare).data if trace.type == "bar"] == []


def test_regret_bars_have_their_intervals_and_words_least_first(card):
    figure = regret_bars(card)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    regrets = [float(bar.x[0]) for bar in bars]
    assert regrets == sorted(regrets)
    for bar in bars:
        pick = card.pick(bar.customdata[0][1])
        assert bar.x[0] + bar.error_x.array[0] == pytest.approx(pick.high)
        assert bar.x[0] - bar.error_x.arrayminus[0] == pytest.approx(pick.low)
    (texts,) = [trace.text for trace in figure.data if trace.type == "scatter"]
    assert plain(texts[0]) == "sweep: layer 4, regret 0.04, 12 s"
    assert "Layer 4 gives away 0.04, the worst pick (LGA, layer 21) 0.32" in plain(figure.layout.title.text)


def test_a_way_without_a_layer_says_none(card):
    picks = tuple(Pick(p.way, None, "not computed", None) if p.way == "lga" else p for p in card.picks)
    (texts,) = [trace.text for trace in regret_bars(replace(card, picks=picks)).data if trace.type == "scatter"]
    assert plain(texts[-1]) == "LGA: none"


def test_the_matrix_frames_shared_requests_and_leaves_unmeasured_cells_open():
    first, second = made_sweep(6, peak=3, prefix="a"), made_sweep(6, peak=10, prefix="b", layers=tuple(range(0, 30, 4)))
    found = matrix([Part("bundled (proxy split), first 6", first), Part("other", second)], MethodUsed())
    figure = generalisation_matrix(found)
    assert len([shape for shape in figure.layout.shapes if shape.name == "shared requests"]) == 2
    unmeasured = first.golden_layer not in second.layers
    assert (figure.data[0].text[0][1] == "?") == unmeasured
    assert f"layer {second.golden_layer}" in plain(figure.layout.yaxis.ticktext[1])
    assert "bundled (proxy" in plain(figure.layout.xaxis.ticktext[0])


def test_every_figure_says_what_it_shows_to_those_who_do_not_see_it(card, found):
    for figure in (layer_card(card, found), regret_bars(card)):
        assert len(alt_text(figure)) > 80
        assert figure.layout.height < 1200


@pytest.mark.parametrize("dark", [False, True])
def test_two_layers_are_marked_on_the_curve_and_one_alone_where_they_agree(found, dark):
    real, other = found.layers[1], found.layers[-1]
    drawn = two_layers(found, real, other, dark)
    at = {trace.name: (trace.x[0], trace.y[0]) for trace in drawn.data if trace.name in ("real edits", "gradients")}
    assert at == {"real edits": (real, found.mean[1]), "gradients": (other, found.mean[-1])}
    assert {note.text for note in drawn.layout.annotations} >= {f"real edits: {real}", f"gradients: {other}"}
    alone = two_layers(found, real, real, dark)
    assert "gradients" not in {trace.name for trace in alone.data}
    assert "gradients" not in alone.layout.meta["title"]
