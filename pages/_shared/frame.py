"""What surrounds every page: styles, sidebar, and one sentence instead of a traceback."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.places import assets_folder
from pages._shared import cached, session


def dress() -> None:
    """Logo and styles."""
    st.logo(str(assets_folder() / "logo.svg"), icon_image=str(assets_folder() / "logo-icon.svg"), size="large")
    for sheet in sorted((assets_folder() / "css").glob("*.css")):
        st.html(f"<style>{Path(sheet).read_text(encoding='utf-8')}</style>")


def sidebar() -> None:
    """Where the session stands: model, dataset, golden layer, running work."""
    with st.sidebar:
        card = session.card()
        st.caption("This session")
        st.markdown(f"**Model** {card.name if card else 'not loaded yet'}")
        st.markdown(f"**Dataset** {session.choice().words}")
        found = session.recommendation()
        st.markdown(f"**Recommended layer** {found.layer}" if found else "**Recommended layer** none yet")
        if found:
            st.caption(found.evidence)
        active = [j for j in cached.workbench().jobs() if j.active]
        if active:
            st.caption(f"{len(active)} running: {active[-1].title}")
        st.caption("Everything stays on this machine.")


def guarded(run: Callable[[], None]) -> None:
    """Run a page; what a person can put right is shown as one sentence."""
    try:
        run()
    except GoldenLayersError as error:
        st.error(str(error), icon=":material/error:")
