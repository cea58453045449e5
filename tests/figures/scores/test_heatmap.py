import json
import time
from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures import scores_heatmap
from goldenlayers_core.figures.scores.cells import MAX_CELLS, MAX_LABELS, Rows
from goldenlayers_core.figures.scores.heatmap import ordered_requests, shown_rows
from goldenlayers_core.figures.text import plain


def requests_of(figure):
    """Request of every row, top to bottom, as the click layer tells it."""
    return [row[0] for row in figure.data[1].customdata if row[1] == 0]


@pytest.mark.parametrize("order", ["best", "relation", "dataset"])
def test_every_cell_tells_its_own_request_and_value(scores, selection, order):
    figure = scores_heatmap(scores, selection, "raw", order)
    heat, cells = figure.data
    assert sorted(requests_of(figure)) == list(range(scores.n_requests))
    for x, y, details, text in zip(cells.x, cells.y, cells.customdata, cells.text, strict=True):
        request, layer, value, cosine, old, new = details
        assert x == layer
        assert value == scores.values[request, layer] == heat.z[y, layer]
        assert cosine == pytest.approx(scores.cosine[request, layer])
        assert (old, new) == (scores.norm_old[request, layer], scores.norm_new[request, layer])
        assert scores.prompts[request] in text.replace("<br>", " ")
        assert f"old {request} → new {request}" in text


def test_customdata_travels_as_plain_json(scores, selection):
    sent = json.loads(scores_heatmap(scores, selection).to_json())["data"][1]
    assert isinstance(sent["customdata"], list)
    assert sent["customdata"][0][:2] == [requests_of(scores_heatmap(scores, selection))[0], 0]


def test_orders(scores, make_selection):
    assert ordered_requests(scores, "dataset").tolist() == list(range(scores.n_requests))
    by_best = scores.best_layers[ordered_requests(scores, "best")]
    assert (np.diff(by_best) >= 0).all()
    named = [scores.relations[q] for q in ordered_requests(scores, "relation")]
    assert named == sorted(named, key=lambda relation: (relation == "", relation))


def test_row_scale_reaches_one_in_every_row_of_the_layers_kept(scores, selection):
    kept = [layer for layer in range(scores.n_layers) if layer not in selection.outliers]
    heat = scores_heatmap(scores, selection, "row").data[0]
    assert np.allclose(np.abs(heat.z[:, kept]).max(axis=1), 1)
    assert (heat.zmin, heat.zmax) == (-1, 1)


def test_symlog_keeps_sign_and_order_and_says_its_constant(scores, selection):
    figure = scores_heatmap(scores, selection, "symlog", "dataset")
    shown = figure.data[0].z
    assert (np.sign(shown) == np.sign(scores.values)).all()
    assert (np.argsort(shown, axis=None) == np.argsort(scores.values, axis=None)).all()
    constant = np.median(np.abs(scores.values))
    assert np.allclose(shown, np.sign(scores.values) * np.log10(1 + np.abs(scores.values) / constant))
    assert "(median |value|)" in plain(figure.layout.title.subtitle.text)


def test_symlog_ticks_are_in_the_values_unit(make_scores, make_selection):
    scores = make_scores(2, 3, values=np.array([[-50.0, 0.5, 1.0], [2.0, 1.0, 800.0]]))
    bar = scores_heatmap(scores, make_selection(scores), "symlog").data[0].colorbar
    assert len(bar.tickvals) == len(bar.ticktext)
    assert bar.ticktext[-1] == "800"
    assert bar.tickvals[-1] == pytest.approx(np.log10(1 + 800 / 1.5))


def test_raw_saturates_with_a_notice(make_scores, make_selection):
    values = np.ones((100, 4))
    values[0, 0] = 1000.0
    scores = make_scores(100, 4, values=values)
    figure = scores_heatmap(scores, make_selection(scores), "raw")
    assert figure.data[0].zmax == 1
    assert "1 of 400 cells lie beyond" in plain(figure.layout.title.subtitle.text)


def test_scale_is_symmetric_about_zero(scores, selection):
    for scale in ("row", "symlog", "raw"):
        heat = scores_heatmap(scores, selection, scale).data[0]
        assert heat.zmin == -heat.zmax < 0
        assert heat.colorscale[4][0] == 0.5


def test_golden_layer_is_framed_and_layers_set_aside_are_crossed(scores, selection):
    figure = scores_heatmap(scores, selection)
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1) == (selection.golden_layer - 0.5, selection.golden_layer + 0.5)
    crossed = [mark.x for mark in figure.layout.annotations if mark.name == "set aside"]
    assert crossed == list(selection.outliers)
    (label,) = [mark.text for mark in figure.layout.annotations if mark.name == "golden layer"]
    assert str(selection.golden_layer) in label


def test_title_says_the_finding_and_subtitle_where_it_comes_from(scores, selection):
    figure = scores_heatmap(scores, selection)
    hits = int((scores.best_layers == selection.golden_layer).sum())
    title, subtitle = plain(figure.layout.title.text), plain(figure.layout.title.subtitle.text)
    assert title.startswith(f"Layer {selection.golden_layer} is the golden layer of these 32 requests")
    assert f"in {hits} of them" in title
    for part in ("nats²", "scope mlp", "32 requests of made up", "tiny", "layers 0, 28 and 29"):
        assert part in subtitle
    assert all(len(plain(line)) <= 54 for line in figure.layout.title.subtitle.text.split("<br>"))


def test_click_layer_is_there_and_invisible(scores, selection):
    figure = scores_heatmap(scores, selection)
    heat, cells = figure.data
    assert heat.hoverinfo == "skip"
    assert cells.marker.opacity == 0
    assert cells.marker.symbol == "square"
    assert figure.layout.clickmode == "event+select"


def test_many_requests_share_rows_of_means_with_a_notice(make_scores, make_selection):
    scores = make_scores(5000, 80)
    figure = scores_heatmap(scores, make_selection(scores), "raw")
    rows, firsts = shown_rows(scores, "best"), requests_of(figure)
    assert (rows.size, len(rows), len(rows.members(len(rows) - 1))) == (25, 200, 25)
    assert len(rows) * 80 <= MAX_CELLS
    assert firsts == rows.firsts.tolist() == ordered_requests(scores, "best")[::25].tolist()
    assert np.concatenate([rows.members(row) for row in range(200)]).tolist() == rows.order.tolist()
    assert figure.data[0].z.shape == (200, 80)
    np.testing.assert_allclose(figure.data[0].z[7], scores.values[rows.members(7)].mean(axis=0))
    assert figure.data[1].customdata[7 * 80 + 3][2] == pytest.approx(scores.values[rows.members(7), 3].mean())
    assert "5,000 requests in 200 rows; each row is the mean of 25 requests" in plain(figure.layout.title.subtitle.text)
    assert "Means of 25 requests" in figure.layout.yaxis.ticktext[7]
    assert figure.data[1].marker.maxdisplayed == 1  # hover and click work, nothing is drawn
    assert "200 rows of means" in figure.layout.meta["alt"]


def test_a_row_of_means_leaves_out_what_a_request_has_not():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [5.0, 2.0]])
    np.testing.assert_array_equal(Rows(np.array([1, 0, 2]), 2).mean(values), [[2.0, np.nan], [5.0, 2.0]])
    assert len(Rows(np.array([1, 0, 2]), 1)) == 3


def test_long_runs_hide_labels_and_hover_still_names_the_request(make_scores, make_selection):
    scores = make_scores(MAX_LABELS + 1, 5)
    figure = scores_heatmap(scores, make_selection(scores), order="dataset")
    assert figure.layout.yaxis.showticklabels is False
    assert "%{y}" in figure.data[1].hovertemplate
    assert "The capital of country 7 is" in figure.layout.yaxis.ticktext[7].replace("<br>", " ")
    labelled = scores_heatmap(make_scores(MAX_LABELS, 5), make_selection(scores), order="dataset")
    assert labelled.layout.yaxis.showticklabels is True
    assert all(len(plain(label)) <= 19 for label in labelled.layout.yaxis.ticktext)


@pytest.mark.parametrize("scale", ["row", "symlog", "raw"])
@pytest.mark.parametrize(("requests", "layers"), [(1, 1), (1, 30), (3, 1)])
def test_smallest_runs(make_scores, make_selection, scale, requests, layers):
    scores = make_scores(requests, layers)
    figure = scores_heatmap(scores, make_selection(scores), scale)
    assert figure.data[0].z.shape == (requests, layers)
    assert np.isfinite(figure.data[0].z).all()


@pytest.mark.parametrize("scale", ["row", "symlog", "raw"])
def test_all_zeros(make_scores, make_selection, scale):
    scores = make_scores(3, 4, values=np.zeros((3, 4)))
    figure = scores_heatmap(scores, make_selection(scores), scale)
    assert not figure.data[0].z.any()
    assert figure.data[0].zmax > 0
    assert "NaN" not in figure.to_json()


def test_a_persons_text_is_never_markup(scores, selection):
    mean = '<b>bold</b> & <a href="https://x">link</a> %{customdata[0]} </script>'
    dirty = replace(scores, prompts=(mean, *scores.prompts[1:]), targets_new=("<i>x</i>", *scores.targets_new[1:]))
    figure = scores_heatmap(dirty, selection, order="dataset")
    hover, label = figure.data[1].text[0], figure.layout.yaxis.ticktext[0]
    for text in (hover.removeprefix("<b>").replace("</b>", "", 1) if hover.startswith("<b>") else hover, label):
        assert "<a" not in text
        assert "<i>" not in text
        assert "%{" not in text
    assert "&lt;b&gt;bold" in hover
    assert "&amp;" in hover
    assert "&lt;i&gt;x" in hover


def test_very_long_prompts_stay_short_on_the_screen(scores, selection):
    long = replace(scores, prompts=("word " * 5000 + "\n\x00end", *scores.prompts[1:]))
    figure = scores_heatmap(long, selection, order="dataset")
    assert max(len(line) for line in figure.data[1].text[0].split("<br>")) < 60
    assert len(figure.data[1].text[0]) < 400
    assert len(plain(figure.layout.yaxis.ticktext[0])) <= 19


@pytest.mark.parametrize(("scale", "order"), [("log", "best"), ("row", "alphabet")])
def test_unknown_settings_are_refused(scores, selection, scale, order):
    with pytest.raises(ConfigError, match="is unknown; choose one of"):
        scores_heatmap(scores, selection, scale, order)


def test_large_run_is_quick(make_scores, make_selection):
    scores = make_scores(5000, 80)
    selection = make_selection(scores)
    scores_heatmap(scores, selection)
    start = time.process_time()
    scores_heatmap(scores, selection)
    assert time.process_time() - start < 1.5  # 0.1 s on an idle core
