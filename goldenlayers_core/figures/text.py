"""Text for figures: plotly reads a small HTML in every string, so whatever a person wrote is escaped here."""

import html
import math
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from goldenlayers_core.results.formats import MINUS, TIMES, capital, clean, listed, multiple, number, percent, shorten

__all__ = [
    "BRIEF",
    "HOVER_WIDTH",
    "MINUS",
    "TIMES",
    "capital",
    "clean",
    "counted",
    "escape",
    "first_sentence",
    "layer_list",
    "listed",
    "multiple",
    "number",
    "percent",
    "plain",
    "row_labels",
    "sentences",
    "shorten",
    "wrap",
]

HOVER_WIDTH = 46
BRIEF = 110  # letters above a chart: two lines on a phone
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=\S)|\n")


def escape(text: str) -> str:
    """`text` with nothing left for plotly to interpret (tags, entities, templates)."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def wrap(text: str, width: int) -> str:
    """Escaped `text` broken with <br> after at most `width` characters; its own line breaks are kept."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines.extend(textwrap.wrap(clean(paragraph), width) or [""])
    return "<br>".join(escape(line) for line in lines)


def first_sentence(text: str) -> str:
    """What of a definition a page shows above the chart; it should fit into `BRIEF` letters, or it is cut there."""
    first = _SENTENCE.split(text, maxsplit=1)[0]
    return f"{first[:-1]}." if first.endswith(";") else first


def plain(markup: str) -> str:
    """The opposite: what a person reads of plotly's small HTML, on one line."""
    return clean(html.unescape(re.sub(r"<[^<>]*>", "", re.sub(r"<br\s*/?>", " ", markup))))


def counted(count: int, noun: str) -> str:
    """`1 request`, `5,000 requests`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def layer_list(layers: Sequence[int], most: int = 6) -> str:
    """`layers 0, 1 and 29`; beyond `most`, `layers 0, 1, 2, ... (9 in all)`."""
    names = [str(layer) for layer in layers]
    if len(names) == 1:
        return f"layer {names[0]}"
    if len(names) > most:
        return f"layers {', '.join(names[:3])}, … ({len(names)} in all)"
    return f"layers {listed(names)}"


def row_labels(prompts: Sequence[str], length: int) -> list[str]:
    """One short escaped label per prompt: the stretch of at most `length` characters with the words that set it apart.

    A word weighs log(prompts / prompts with it), so that "The capital of France is" among its like keeps "France".
    """
    words = [clean(prompt).split(" ") for prompt in prompts]
    common = Counter(word for row in words for word in set(row))
    weights = {word: math.log(len(prompts) / count) for word, count in common.items()}
    return [escape(_telling_stretch(row, weights, length)) for row in words]


def _telling_stretch(row: list[str], weights: dict[str, float], length: int) -> str:
    text = " ".join(row)
    if len(text) <= length:
        return text
    row = row[:64]  # prompts of whole documents: enough words for any label, and never quadratic in the prompt
    best, bounds = -1.0, (0, 1)
    for start in range(len(row)):
        size, weight = -1, 0.0
        for stop in range(start, len(row)):
            size += 1 + len(row[stop])
            if size > length - 2:
                break
            weight += weights[row[stop]] + 1e-6 * len(row[stop])  # among equals the longer stretch
            if weight > best:
                best, bounds = weight, (start, stop + 1)
    stretch = shorten(" ".join(row[bounds[0] : bounds[1]]), length)
    front = "…" if bounds[0] > 0 else ""
    back = "…" if bounds[1] < len(row) and not stretch.endswith("…") else ""
    return front + stretch + back


def sentences(parts: Iterable[str]) -> str:
    """Non-empty parts, one paragraph each."""
    return "\n".join(part for part in parts if part)
