"""The layer stack: gold where real edits say so, flags that do not overlap, nothing claimed that was not measured."""

import itertools

import pytest

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures.flags import placed
from goldenlayers_core.figures.layer_stack import finding, layer_stack
from goldenlayers_core.figures.theme import DARK, LIGHT
from goldenlayers_core.results.layer_stack import Flag, LayerStack, spans

FLAGS = (
    Flag(3, "sweep", "real edits", "32 requests"),
    Flag(3, "LGA", "estimate"),
    Flag(4, "edit-aware", "estimate"),
    Flag(21, "trace", "estimate"),
    Flag(5, "literature", "unseen"),
    Flag(6, "this edit", "edited"),
)
STACK = LayerStack("a model", 30, FLAGS, 3, (2, 3, 4, 5), (*range(0, 30, 2), 3, 5), "32 requests, ROME")


@pytest.mark.parametrize("dark", [False, True])
def test_colours_say_what_was_measured(dark: bool) -> None:
    theme, figure = DARK if dark else LIGHT, layer_stack(STACK, dark)
    colours = figure.data[0].marker.color
    assert colours[3] == theme.gold
    assert len({colours[2], colours[4], colours[5]}) == 1
    assert colours[2] not in (theme.gold, theme.faint)
    assert set(colours[6:]) == {theme.faint}
    frames = [shape for shape in figure.layout.shapes if shape.name == "edited layer"]
    assert [(shape.x0, shape.x1) for shape in frames] == [(5.5, 6.5)]


def test_every_flag_is_written_once() -> None:
    figure = layer_stack(STACK)
    said = " ".join(note.text for note in figure.layout.annotations if note.name == "flag")
    for flag in FLAGS:
        assert said.count(flag.label) == 1
    assert "sweep · LGA: 3" in said


def test_without_edits_no_layer_is_the_best() -> None:
    stack = LayerStack("a model", 12, (Flag(4, "LGA", "estimate"),))
    figure = layer_stack(stack)
    assert set(figure.data[0].marker.color) == {LIGHT.faint}
    assert "no layer is known to be the best" in finding(stack)
    assert "behind" not in " ".join(figure.data[0].hovertext)


def test_hover_tells_measured_from_not() -> None:
    said = layer_stack(STACK).data[0].hovertext
    assert "behind the best" in said[8]
    assert "not measured" in said[7]
    assert "cannot be told apart" in said[4]


@pytest.mark.parametrize("n_layers", [6, 18, 30, 80])
def test_flags_do_not_overlap_on_a_phone(n_layers: int) -> None:
    labels = placed([(layer, f"a way number {layer}") for layer in range(0, n_layers, max(n_layers // 9, 1))], n_layers)
    for one, other in itertools.combinations(labels, 2):
        apart = one.lane + len(one.lines) <= other.lane or other.lane + len(other.lines) <= one.lane
        width = 318 / n_layers
        assert apart or abs(one.layer - other.layer) * width > 6.3 * 7  # half of each at least


def test_words() -> None:
    assert spans((3, 4, 5, 9)) == "3 to 5 and 9"
    assert spans((1, 2, 7, 9)) == "1, 2, 7 and 9"
    assert spans((4,)) == "4"
    with pytest.raises(GoldenLayersError, match="Layer 12 is named and the model has 12"):
        LayerStack("a model", 12, (Flag(12, "LGA", "estimate"),))
    assert STACK.to_frame().query("level")["layer"].tolist() == [2, 3, 4, 5]


def test_the_layer_of_a_label_that_wraps_stays_with_its_last_name():
    (label,) = placed([(15, "edited · line check · literature: 5")], 30)
    assert label.lines == ("edited · line check ·", "literature: 5")
