"""A report: what was found, the pictures with their definitions, the tables behind them, and where it all is from."""

from dataclasses import dataclass
from typing import Final

import jinja2
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from goldenlayers_core.figures import alt_text, untitled
from goldenlayers_core.figures.text import number
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results.formats import gaps_of

MOST_ROWS: Final = 3_000  # of a table; a longer one is cut, and says so


@dataclass(frozen=True, eq=False)
class Section:
    """One picture with its table, or a table, or text alone. A figure brings its own title and definition."""

    figure: go.Figure | None = None
    table: pd.DataFrame | None = None
    title: str = ""
    text: tuple[str, ...] = ()  # paragraphs
    open_table: bool = False  # whether the table is the point, and not behind the figure
    name: str = ""  # of its files, such as "layer-card"


@dataclass(frozen=True, eq=False)
class Report:
    """Everything on the page, as plain text: nothing in it is taken for markup."""

    title: str
    finding: str  # one or two sentences
    sections: tuple[Section, ...]
    facts: tuple[tuple[str, str], ...]  # (name, value): model, dataset, sample counts, seeds, versions, machine
    limits: tuple[str, ...]  # what the numbers do not prove
    provenance: str = "{}"  # everything that is stored of the run, as JSON
    made: str = ""  # when the run was made, ISO 8601, UTC


def report_html(report: Report) -> str:
    """One HTML page that needs nothing else; plotly.js is inside once (about 5 MB), and printing opens every table."""
    shown = [_shown(section) for section in report.sections]
    plotly = get_plotlyjs() if any(one["figure"] for one in shown) else ""
    return rendered("report.html", report=report, sections=shown, plotly=plotly)


def rendered(template: str, **values: object) -> str:
    """A template of assets/report with its values; none of them is taken for markup."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(assets_folder() / "report"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(**values)


def _shown(section: Section) -> dict[str, object]:
    figure, meta = section.figure, {}
    if figure is not None:
        meta = dict(figure.layout.meta or {})
    table = section.table
    return {
        "title": section.title or str(meta.get("title", "")),
        "text": section.text or tuple(str(meta.get("subtitle", "")).split("\n")),
        "alt": alt_text(figure) if figure is not None else "",
        "figure": _drawn(figure) if figure is not None else "",
        "columns": [str(name).replace("_", " ") for name in table.columns] if table is not None else [],
        "rows": _rows(table) if table is not None else [],
        "n_rows": len(table) if table is not None else 0,
        "open": section.open_table,
    }


def _drawn(figure: go.Figure) -> str:
    """The figure's markup, without plotly.js."""
    markup: str = untitled(figure).to_html(
        full_html=False,
        include_plotlyjs=False,
        include_mathjax=False,
        config={"responsive": True, "displaylogo": False},
    )
    return markup


def _rows(table: pd.DataFrame) -> list[list[str]]:
    gaps = gaps_of(table)
    return [[_cell(value, gaps) for value in row] for row in table.head(MOST_ROWS).itertuples(index=False)]


def _cell(value: object, gaps: str) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return gaps if pd.isna(value) else number(value, 4)
