"""The grid shows what it was given up to the layer looked at, and shades what lies outside the causal cone."""

from dataclasses import replace

import numpy as np
import pytest

from goldenlayers_core.errors import ConfigError, GoldenLayersError
from goldenlayers_core.figures import travel_grid, travel_tokens
from goldenlayers_core.figures.edit.travel import WHATS, What
from goldenlayers_core.figures.text import MINUS
from goldenlayers_core.results.edit.travel import Travel

LAYERS, LAYER = 6, 2


def made(subject: int | None = 1, leak: float = 0.02) -> Travel:
    tokens = ("The", " <Tower>", " is", " in")
    shape = (LAYERS, len(tokens))
    cone = (np.arange(LAYERS)[:, None] >= LAYER) & (np.arange(4) >= (subject or 0))
    alone = np.where(cone, 0.5, 0.0) if subject is not None else np.full(shape, np.nan)
    change = np.where(cone, 0.5, np.where(np.arange(LAYERS)[:, None] >= LAYER, leak, 0.0))
    odds = np.tile(np.linspace(-9, -5, LAYERS)[:, None], (1, 4))
    followed = (" Rome", " Paris", " Oslo")
    p = np.full((LAYERS, 3), 0.2)
    return Travel(
        model="tiny",
        edit_id="e" * 64,
        method="rome",
        prompt="The <Tower> is in",
        tokens=tokens,
        layers=(LAYER,),
        n_below=0,
        subject=subject,
        new=" Rome",
        old=" Paris",
        change=change,
        alone=alone,
        odds_before=odds,
        odds_after=odds + np.where(cone, 8.0, 0.0),
        followed=followed,
        p_before=p,
        p_after=p + np.array([0.3, -0.1, 0.0]),
        says=((" Paris", " Rome"),) * LAYERS,
    )


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_above_the_layer_looked_at_is_drawn(what: What, dark: bool) -> None:
    drawn = travel_grid(made(), what, 3, dark)
    rows = drawn.data[0].z
    assert all(cell is None for row in rows[4:] for cell in row)
    assert any(cell is not None for cell in rows[3])
    assert travel_grid(made(), what).data[0].z[LAYERS - 1][3] is not None


def test_what_is_exactly_zero_is_blank_and_outside_the_cone_is_shaded() -> None:
    found = made()
    rows = travel_grid(found).data[0].z
    assert all(cell is None for row in rows[:LAYER] for cell in row)
    assert rows[LAYER][0] is not None  # the leak shows
    assert travel_grid(found, "alone").data[0].z[LAYER][0] is None
    shapes = {shape.name: shape for shape in travel_grid(found).layout.shapes if shape.name}
    below, before = shapes["below the edited layer"], shapes["before the subject's last token"]
    assert (below.x0, below.x1, below.y1) == (-0.5, 3.5, LAYER - 0.5)
    assert (before.x0, before.x1, before.y0, before.y1) == (-0.5, 0.5, LAYER - 0.5, LAYERS - 0.5)
    assert found.cone.sum() == 3 * (LAYERS - LAYER)


def test_the_title_is_the_numbers_of_the_layer_looked_at() -> None:
    assert travel_grid(made(), "change", 1).layout.meta["title"] == (
        "After layer 1, “<Tower>” has changed by exactly 0 and the prompt's last token by exactly 0"
    )
    assert "by 50 % and the prompt's last token by 50 %" in travel_grid(made(), "change", 4).layout.meta["title"]
    assert f"{MINUS}5 → 3 nats" in travel_grid(made(), "odds").layout.meta["title"]
    assert "up to 2 %, where other tokens meet" in travel_grid(made()).layout.meta["subtitle"]
    assert "where other tokens meet" not in travel_grid(made(leak=0.0)).layout.meta["subtitle"]


def test_a_prompt_without_the_subject_has_no_columns_shaded() -> None:
    drawn = travel_grid(made(None))
    assert [shape.name for shape in drawn.layout.shapes if shape.name] == ["below the edited layer", "layer looked at"]
    assert made(None).leak == 0


def test_the_bars_move_and_their_order_does_not() -> None:
    found = replace(made(), p_after=np.linspace(0, 1, LAYERS * 3).reshape(LAYERS, 3))
    low, high = travel_tokens(found, 0), travel_tokens(found, 5)
    assert low.layout.yaxis.ticktext == high.layout.yaxis.ticktext == ("·Rome", "·Paris", "·Oslo")
    assert list(low.data[0].x) == found.p_after[0].tolist() != list(high.data[0].x)
    assert list(low.data[1].x) == found.p_before[0].tolist()
    assert "“Paris” → “Rome”" in low.layout.meta["title"]


def test_a_layer_that_is_not_there_is_one_sentence() -> None:
    for draw in (lambda: travel_grid(made(), "change", LAYERS), lambda: travel_tokens(made(), -1)):
        with pytest.raises(ConfigError, match="this model has layers 0 to 5"):
            draw()
    with pytest.raises(GoldenLayersError, match="alone has shape"):
        replace(made(), alone=np.zeros((2, 2)))


def test_the_table_has_every_cell() -> None:
    frame = made().to_frame()
    assert len(frame) == LAYERS * 4
    assert frame.loc[~frame.in_cone & (frame.layer < LAYER), "relative_change"].eq(0).all()
    assert len(made().tokens_frame()) == LAYERS * 3
