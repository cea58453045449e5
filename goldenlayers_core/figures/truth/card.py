"""Which layer, and how sure: every way to choose one on the curve of real edits, and what each choice gives away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import plotly.graph_objects as go

from goldenlayers_core.figures.flags import Placed, placed, write
from goldenlayers_core.figures.frame import dress, interval_band, layer_axis
from goldenlayers_core.figures.text import counted, layer_list, number, sentences
from goldenlayers_core.figures.theme import Colours, colours
from goldenlayers_core.results import SCORE, WAYS, LayerCard, LayerCurve, Pick, Way, way_info

# filled for real edits, shapes for estimates, rings for picks made unseen
_SYMBOLS: Final = (
    "star",
    "diamond",
    "triangle-up",
    "square",
    "triangle-down",
    "pentagon",
    "x",
    "circle-open",
    "circle-open-dot",
)
_LINE: Final = 17  # px of a label's line
_SIDES: Final = 70.0  # px of the figure on a phone that are not plot
_PLOT: Final = 260  # px of the scores from 0 to 1


def way_colour(way: Way, theme: Colours) -> str:
    """Gold for the sweep, blue for other real edits, rust for estimates, slate for picks made unseen."""
    if way == "sweep":
        return theme.gold
    return {"real edits": theme.blue, "estimate": theme.rust, "unseen": theme.slate}[way_info(way).kind]


def layer_card(
    card: LayerCard, curve: LayerCurve | None, dark: bool = False, others: tuple[tuple[str, int], ...] = ()
) -> go.Figure:
    """Every way's pick on one layer axis, over the mean real score per layer with its bootstrap band.

    Without a curve (no sweep) the picks stand on the axis alone. customdata of a mark: [layer, way]. `others` are
    further estimates, by title and layer; they are marked without a label.
    """
    theme = colours(dark)
    picked = [pick for pick in card.picks if pick.layer is not None and 0 <= pick.layer < card.n_layers]
    labels = place_labels(picked, card.n_layers, curve is not None)
    lanes = max((label.lane + len(label.lines) for label in labels), default=1)
    figure = go.Figure()
    if curve is not None:
        _curve(figure, curve, theme)
        _oracle(figure, card, theme)
    top = 1.0 if curve is not None else 0.0
    unit = 1 / _PLOT  # score per px
    _marks(figure, [pick for pick in picked if curve is None or pick.score is not None], theme)
    _others(figure, others, curve, theme)
    _labels(figure, labels, top + 12 * unit, _LINE * unit, theme)
    layer_axis(figure, card.n_layers)
    high = top + (12 + _LINE * lanes) * unit
    figure.update_yaxes(range=[-0.03, high], tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1], zeroline=False)
    figure.update_yaxes(title_text="mean real score" if curve is not None else "", showticklabels=curve is not None)
    figure.update_layout(showlegend=False)
    return dress(
        figure,
        dark=dark,
        title=_card_finding(card),
        subtitle=_card_definition(card, curve, bool(others)),
        kind=f"{counted(len(picked), 'way')} to choose a layer, marked on the mean real score of each layer",
        body=round((high + 0.03) * _PLOT),
        bottom=44,
    )


def _curve(figure: go.Figure, curve: LayerCurve, theme: Colours) -> None:
    low, high = curve.interval.T
    interval_band(figure, curve.layers, low, high, theme, name="95 % interval")
    figure.add_scatter(
        x=curve.layers,
        y=curve.mean,
        mode="lines+markers",
        name="mean real score",
        line={"color": theme.ink, "width": 2},
        marker={"size": 4, "color": theme.ink},
        customdata=curve.interval,
        hovertemplate=(
            "<b>layer %{x}</b><br>mean real score %{y:.3f}<br>95 % interval %{customdata[0]:.3f} to "
            "%{customdata[1]:.3f}<extra></extra>"
        ),
    )


def _oracle(figure: go.Figure, card: LayerCard, theme: Colours) -> None:
    if card.oracle_score is None:
        return
    figure.add_hline(y=card.oracle_score, line={"color": theme.muted, "width": 1, "dash": "dot"}, name="oracle")
    figure.add_annotation(
        x=1.0,
        xref="paper",
        xanchor="right",
        y=card.oracle_score,
        yanchor="top",
        text=f"each request's own best layer: {number(card.oracle_score, 2)}",
        showarrow=False,
        font={"size": 11, "color": theme.muted},
        name="oracle",
    )


def _marks(figure: go.Figure, picked: Sequence[Pick], theme: Colours) -> None:
    for pick in reversed(picked):  # the best evidence on top
        colour, ring = way_colour(pick.way, theme), pick.info.kind == "unseen"
        figure.add_scatter(
            x=[pick.layer],
            y=[pick.score if pick.score is not None else 0.0],  # 0: on the axis, where there are no scores at all
            mode="markers",
            name=pick.info.short,
            customdata=[[pick.layer, pick.way]],
            hovertemplate=f"<b>{pick.info.short}</b>: layer %{{x}}<br>{_told(pick)}<extra></extra>",
            marker={
                "symbol": _SYMBOLS[WAYS.index(pick.way)],
                "size": 15 if pick.way == "sweep" else 11,
                "color": colour,
                "line": {"width": 2 if ring else 1, "color": colour if ring else theme.background},
            },
        )


def _others(figure: go.Figure, others: tuple[tuple[str, int], ...], curve: LayerCurve | None, theme: Colours) -> None:
    """One open mark per layer that further estimates pick, on the curve; without one, or off it, on the axis."""
    if not others:
        return
    layers = sorted({layer for _, layer in others})
    scores = dict(zip(curve.layers, curve.mean.tolist(), strict=True)) if curve is not None else {}
    figure.add_scatter(
        x=layers,
        y=[scores.get(layer, 0.0) for layer in layers],
        mode="markers",
        name="other estimates",
        customdata=[
            [
                "<br>".join(title for title, picked in others if picked == layer),
                f"mean real score {number(scores[layer], 2)}" if layer in scores else "not judged by real edits",
            ]
            for layer in layers
        ],
        hovertemplate="<b>layer %{x}</b><br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        marker={"symbol": "hexagon-open", "size": 13, "color": theme.rust, "line": {"width": 2, "color": theme.rust}},
    )


def _told(pick: Pick) -> str:
    if pick.score is None:
        return "not judged: no real edit was measured at this layer"
    regret = "" if pick.regret is None else f", regret {number(pick.regret, 2)}"
    return f"mean real score {number(pick.score, 2)}{regret}"


@dataclass(frozen=True, slots=True)
class Label(Placed):
    """The names of the picks at one layer, in a lane above the plot so that no two overlap."""

    foot: float  # score its leader line starts at
    way: Way  # with the best evidence among them


def place_labels(picked: Sequence[Pick], n_layers: int, judged: bool = False) -> list[Label]:
    """One label per layer picked, in as few lanes as keep them apart on a phone (and therefore on wider screens).

    Where there are scores (`judged`), a layer without one is said not to be measured, and nothing points to a score.
    """
    groups: dict[int, list[Pick]] = {}
    for pick in picked:
        assert pick.layer is not None
        groups.setdefault(pick.layer, []).append(pick)
    texts = []
    for layer, picks in groups.items():
        absent = " (not measured)" if judged and picks[0].score is None else ""
        texts.append((layer, f"{', '.join(pick.info.short for pick in picks)}: {layer}{absent}"))
    found = []
    for one in placed(texts, n_layers, _SIDES):
        best = groups[one.layer][0]
        foot = best.score if best.score is not None else 1.0 if judged else 0.0
        found.append(Label(one.lines, one.layer, one.lane, one.anchor, foot, best.way))
    return found


def _labels(figure: go.Figure, labels: Sequence[Label], bottom: float, step: float, theme: Colours) -> None:
    """Text above the plot with a thin line down to its mark."""
    for label in sorted(labels, key=lambda found: -found.lane):
        height = bottom + label.lane * step
        figure.add_shape(
            type="line",
            x0=label.layer,
            x1=label.layer,
            y0=label.foot,
            y1=height,
            line={"color": theme.slate, "width": 1, "dash": "dot"},
            layer="below",
            name="leader",
        )
        font = {
            "color": theme.gold_text if label.way == "sweep" else theme.ink,
            "weight": 600 if way_info(label.way).kind == "real edits" else 400,
        }
        write(figure, label, height, theme, font, "pick")


def _card_finding(card: LayerCard) -> str:
    sweep, lga = card.pick("sweep"), card.pick("lga")
    if sweep.score is None:
        chosen = [f"{p.info.short} {p.layer}" for p in card.picks if p.layer is not None]
        return f"Not judged by real edits yet: {', '.join(chosen)}" if chosen else "No layer was chosen yet"
    start = f"Layer {sweep.layer} scores {number(sweep.score, 2)} by real edits"
    if lga.layer == sweep.layer:
        return f"{start}; LGA chooses it, too"
    if lga.score is not None:
        return f"{start}, LGA's layer {lga.layer} {number(lga.score, 2)}"
    return start


def _card_definition(card: LayerCard, curve: LayerCurve | None, others: bool) -> str:
    absent = [f"{p.info.short} ({p.source})" if p.source else p.info.short for p in card.picks if p.layer is None]
    band = (
        f"{SCORE}. Line: mean over {counted(curve.n_requests, 'request')}; band: 95 % interval of "
        f"{curve.n_resamples:,} bootstrap resamples (seed {curve.seed})."
        if curve
        else "No sweep is on show: scores by real edits are those of the evidence that comes with the product."
        if any(pick.score is not None for pick in card.picks)
        else "No sweep is stored, so nothing here is judged by real edits."
    )
    measured = f" Measured: {layer_list(curve.layers)}." if curve and len(curve.layers) < card.n_layers else ""
    return sentences(
        (
            band + measured,
            "Star and diamond: chosen by real edits; filled shapes: by an estimate; rings: without looking.",
            "Open hexagons: other estimates." if others else "",
            f"No layer from: {', '.join(absent)}." if absent else "",
            provenance(card),
        )
    )


def provenance(card: LayerCard) -> str:
    """One sentence: method, requests, model."""
    judged = f"{card.used.edits} of {card.judged_on}; " if card.judged_on else ""
    return f"{judged}{card.model}."
