"""Edits as parts of a report: one edit, and many of a table."""

from typing import Final

import pandas as pd

from goldenlayers_core import figures
from goldenlayers_core.figures.text import counted
from goldenlayers_core.reports import Section
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.formats import spaced
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.edit.stored import open_panel, open_report, panel_name
from goldenlayers_core.tasks.edit.stored_many import open_many
from goldenlayers_core.tasks.report_parts import GREEDY, Parts, title_of

_RATES: Final = "Answers are greedy text; of each kind of probe the share that came out as wished, 0 to 1."
_PROBES: Final = "P is the product of the probabilities of an answer's tokens."


def of_edit(store: Store, manifest: RunManifest) -> Parts:
    """Before and after, the next tokens, every probe, and what else moved."""
    report = open_report(store, manifest.run_id)
    sections = (
        Section(
            None, _answers(report), "Before and after", (_asked(report),), open_table=True, name="before-and-after"
        ),
        Section(figures.top_tokens(report.before, report.after), report.tokens_frame(), name="next-tokens"),
        Section(figures.probe_changes(report), report.to_frame(), name="probes"),
        *_blast(store, report),
    )
    limits = ("One edit of one fact; another fact may take at another layer.", GREEDY)
    return report.verdict, sections, limits


def _asked(report: EditReport) -> str:
    return (
        f"{report.method.upper()} at layer {report.layer} ({spaced(report.layer_evidence)}); 1 request, "
        f"{counted(len(report.outcomes), 'probe')}. P is the product of the probabilities of an answer's tokens."
        + (f" {report.routing.words}" if report.routing else "")
    )


def _answers(report: EditReport) -> pd.DataFrame:
    names = ("without the edit", "with the edit")
    return pd.DataFrame(
        [
            {
                "when": name,
                "prompt": report.prompt,
                "greedy answer": view.answer,
                f"P({report.target_new})": view.target_new_probability,
                f"P({report.target_true})": view.target_true_probability,
            }
            for name, view in zip(names, (report.before, report.after), strict=True)
        ]
    )


def _blast(store: Store, report: EditReport) -> tuple[Section, ...]:
    """What the edit alone moved on general prompts, where that was measured."""
    name = panel_name(report.fingerprint, report.provenance.get("dtype", ""), (report.edit_id,))
    if name not in store.names("panels"):
        return ()
    found = open_panel(store, name)
    return (Section(figures.panel_strip(found), found.to_frame(), name="blast-radius"),)


def of_many(store: Store, manifest: RunManifest) -> Parts:
    """How many probes of each kind came out as wished, and every request and probe."""
    found = open_many(store, manifest.run_id)
    drawn = figures.rate_bars(found)
    rates = pd.DataFrame(list(found.rates))
    sections = (
        Section(drawn, rates.rename(columns={"n_probes": "probes", "n_requests": "requests"}), name="rates"),
        Section(None, found.to_frame(), "Every request", (_RATES,), open_table=True, name="requests"),
        Section(None, found.probes_frame(), "Every probe", (_PROBES,), name="probes"),
    )
    return f"{title_of(drawn)}.", sections, ("One layer and one method; others may do better or worse.", GREEDY)
