"""A report as a folder in a zip: every figure, every table, where it all is from, and a README that explains them.

    README.txt                      finding, files, definitions, columns and units, provenance, limits, how to cite
    provenance.json                 everything that is stored of the run beside its numbers
    figures/01-layer-card.html      interactive, needs nothing else; .png and .svg where they were drawn
    tables/01-layer-card.csv        and .parquet

The same report gives the same bytes (pictures as far as the browser that draws them does).
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from goldenlayers_core import __version__
from goldenlayers_core.figures import alt_text, to_html, to_pictures
from goldenlayers_core.figures.text import counted
from goldenlayers_core.reports.columns import dictionary
from goldenlayers_core.reports.page import Report, Section
from goldenlayers_core.results.formats import gaps_of

FORMATS: Final = ("png", "svg")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that a spreadsheet would compute
NO_PICTURES: Final = (
    "PNG and SVG were not drawn. The command line draws them where Chromium or Chrome is installed:\n"
    "    python -m goldenlayers_core report RUN --out FILE.zip"
)
CITE: Final = (
    "The method: Shrestha Datta, Hongfu Liu, Anshuman Chhabra: Golden Layers and Where to Find Them: Improved\n"
    "Knowledge Editing for Large Language Models Via Layer Gradient Analysis, arXiv 2602.20207, 2026.\n"
    f"This software: Golden Layers {__version__}; see CITATION.cff of its source."
)


def report_zip(report: Report, pictures: bool = False) -> bytes:
    """The zip. `pictures`: PNG and SVG too, some seconds of a browser each. Raises GoldenLayersError without one."""
    files: dict[str, bytes] = {}
    stems = [(place, section, _stem(place, section)) for place, section in enumerate(report.sections, 1)]
    for _, section, stem in stems:
        if section.figure is not None:
            files[f"figures/{stem}.html"] = to_html(section.figure).encode()
        if section.table is not None:
            files[f"tables/{stem}.csv"] = csv_text(section.table).encode()
            files[f"tables/{stem}.parquet"] = section.table.to_parquet(index=False)
    if pictures:
        drawn = [(section.figure, stem) for _, section, stem in stems if section.figure is not None]
        orders = [(figure, form, stem) for figure, stem in drawn for form in FORMATS]
        made = to_pictures([(figure, form) for figure, form, _ in orders]) if orders else []
        for (_, form, stem), picture in zip(orders, made, strict=True):
            files[f"figures/{stem}.{form}"] = picture
    files["provenance.json"] = report.provenance.encode()
    files["README.txt"] = _readme(report, stems, files, pictures).encode()
    return _zipped(files, report.made)


def _stem(place: int, section: Section) -> str:
    title = section.name or section.title or _meta(section.figure, "title")
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return f"{place:02d}-{words[:40].rstrip('-') or 'section'}"


def _meta(figure: go.Figure | None, name: str) -> str:
    return str((figure.layout.meta or {}).get(name, "")) if figure is not None else ""


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV (RFC 4180: lines end in CR LF, so that an answer with either of them in it is quoted).

    A cell or a column's name that a spreadsheet would compute begins with an apostrophe; numbers stay numbers. Gaps are
    named where the table says what they are.
    """
    inert = table.map(_inert).rename(columns=_inert)
    return inert.to_csv(index=False, lineterminator="\r\n", na_rep=gaps_of(table))


def _inert(value: Any) -> Any:
    """Text that begins as a formula, with an apostrophe before it; anything else as it is."""
    if not isinstance(value, str) or value[:1] not in _FORMULA or not value:
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _readme(report: Report, stems: list[tuple[int, Section, str]], files: Mapping[str, bytes], pictures: bool) -> str:
    parts = [report.title, report.finding]
    for _, section, stem in stems:
        listed = [name for name in files if name.split("/")[-1].startswith(f"{stem}.")]
        about = section.text or tuple(_meta(section.figure, "subtitle").split("\n"))
        rows = [] if section.table is None else [counted(len(section.table), "row")]
        seen = [] if section.figure is None else [f"Shows: {alt_text(section.figure).split('. ')[0]}."]
        head = f"{stem}: {section.title or _meta(section.figure, 'title')}"
        parts.append("\n".join([head, *filter(None, about), *seen, *rows, *(f"    {name}" for name in sorted(listed))]))
    columns = [str(name) for _, section, _ in stems if section.table is not None for name in section.table.columns]
    facts = (f"{name}: {value}" for name, value in report.facts)
    titled = (
        ("Columns and units", dictionary(columns)),
        ("What this does not prove", report.limits),
        ("Where it is from", tuple(facts)),
        ("Pictures", () if pictures else (NO_PICTURES,)),
        ("How to cite", (CITE,)),
    )
    parts += [f"{title}\n{'-' * len(title)}\n" + "\n".join(lines) for title, lines in titled if lines]
    return "\n\n".join(parts) + "\n"


def _zipped(files: Mapping[str, bytes], made: str) -> bytes:
    """In the order of their names, all dated as the run (UTC)."""
    moment = datetime.fromisoformat(made) if made else datetime(1980, 1, 1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as folder:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_STORED if name.endswith((".png", ".parquet")) else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            folder.writestr(entry, files[name])
    return buffer.getvalue()


def provenance_json(content: Mapping[str, object]) -> str:
    """What is stored of a run, as readable JSON."""
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
