"""What every chart owes its reader, and in what one falls short of it."""

import re
from collections.abc import Iterator

import plotly.graph_objects as go

from goldenlayers_core.figures import alt_text
from goldenlayers_core.figures.text import BRIEF, first_sentence

# what is counted under a chart: a number, and within the same sentence what there are so many of
_THINGS = "request|probe|prompt|edit|fact|draw|token|round|resample|layer|word|key|pass|tab"
_COUNTED = re.compile(rf"\b(\d[\d,]*|one|ten)\b[^.;:]{{0,60}}?\b({_THINGS})s?\b", re.IGNORECASE)
_PERCENT = re.compile(r"\d%")


def shortcomings(figure: go.Figure) -> Iterator[str]:
    """One phrase for everything that is missing."""
    meta = figure.layout.meta or {}
    title, subtitle, alt = (str(meta.get(name, "")).strip() for name in ("title", "subtitle", "alt"))
    if len(title) < 10 or title.endswith((".", ":")):
        yield f"its title says no finding: {title!r}"
    if len(subtitle) < 20:
        yield f"its subtitle defines nothing: {subtitle!r}"
    if not _COUNTED.search(f"{title}. {subtitle}") and "not measured" not in subtitle:
        yield f"neither title nor subtitle says of how many: {title!r}, {subtitle!r}"
    if len(said := first_sentence(subtitle)) > BRIEF:
        yield f"its first sentence is cut above the chart ({len(said)} letters): {said!r}"
    if len(alt) < len(title) + 10 or title not in alt or alt != alt_text(figure):
        yield f"its alternative text is no text of its own: {alt!r}"
    for text in (title, subtitle):
        if found := _PERCENT.search(text):
            yield f"a percentage without its space ({found.group()}): {text!r}"
    yield from _axes(figure)


def _axes(figure: go.Figure) -> Iterator[str]:
    """Axes of numbers that do not say what they measure."""
    named = {"x": False, "y": False}
    bare: dict[str, list[str]] = {"x": [], "y": []}
    for name in figure.layout.to_plotly_json():
        kind = re.fullmatch(r"([xy])axis\d*", name)
        if not kind:
            continue
        axis = figure.layout[name]
        if axis.type == "log" and axis.tickvals is None and axis.dtick is None:
            yield f"plotly labels every step of a decade on {name}, one over the other"
        if axis.visible is False or axis.showticklabels is False or axis.ticktext is not None:
            continue
        letter = kind.group(1)
        if axis.title.text:
            named[letter] = True
        elif not _categories(figure, name) and not str(axis.tickformat or "").endswith("%"):
            bare[letter].append(name)
    for letter, names in bare.items():
        if names and not named[letter]:
            yield f"nothing says what {', '.join(names)} measures"


def _categories(figure: go.Figure, name: str) -> bool:
    """Whether an axis has words instead of numbers, or nothing at all."""
    letter, number = name[0], name[5:]
    drawn = [
        trace for trace in figure.data if letter in trace and (trace[f"{letter}axis"] or letter) == letter + number
    ]
    values = [value for trace in drawn if trace[letter] is not None for value in list(trace[letter])[:3]]
    return all(isinstance(value, str) for value in values)
