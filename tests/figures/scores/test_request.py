from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.figures import request_profile
from goldenlayers_core.figures.text import plain


def test_the_three_panels_are_the_requests_own(scores, selection):
    figure = request_profile(scores, 5, selection)
    traces = {trace.name: trace for trace in figure.data}
    drawn = {
        int(x): float(y)
        for name in ("golden layer", "kept", "set aside")
        for x, y in zip(traces[name].x, traces[name].y, strict=True)
    }
    assert drawn == dict(enumerate(scores.values[5]))
    assert traces["cosine"].y.tolist() == scores.cosine[5].tolist()
    assert list(traces["gradient norm, old answer"].y) == scores.norm_old[5].tolist()
    assert list(traces["gradient norm, new answer"].y) == scores.norm_new[5].tolist()
    assert "The capital of country 5 is" in plain(figure.layout.title.subtitle.text)


def test_title_ranks_the_golden_layer(make_scores, make_selection):
    values = np.array([[3.0, 2.0, 1.0], [0.0, 9.0, 0.0]])
    scores = make_scores(2, 3, values=values)
    selection = make_selection(scores)
    assert selection.golden_layer == 1
    first, second = (plain(request_profile(scores, index, selection).layout.title.text) for index in (0, 1))
    assert first == "Layer 0 has this request's largest value; the golden layer 1 is number 2 of 3"
    assert second == "Layer 1, the golden layer, has this request's largest value"


def test_zero_norms_leave_a_gap_on_the_logarithmic_axis(make_scores, make_selection):
    scores = make_scores(1, 4, values=np.array([[0.0, 1.0, -2.0, 0.0]]))
    figure = request_profile(scores, 0, make_selection(scores))
    old = next(trace for trace in figure.data if trace.name == "gradient norm, old answer")
    assert old.y[0] is None
    assert old.y[1] == 2.0
    assert "NaN" not in figure.to_json()


def test_markup_in_a_prompt_is_shown_not_obeyed(scores, selection):
    dirty = replace(scores, prompts=("<b>x</b> & y", *scores.prompts[1:]))
    subtitle = request_profile(dirty, 0, selection).layout.title.subtitle.text
    assert "&lt;b&gt;x&lt;/b&gt; &amp; y" in subtitle


@pytest.mark.parametrize("index", [-1, 32])
def test_an_index_outside_is_refused(scores, selection, index):
    with pytest.raises(ConfigError, match="requests 0 to 31"):
        request_profile(scores, index, selection)
