"""Figures of the bench: blast radius, guard, lens."""

import numpy as np
import pytest

from goldenlayers_core.figures import guard_curve, lens_curves, lens_parts, panel_strip
from goldenlayers_core.figures.text import plain
from goldenlayers_core.results.edit.lens import LensReading, LensResult
from goldenlayers_core.results.edit.panel import PanelPrompt, PanelResult, Pass, panel_digest

LAYERS = 6


def made_panel(divergence: list[float], points: int = 3) -> PanelResult:
    prompts = tuple(PanelPrompt(("facts", "code")[i % 2], f"prompt <b>{i}</b>") for i in range(len(divergence)))
    same, other = (("a", 0.5), ("b", 0.1)), (("<c>", 0.5), ("a", 0.2))
    return PanelResult(
        model="tiny",
        fingerprint="f" * 32,
        edit_ids=("e" * 32,) * (points - 1),
        names=("France → Rome",) * (points - 1),
        panel=panel_digest(prompts),
        prompts=prompts,
        divergence=np.array(divergence),
        tops_before=(same,) * len(prompts),
        tops_after=tuple(other if value > 0.5 else same for value in divergence),
        answers=(),
        curve=tuple(Pass(n, 40 * (1 + 0.3 * n), 0.1 * n, 0.2 * n, 0.15 * n) for n in range(points)),
    )


def test_every_prompt_is_a_mark_and_those_that_turned_are_diamonds() -> None:
    found = made_panel([0.0, 0.2, 1.5, 0.01])
    figure = panel_strip(found)
    marks = [trace for trace in figure.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in marks) == 4
    turned = next(trace for trace in marks if trace.marker.symbol == "diamond")
    assert turned.customdata.tolist() == [[2]] if hasattr(turned.customdata, "tolist") else [[2]]
    assert "prompt &lt;b&gt;2" in turned.text[0]
    assert "&lt;c&gt;" in turned.text[0]
    assert "On 2 of 4 prompts" in figure.layout.meta["title"]
    assert plain(figure.layout.title.text).startswith("On 2 of 4")


def test_a_panel_that_did_not_move_says_so() -> None:
    assert panel_strip(made_panel([0.0] * 4)).layout.meta["title"].startswith("On none of 4 prompts")


def test_the_guard_shows_three_rows_and_the_thresholds_that_are_near() -> None:
    figure = guard_curve(made_panel([0.1] * 4))
    assert [list(trace.x) for trace in figure.data] == [[0, 1, 2]] * 3
    assert list(figure.data[1].y) == pytest.approx([1.0, 1.3, 1.6])
    words = [note.text for note in figure.layout.annotations]
    assert words.count("caution") == 2
    assert words.count("collapse") == 2
    assert "perplexity 1.60 times that of the unedited model" in figure.layout.meta["title"]
    assert made_panel([0.1] * 4).guard.colour == "red"


def reading(new_at_end: float, parts: float = 0.5) -> LensReading:
    rise = np.linspace(0.0, new_at_end, LAYERS + 1)
    return LensReading(
        probability=np.stack([rise, (1 - new_at_end) * np.ones(LAYERS + 1) * 0.5]),
        rank=np.stack([np.arange(LAYERS + 1, 0, -1.0), np.full(LAYERS + 1, 2.0)]),
        attention=np.full(LAYERS, parts),
        mlp=np.arange(LAYERS) * parts,
        base=0.1,
        difference=0.1 + LAYERS * parts + parts * 15,
    )


def made_lens() -> LensResult:
    return LensResult("tiny", "The <b> is", (" Rome", " Paris"), reading(0.1), reading(0.9, 1.0), (2,), 1)


def test_the_lens_draws_both_targets_before_and_after() -> None:
    figure = lens_curves(made_lens())
    named = [trace for trace in figure.data if trace.showlegend]
    assert [trace.name for trace in named] == ["new, before", "old, before", "new, after", "old, after"]
    assert all(list(trace.x) == list(range(-1, LAYERS)) for trace in figure.data)
    title = figure.layout.meta["title"]
    assert "P(“Rome”) 10 % → 90 %" in title
    assert f"after layer {LAYERS - 1} the new answer is the likeliest, and stays so" in title
    assert len([shape for shape in figure.layout.shapes if shape.x0 == 2]) == 2  # the edited layer, in both rows


def test_the_parts_name_the_one_that_changed_most() -> None:
    figure = lens_parts(made_lens())
    assert "the MLP of layer 5" in figure.layout.meta["title"]
    assert "+2.5 logits" in figure.layout.meta["title"]
    assert list(figure.data[0].y) == [1.0] * LAYERS
