"""What surrounds every page: styles, sidebar, and one sentence instead of a traceback."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.places import assets_folder
from goldenlayers_core.tasks.recommendation import none_yet
from pages._shared import cached, glossary, jobs, link, link_copy, link_notice, served, session
from pages._shared.wording import escape, sentence

_SIDEBAR: Final = "sidebar-method"  # in the session's state: the method that the sidebar speaks of


def enter() -> None:
    """The first line of every page: makes sure that app.py stands around it.

    Streamlit takes a folder `pages/` for its older kind of app until `st.navigation` has run once. The first visitor of
    a new process who comes by an address like /edit would see the page bare: no sidebar, no styles, no reload survived.
    """
    if not PagesManager.uses_pages_directory:
        return
    if not session.is_known():
        PagesManager.uses_pages_directory = False
        st.rerun()  # this time through app.py
    dress()  # AppTest begins every run as a new process does, and a rerun would lose its clicks
    sidebar()


def dress() -> None:
    """Page setup, logo and styles; and the choices this browser had made before a reload."""
    icon = str(assets_folder() / "logo-icon.svg")
    st.set_page_config(page_title="Golden Layers", page_icon=icon, layout="wide")
    st.logo(str(assets_folder() / "logo.svg"), icon_image=icon, size="large")
    sheets = (Path(sheet).read_text(encoding="utf-8") for sheet in sorted((assets_folder() / "css").glob("*.css")))
    st.html(f"<style>{''.join(sheets)}</style>")
    served.door()
    try:
        session.restore()
        cached.visit()
        glossary.begin()
        jobs.settle_model()
    except GoldenLayersError as error:  # a setting that cannot be, such as a store that is nowhere
        st.error(sentence(error), icon=":material/error:")
        st.stop()


def sidebar() -> None:
    """Where the session stands: model, dataset, the layer for its method, running work; else why that is not known."""
    with st.sidebar:
        try:
            _session()
        except GoldenLayersError as error:
            st.error(sentence(error), icon=":material/error:")


def _session() -> None:
    st.caption("This session")
    loaded, chosen = session.card(), session.model()
    _line("Model", loaded.name if loaded else f"{source_title(chosen.source)}, not loaded yet")
    _line("Dataset", session.choice().words)
    found, used = session.recommendation(), session.method()
    st.session_state[_SIDEBAR] = used
    _line(f"Recommended layer for {used.words}", found.headline if found else "none yet")
    if found:
        st.caption(f"by {escape(found.brief)}", help=escape(found.full))
    if found and (none := none_yet(found, used)):
        st.caption(escape(none))
    active = [j.job_id for j in session.seat().jobs() if j.active]
    if active:
        _working(tuple(active))
    served.sidebar()
    st.html(f"<script>{session.scripts()}</script>", unsafe_allow_javascript=True)


def _line(name: str, value: str) -> None:
    st.markdown(f"**{name}**  \n{escape(value)}")


@st.fragment(run_every=1.5)
def _working(job_ids: tuple[str, ...]) -> None:
    """Work under way, of this session and of others; the page runs again when some of it ends."""
    seat, followed = session.seat(), jobs.followed()
    views = [j for j in seat.jobs() if j.job_id in job_ids]
    if not all(j.active for j in views):
        st.rerun()
    slots = {job_id: slot for slot, job_id in followed.items()}
    mine = [seat.view(j.job_id, slots[j.job_id]) for j in views if j.job_id in slots]
    for job in mine:
        st.progress(jobs.share(job), text=escape(job.title))
    if len(views) > len(mine):
        st.caption(f"{len(views) - len(mine)} more at work; see Runs.")


class _Enough(Exception):  # noqa: N818 - it is no error
    """A page has no more to show."""


def stop() -> NoReturn:
    """End the page here. st.stop would end app.py, too, and with it the page's address."""
    raise _Enough


def guarded(run: Callable[[], None], page: str) -> None:
    """Run a page; what a person can put right is shown as one sentence. Then its address, and what is missing of it."""
    head = st.container(key="link-head")
    try:
        run()
    except GoldenLayersError as error:
        st.error(sentence(error), icon=":material/error:")
    except _Enough:
        pass
    link.finish(page)
    with head:
        link_notice.draw()
    link_copy.control(page, link.shown(page))
    if st.session_state.get(_SIDEBAR, session.method()) != session.method():
        st.rerun()  # an address or another page chose the method after the sidebar was drawn
