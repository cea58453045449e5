from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core import figures
from goldenlayers_core.figures.text import plain
from goldenlayers_core.figures.theme import DARK, LIGHT
from goldenlayers_core.results import POSITIONS, TokenTrace, TraceResult


@pytest.fixture
def tokens() -> TokenTrace:
    effects = np.zeros((6, 10))
    effects[3, 4], effects[5, 9], effects[2, 1] = 0.31, 0.2, -0.1
    words = ("The", " capital", " of", " <b>", "land", " is")
    return TokenTrace(
        "mlp", 3, "tiny", "The capital of <b>land is", " Oslo", words, (3, 4), 0.6, 0.1, effects, 0.3, 10, 0
    )


@pytest.fixture
def trace() -> TraceResult:
    random, requests, layers = np.random.default_rng(0), 12, 10
    effects = random.normal(0, 0.01, (requests, len(POSITIONS), layers))
    effects[:, POSITIONS.index("last subject token"), 3] += 0.2
    effects[:, POSITIONS.index("middle subject tokens")] = np.nan
    effects[:5, POSITIONS.index("first subject token")] = np.nan
    names = tuple(str(q) for q in range(requests))
    return TraceResult(
        kind="mlp",
        window=2,
        model="tiny",
        fingerprint="f",
        dataset="made up",
        case_ids=names,
        request_digests=names,
        prompts=names,
        answers=names,
        p_clean=np.full(requests, 0.5),
        p_corrupt=np.full(requests, 0.1),
        effects=effects,
        noise=0.3,
        n_samples=10,
        seed=0,
    )


def test_every_token_is_a_row_and_the_largest_effect_is_framed(tokens):
    figure = figures.token_heatmap(tokens)
    (heat,) = figure.data
    np.testing.assert_array_equal(heat.z, tokens.effects)
    assert (heat.zmin, heat.zmax) == (-0.31, 0.31)
    labels = [plain(text) for text in figure.layout.yaxis.ticktext]
    assert labels == ["The", "capital", "of", "<b>*", "land*", "is"]
    assert "<b>" not in "".join(figure.layout.yaxis.ticktext)  # what a person wrote is not markup
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (3.5, 4.5, 2.5, 3.5)
    title = plain(figure.layout.title.text)
    assert title == "Restored at “<b>”, layer 4, the MLP output raises the answer's probability by 0.31"
    assert heat.customdata[3][4][2] == pytest.approx(0.41)
    assert [row[0][1] for row in heat.customdata] == [
        *["before the subject"] * 3,
        "first subject token",
        "last subject token",
        "last token",
    ]
    subtitle = plain(figure.layout.title.subtitle.text)
    assert "The capital of <b>land is → Oslo" in subtitle
    assert "3 layers" in subtitle
    assert figures.alt_text(figure).startswith("Heatmap of 6 tokens by 10 layers")


def test_a_trace_without_effect_says_so(tokens):
    figure = figures.token_heatmap(replace(tokens, kind="hidden", window=1, effects=np.zeros((6, 10))))
    assert plain(figure.layout.title.text) == "No restored hidden state brings the answer back"
    assert not figure.layout.shapes


def test_curves_are_the_means_and_the_band_the_interval(trace):
    figure = figures.trace_curves(trace, n_resamples=200, seed=3)
    lines = {line.name: line for line in figure.data}
    assert "middle subject tokens" not in lines
    for place, name in enumerate(POSITIONS):
        if name in lines:
            np.testing.assert_allclose(lines[name].y, np.nanmean(trace.effects[:, place], axis=0))
    assert lines["first subject token"].customdata[0][0] == 7
    low, high = trace.interval(200, 3)
    np.testing.assert_allclose(lines["interval"].y, [*high, *low[::-1]])
    np.testing.assert_allclose(lines["last subject token"].customdata[4][1:], [low[4], high[4]])
    assert plain(figure.layout.title.text).startswith("Causal tracing picks layer 3: restored at the subject's last")
    (mark,) = figure.layout.shapes
    assert mark.x0 == 3
    assert figures.alt_text(figure).startswith("Line chart of 5 classes of tokens over 10 layers")


@pytest.mark.parametrize("dark", [False, True])
def test_traces_wear_the_theme(tokens, trace, dark):
    for figure in (figures.token_heatmap(tokens, dark), figures.trace_curves(trace, dark)):
        assert figure.layout.template.layout.paper_bgcolor == (DARK if dark else LIGHT).background
        assert all(len(plain(line)) <= 38 for line in figure.layout.title.text.split("<br>"))
        assert "seed 0" in plain(figure.layout.title.subtitle.text)
