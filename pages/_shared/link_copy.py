"""The control that hands the address of a view on; and what keeps the browser's Back button one press per view."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from goldenlayers_core.tasks.address import BETWEEN, HERE

# Streamlit adds a step to the browser's history for every change of the address. A page that writes into its bare
# address, or a layer that is scrubbed through, is no view of its own: such changes take the place of the step before.
HISTORY: Final = """
if (!window.goldenLayersPush) {
  const push = window.goldenLayersPush = history.pushState.bind(history);
  const steps = ["run", "request", "view", "page", "step"];
  history.pushState = (state, title, address) => {
    const to = new URL(address, location.href), from = new URL(location.href);
    const bare = !from.search && to.search;
    const sameView = steps.every((name) => to.searchParams.get(name) === from.searchParams.get(name));
    if (to.pathname === from.pathname && (bare || sameView)) history.replaceState(state, title, address);
    else push(state, title, address);
  };
}
"""


def address(url: str, parameters: Mapping[str, str]) -> str:
    """The full address of the page at `url`."""
    return urlunsplit((*urlsplit(url)[:3], urlencode(parameters, safe="/@~"), ""))


def control(page: str, parameters: Mapping[str, str]) -> None:
    """At the foot of the sidebar: the address of what is on show, to copy."""
    with st.sidebar.popover("Copy link", icon=":material/link:", width="stretch", key="link-copy"):
        with st.container(key="link-address"):
            st.markdown("**Link to this view**")
            st.code(address(st.context.url or "", parameters), language=None, wrap_lines=True)
        st.caption(" ".join(_about(page, parameters)))
    st.sidebar.html(f"<script>{HISTORY}</script>", unsafe_allow_javascript=True)


def _about(page: str, parameters: Mapping[str, str]) -> list[str]:
    """What opening it elsewhere needs."""
    here = [name for name in ("model", "dataset") if parameters.get(name, "").startswith(f"{HERE}{BETWEEN}")]
    told = []
    if here:
        told.append(
            f"It works on this machine only: the {' and the '.join(here)} lies in a file or folder of this machine, "
            "which the link names without its path."
        )
    if parameters.get("dataset", "").startswith("upload-"):
        told.append("The uploaded file is no part of it: on another machine it has to be uploaded, too.")
    if parameters.get("run") and page in ("layer_scores", "ground_truth"):
        told.append("Where this run is not stored, the link offers to compute it.")
    if page == "edit":
        told.append("It carries the form and the edit on show; the stacks stay in this browser.")
    return told or ["It opens this view wherever this program runs."]
