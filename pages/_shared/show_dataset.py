"""A dataset on the page: what was read, its requests, and what was not read and why."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from goldenlayers_core.records import Dataset, EditRequest, Probe
from goldenlayers_core.reports import csv_text
from pages._shared.wording import count, escape

PREVIEW: Final = 100
_COUNT: Final = st.column_config.NumberColumn(help="Prompts asked before and after an edit, the fact's own included.")
_KINDS: Final = {
    "rephrase": "In other words (rephrase)",
    "locality": "Should not change (locality)",
    "portability": "Should follow from it (portability)",
}


def summary(found: Dataset) -> None:
    """Format, encoding, and every record accounted for."""
    with st.container(horizontal=True, gap="medium"):
        _number("Records in the file", found.n_records, "Every one is either read or listed as not read.")
        _number("Read", len(found.requests), "Requests that can be scored and edited.")
        _number("Not read", len(found.reported), "Listed with their row and reason in the report.")
        _number("Remarks", len(found.remarks), "Read, but worth knowing: listed in the report.")
    form = "table, read by its columns" if found.format == "table" else found.format
    st.markdown(f"**Format:** {escape(form)}  \n**Encoding:** {escape(found.encoding)}")
    st.caption(escape(found.description))


def _number(label: str, value: int, explained: str) -> None:
    st.metric(label, f"{value:,}", help=explained, width="content")


def requests(listed: Sequence[EditRequest], name: str) -> None:
    """The first requests, and all probes of the one that is marked."""
    shown = listed[:PREVIEW]
    st.caption(
        f"{'The first ' if len(listed) > PREVIEW else ''}{count(len(shown), 'request')}"
        f"{f' of {len(listed):,}' if len(listed) > PREVIEW else ''}. Mark a row to see all its probes below."
    )
    event = st.dataframe(
        table(shown),
        hide_index=True,
        height=min(38 + 35 * len(shown), 388),
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0]}},
        key=f"requests-{name}-{len(listed)}",
        column_config={"Prompt": st.column_config.TextColumn(width="large"), "Probes": _COUNT},
    )
    rows = [row for row in event["selection"]["rows"] if row < len(shown)]
    detail(shown[rows[0] if rows else 0])


def table(listed: Sequence[EditRequest]) -> pd.DataFrame:
    """One row per request."""
    return pd.DataFrame(
        {
            "Prompt": [r.prompt for r in listed],
            "True answer": [r.target_true for r in listed],
            "New answer": [r.target_new for r in listed],
            "Subject": [r.subject for r in listed],
            "Relation": [r.relation for r in listed],
            "Probes": [len(r.probes) for r in listed],
            "Case": [r.case_id for r in listed],
        }
    )


def detail(request: EditRequest) -> None:
    """One request with every probe."""
    with st.container(border=True, key="request-detail"):
        also = f" (accepted too: {escape(', '.join(request.true_aliases))})" if request.true_aliases else ""
        new = f" (accepted too: {escape(', '.join(request.new_aliases))})" if request.new_aliases else ""
        st.markdown(
            f"**Prompt** {escape(request.prompt)} …  \n"
            f"**Subject** {escape(request.subject) or 'none given'}  \n"
            f"**True answer** {escape(request.target_true) or 'none given'}{also}  \n"
            f"**New answer** {escape(request.target_new)}{new}"
        )
        for kind, title in _KINDS.items():
            probes = [p for p in request.probes if p.kind == kind]
            if probes:
                st.markdown("\n".join([f"**{title}**", "", *(_probe(p) for p in probes)]))
        if len(request.probes) == 1:
            st.caption("No further probes: only the fact itself is asked before and after an edit.")


def _probe(probe: Probe) -> str:
    expected = escape(" or ".join(probe.answers)) if probe.answers else "the same as before the edit"
    name = f" :small[({escape(probe.name)})]" if probe.name else ""
    return f"- {escape(probe.prompt)} → **{expected}**{name}"


def report(found: Dataset) -> None:
    """Which records were not read or are worth a look, by row."""
    issues = [*found.reported, *found.remarks]
    if not issues:
        st.markdown(f"All {count(found.n_records, 'record')} were read, and there is nothing to remark.")
        return
    frame = pd.DataFrame(
        {
            "Row": [i.row for i in issues],
            "What": ["not read" if i.severity == "rejected" else "remark" for i in issues],
            "Reason": [i.reason for i in issues],
        }
    ).sort_values("Row", kind="stable")
    st.caption("Rows count records from 1, without a header line.")
    st.dataframe(
        frame,
        hide_index=True,
        height=min(38 + 35 * len(frame), 388),
        column_config={"Reason": st.column_config.TextColumn(width="large")},
    )
    st.download_button(
        "Download the report",
        lambda: csv_text(frame),
        "validation-report.csv",
        "text/csv",
        key="download-report",
        icon=":material/download:",
        on_click="ignore",
    )
