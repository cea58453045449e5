"""Edit: which request. One of the dataset, or one a person writes."""

import dataclasses

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError, RequestError
from goldenlayers_core.figures.text import counted, shorten
from goldenlayers_core.records import EditRequest
from goldenlayers_core.tasks.address import short
from goldenlayers_core.tasks.edit.own_request import check_editable, free_request, no_op, parted, subject_choices
from pages._shared import cached, link, session
from pages._shared.wording import escape, sentence

MOST = 5_000  # requests a browser still lists without delay
EXAMPLE = {
    "edit-prompt": "The Eiffel Tower is located in the city of",
    "edit-subject": "The Eiffel Tower",
    "edit-new": "Rome",
    "edit-old": "Paris",
    "edit-rephrases": "To visit the Eiffel Tower, buy a train ticket to",
    "edit-neighbours": "The Colosseum is located in the city of\nThe Louvre is located in the city of",
    "edit-consequences": "The country where the Eiffel Tower stands is -> Italy",
}


def choose() -> EditRequest | None:
    """The request to edit, checked; None (and a sentence) where it cannot be edited as it stands."""
    _from_address()
    source = st.segmented_control(
        "Request",
        ("dataset", "free"),
        default="dataset",
        required=True,
        format_func={"dataset": "From the dataset", "free": "Write your own"}.__getitem__,
        key="edit-source",
        persist_state="session",
    )
    try:
        request = _written() if source == "free" else _picked()
        if request is None:
            return None
        check_editable(request)
        request = _placed(request)
    except GoldenLayersError as error:
        st.warning(sentence(error), icon=":material/edit_off:")
        return None
    if flagged := no_op(request):
        st.warning(f"{escape(flagged)} It can be run, but nothing will be learned from it.", icon=":material/block:")
    return request


def _placed(request: EditRequest) -> EditRequest:
    """The request with the occurrence of its subject that the person means, where it stands several times."""
    places = subject_choices(request)
    if not places:
        return request
    taken, _ = request.subject_place
    options = list(places)
    at = st.radio(
        "The subject stands there more than once. Which one is it?",
        options,
        index=options.index(taken),
        format_func=lambda place: escape(places[place]),
        key=f"edit-subject-at-{short(request.digest)}",
        help="The edit is written where the subject stands; left as it is, the first one that stands by itself.",
    )
    return request if at == taken else dataclasses.replace(request, subject_at=at)


def _from_address() -> None:
    """A request that the address writes out, or one of the dataset that it names."""
    texts = {name: link.take(name) for name in link.FREE}
    if any(texts.values()):
        st.session_state["edit-source"] = "free"
        for key, name in zip(EXAMPLE, link.FREE, strict=True):
            st.session_state[key] = texts[name]
    elif link.asks("request"):
        st.session_state["edit-source"] = "dataset"


def _pool() -> dict[str, EditRequest]:
    """Requests of the session's dataset, and of the score run's and the sweep's on show where those are others."""
    names = [session.choice().dataset]
    shown = (session.score_run(), session.sweep_run())
    asked = (m.part("choice").get("dataset") for m in cached.workbench().store.runs() if m.run_id in shown)
    names += [name for name in asked if isinstance(name, str)]
    pool: dict[str, EditRequest] = {}
    for name in dict.fromkeys(names):
        try:
            pool |= cached.by_digest(name)
        except GoldenLayersError as error:
            st.caption(escape(f"{name}: {error}"))
    return pool


def _picked() -> EditRequest | None:
    pool = _pool()
    if not pool:
        raise RequestError("No dataset is open here; choose one on the page Dataset, or write your own request.")
    link.request(tuple(pool), "the dataset on show")
    wanted = session.request_digest()
    if wanted not in pool:
        wanted = next(iter(pool))
    options = list(dict.fromkeys([*list(pool)[:MOST], wanted]))
    numbers = {digest: number + 1 for number, digest in enumerate(options)}
    if st.session_state.get("edit-request-digest") != wanted:
        st.session_state["edit-request-digest"] = wanted
    digest = st.selectbox(
        "Request of the dataset",
        options,
        format_func=lambda key: f"{numbers[key]}. {_line(pool[key])}",
        key="edit-request-digest",
        on_change=lambda: session.open_request(st.session_state["edit-request-digest"]),
        label_visibility="collapsed",
        help="Type to search.",
    )
    session.open_request(digest)
    link.say(request=short(digest))
    _described(pool[digest])
    return pool[digest]


def _line(request: EditRequest) -> str:
    old = shorten(request.target_true, 24) or "?"
    return f"{shorten(request.prompt, 70)} | {old} → {shorten(request.target_new, 24)}"


def _described(request: EditRequest) -> None:
    before, subject, after = parted(request)
    marked = f"{escape(before)}**{escape(subject)}**{escape(after)}" if subject else escape(before)
    st.markdown(f"{marked} … {escape(request.target_true or 'what the model says')} **→** {escape(request.target_new)}")
    kinds = (
        ("rephrase", request.rephrases),
        ("locality probe", request.locality),
        ("portability probe", request.portability),
    )
    probes = (
        ", ".join(counted(len(found), word) for word, found in kinds if found) or "no probes beside the prompt itself"
    )
    where = f"relation {request.relation}, " if request.relation else ""
    st.caption(
        escape(f"{where}case {request.case_id} of {request.source or 'the dataset'}; {probes}. The subject is bold.")
    )


def _written() -> EditRequest | None:
    text = {key: str(st.session_state.get(key, "")) for key in EXAMPLE}
    _line_input(
        "edit-prompt", "Prompt", "The beginning of a sentence that the answer completes, with the subject in it."
    )
    subject, new, old = st.columns(3)
    with subject:
        _line_input("edit-subject", "Subject", "Copied from the prompt.")
    with new:
        _line_input("edit-new", "New answer", "What it should say instead.")
    with old:
        _line_input("edit-old", "Old answer (optional)", "Left empty, what the model says before stands in for it.")
    follow, stay, imply = st.columns(3)
    areas = (
        (follow, "edit-rephrases", "Should follow: rephrases, one per line (optional)"),
        (stay, "edit-neighbours", "Should stay: locality probes, one per line (optional)"),
        (imply, "edit-consequences", "Should follow from it: prompt -> answer, one per line (optional)"),
    )
    for column, key, label in areas:
        column.text_area(label, key=key, persist_state="session", height=96)
    link.say(**dict(zip(link.FREE, text.values(), strict=True)))
    if any(text.values()):
        return free_request(*(text[key] for key in EXAMPLE))
    fill = st.session_state.update
    st.button("Fill in an example", key="edit-example", icon=":material/lightbulb:", on_click=fill, args=(EXAMPLE,))
    return None


def _line_input(key: str, label: str, explanation: str) -> None:
    st.text_input(label, key=key, persist_state="session", placeholder=EXAMPLE[key], help=explanation)
