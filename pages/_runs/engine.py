"""Where long work is done: in the app, or by workers of a Ray cluster. Nothing where there is no choice."""

import streamlit as st

from goldenlayers_core.tasks.engine_choice import ENGINES, EngineChoice, choose_engine, engine_choice, may_choose
from pages._shared import cached, jobs

_ABOUT = (
    "Scores, traces, sweeps, covariances and edits of many facts are shared out to the workers; each keeps a model of "
    "its own in memory. All else is done in the app. What was computed is the same, and is found again, either way."
)


def choose() -> None:
    """The engine and its settings, for work that begins from now on."""
    if cached.apart() or not may_choose(cached.workbench().mode):
        return
    now = engine_choice(cached.workbench().store)
    name = ENGINES[now.engine]
    with st.expander(f"Long work: {name[0].lower()}{name[1:]}", icon=":material/lan:"):
        st.caption(_ABOUT)
        names = list(ENGINES)
        with st.form("engine", border=False):
            st.radio("Done", names, names.index(now.engine), format_func=ENGINES.__getitem__, key="engine-name")
            st.text_input(
                "Address of the cluster",
                now.address,
                help="host:port of its head, or auto for one on this machine; empty: one of the run's own.",
                key="engine-address",
            )
            st.number_input(
                "Workers", 0, None, now.workers, help="0: as many as there is room for", key="engine-workers"
            )
            st.number_input("CPUs of each worker", 1, None, now.cpus, key="engine-cpus")
            st.number_input("GPUs of each worker", 0, None, now.gpus, key="engine-gpus")
            st.form_submit_button("Use from now on", on_click=jobs.attempt, args=(_keep,), key="engine-keep")


def _keep() -> None:
    said = st.session_state
    address, workers = str(said["engine-address"]).strip(), int(said["engine-workers"])
    choice = EngineChoice(
        str(said["engine-name"]), address, workers, int(said["engine-cpus"]), int(said["engine-gpus"])
    )
    choose_engine(cached.workbench().store, cached.workbench().mode, choice)
