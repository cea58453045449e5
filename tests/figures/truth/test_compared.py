"""Two sweeps in one picture: what differs, what they share, and what each layer gives away in the other."""

import dataclasses

import pytest

from goldenlayers_core.figures import compare_sweeps
from goldenlayers_core.figures.text import plain
from goldenlayers_core.tasks.truth.compared import compared
from tests.made_up import made_sweep


@pytest.fixture
def pair():
    a = made_sweep(12)
    b = dataclasses.replace(made_sweep(12, seed=1, peak=12), method="emmet")
    return a, dataclasses.replace(b, request_digests=(*a.request_digests[:8], "w", "x", "y", "z"))


def test_the_title_says_what_each_layer_gives_away_and_the_subtitle_what_is_shared(pair):
    found = compared(*pair)
    figure = compare_sweeps(found)
    title, said = plain(figure.layout.title.text), plain(figure.layout.title.subtitle.text)
    a, b = found.golden
    known = f"On the 8 requests that they share, sweep A chooses layer {a}, sweep B layer {b}; layer {a} is 0."
    assert title.startswith(known)  # each may choose another one of all its requests
    assert "behind in B" in title
    assert said.startswith("Both on the 8 requests that they share. The others of A's 12 and B's 12 are left out.")
    assert "What differs: the method or its settings." in said
    assert "Spearman correlation" in said
    lines = [trace for trace in figure.data if trace.showlegend is not False]
    assert [line.name for line in lines] == [f"sweep A: layer {a}", f"sweep B: layer {b}"]
    assert list(lines[1].y) == pytest.approx(found.curves[1].mean.tolist())


def test_equal_picks_no_shared_request_and_other_depths_are_said(pair):
    a, _ = pair
    assert plain(compare_sweeps(compared(a, a)).layout.title.text) == f"Both sweeps choose layer {a.golden_layer}"
    other = made_sweep(6, layers=tuple(range(18)), n_layers=18, fingerprint="g" * 32, prefix="other")
    figure = compare_sweeps(compared(a, other), dark=True)
    said = plain(figure.layout.title.subtitle.text)
    assert said.startswith(
        "They share no request: A stands for its 12 requests, B for its 6. What differs: the model, "
    )
    assert plain(figure.layout.title.text).startswith("Sweep A chooses")
    assert "of 30, sweep B layer" in plain(figure.layout.title.text)
    assert "relative depth" in figure.layout.xaxis.title.text
