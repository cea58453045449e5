"""The layers of a model in a row, from the first to the last, and what is known of each: the same everywhere."""

import dataclasses
from typing import Final

import plotly.graph_objects as go

from goldenlayers_core.figures.flags import LINE, Placed, lanes, placed, write
from goldenlayers_core.figures.frame import BAR, dress, layer_axis
from goldenlayers_core.figures.text import counted, escape, shorten
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results.layer_stack import Flag, LayerStack, spans

_CELL: Final = 34  # px of a layer's height
_SCREEN: Final = 296.0  # px, in type as on a page, that the narrowest screen of a presenter has
_ORDER: Final = ("edited", "real edits", "estimate", "unseen")


def layer_stack(stack: LayerStack, dark: bool = False, large: bool = False) -> go.Figure:
    """A cell per layer; gold the best by real edits, pale gold what cannot be told apart from it, a frame the edited
    layer, flags above; `large`: placed for a screen of a presenter. customdata of a cell: [layer]."""
    theme = colours(dark)
    room = {"sides": 16.0, "width": _SCREEN} if large else {}
    labels = placed([(layer, _label(flags)) for layer, flags in _flags(stack).items()], stack.n_layers, **room)
    above = lanes(labels)
    figure = go.Figure(
        go.Bar(
            x=list(range(stack.n_layers)),
            y=[1.0] * stack.n_layers,
            width=BAR,
            marker={"color": [_colour(stack, layer, theme) for layer in range(stack.n_layers)], "line": {"width": 0}},
            customdata=[[layer] for layer in range(stack.n_layers)],
            hovertext=[_hover(stack, layer) for layer in range(stack.n_layers)],
            hovertemplate="%{hovertext}<extra></extra>",
            name="layers",
        )
    )
    for label in labels:
        _draw(figure, label, stack, theme)
    for flag in stack.flags:
        if flag.kind == "edited":
            box = {"x0": flag.layer - 0.5, "x1": flag.layer + 0.5, "y0": -0.06, "y1": 1.06}
            figure.add_shape(type="rect", **box, line={"color": theme.rust, "width": 2.5}, name="edited layer")
    layer_axis(figure, stack.n_layers)
    high = 1.15 + above * LINE / _CELL
    figure.update_yaxes(visible=False, range=[-0.1, high], fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    figure.update_layout(showlegend=False, bargap=0)
    return dress(
        figure,
        dark=dark,
        title=finding(stack),
        subtitle=_definition(stack),
        kind=f"{counted(stack.n_layers, 'layer')} in a row, with what names each",
        body=round((high + 0.1) * _CELL),
        bottom=44,
    )


def finding(stack: LayerStack) -> str:
    """What the diagram says, in one line: the recommendation where there is one."""
    if stack.headline:
        return stack.headline
    if stack.best is None:
        model = shorten(stack.model, 40)
        return f"No edits were measured on {model} with this method yet, so that no layer is known to be the best"
    others = tuple(layer for layer in stack.level if layer != stack.best)
    if not others:
        return f"Layer {stack.best} leads"
    return f"Layer {stack.best} leads; {spans(others)} cannot be told apart from it"


def _definition(stack: LayerStack) -> str:
    left = stack.n_layers - len(stack.measured)
    return " ".join(
        part
        for part in (
            f"{shorten(stack.model, 60)}: {counted(stack.n_layers, 'layer')}; a flag = a way that names a layer.",
            "Gold: best mean score of real edits; pale: its 95 % interval of the difference includes 0."
            if stack.best is not None
            else "",
            f"{stack.evidence[0].upper()}{stack.evidence[1:]}." if stack.evidence else "",
            f"Not measured: {counted(left, 'layer')}." if stack.measured and left else "",
        )
        if part
    )


def _flags(stack: LayerStack) -> dict[int, list[Flag]]:
    found: dict[int, list[Flag]] = {}
    for flag in sorted(stack.flags, key=lambda flag: _ORDER.index(flag.kind)):
        found.setdefault(flag.layer, []).append(flag)
    return found


def _label(flags: list[Flag]) -> str:
    return f"{' · '.join(flag.label for flag in flags)}: {flags[0].layer}"


def _colour(stack: LayerStack, layer: int, theme: Colours) -> str:
    if layer == stack.best:
        return theme.gold
    if layer in stack.level:
        return _mixed(theme.gold, theme.background, 0.6)
    return theme.faint


def _hover(stack: LayerStack, layer: int) -> str:
    lines = [f"<b>Layer {layer}</b>"]
    lines += [escape(f"{f.label}: {f.about}" if f.about else f.label) for f in stack.flags if f.layer == layer]
    if layer == stack.best:
        lines.append("best mean score of real edits")
    elif layer in stack.level:
        lines.append("cannot be told apart from the best")
    elif stack.measured:
        lines.append("behind the best" if layer in stack.measured else "not measured")
    return "<br>".join(lines)


def _draw(figure: go.Figure, label: Placed, stack: LayerStack, theme: Colours) -> None:
    """A label, and a line from it to its layer."""
    height = 1.15 + label.lane * LINE / _CELL
    kinds = {flag.kind for flag in stack.flags if flag.layer == label.layer}
    figure.add_shape(
        type="line",
        x0=label.layer,
        x1=label.layer,
        y0=1.0,
        y1=height,
        line={"color": theme.slate, "width": 1},
        layer="below",
        name="leader",
    )
    font = {
        "color": theme.rust if "edited" in kinds else theme.gold_text if "real edits" in kinds else theme.ink,
        "weight": 600 if kinds & {"edited", "real edits"} else 400,
    }
    inert = dataclasses.replace(label, lines=tuple(map(escape, label.lines)))
    write(figure, inert, height, theme, font, "flag")


def _mixed(one: str, other: str, share: float) -> str:
    """`share` of the second colour in the first, as #rrggbb."""
    parts = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in parts)
