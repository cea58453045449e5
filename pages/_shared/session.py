"""What this tab has chosen. Sessions share models and stored runs, never choices, edits or work.

A desk is one browser, told apart by a random cookie; a tab of it is a seat. A choice lives in the session's state, and
beside it on the desk, so that a reload, which starts a new session, finds its tab as it was left: the browser says in a
second cookie which tab is being left, and only a session of a tab that nobody sits in may take it up. Where the browser
said nothing (it or the program was killed), the desk's next session takes up the tab that left work behind.
"""

import dataclasses
import hmac
from typing import Any, Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.truth.measured import MethodUsed, method_used
from goldenlayers_core.tasks import DatasetChoice, ModelCard, Recommendation
from goldenlayers_core.tasks.recommendation import known_fingerprint
from goldenlayers_core.tasks.seat import Seat
from pages._shared import advice, cached, served
from pages._shared.desk import NAME, Desk, is_name, new_name, public

COOKIE: Final = "goldenlayers_desk"
TAB_COOKIE: Final = "goldenlayers_tab"
JOB: Final = "job:"  # in the session's state: the job that a slot follows
_TAB: Final = "desk-tab"  # in the session's state: the name of the tab
_DESKS: Final = 500  # remembered; the ones not used for longest are forgotten
_RELOAD: Final = 60  # seconds that a browser may take for one
# In every run of a page: the tab's name may have changed. What the page before said was heard once this one is drawn.
_LEAVING: Final = """
if (!window.goldenLayersTab) {
  const say = (tab, seconds) => document.cookie = `%s=${tab}; path=/; max-age=${seconds}; SameSite=Strict`;
  say("", 0);
  addEventListener("pagehide", () => say(window.goldenLayersTab, %d));
}
window.goldenLayersTab = "%s";
"""


def restore() -> None:
    """Before anything else: in a new session, take over what this tab had before its reload."""
    person = served.who()
    if person is not None and is_known() and st.session_state[NAME] != person:  # somebody else logged in meanwhile
        for key in list(st.session_state):
            del st.session_state[key]
    if is_known() and _desk().sits(st.session_state[_TAB], _session_id()):
        return
    lost = is_known()  # the connection was lost, and meanwhile another session took up this tab
    if not lost:
        known = cookie(COOKIE)
        st.session_state[NAME] = person or (known if is_name(known) else new_name())
    desk, name = _desk(), public(st.session_state[NAME])
    if lost:
        tab = desk.sit(_session_id(), "", (), is_open)
        for key in [key for key in st.session_state if str(key).startswith(JOB)]:
            st.session_state.pop(key)
    else:
        left = dict.fromkeys(found.tab for found in Seat(cached.workbench(), name, "").left())
        tab = desk.sit(_session_id(), cookie(TAB_COOKIE), left, is_open)
        for key, value in desk.chosen_in(tab).items():
            st.session_state.setdefault(key, value)
    st.session_state[_TAB] = tab


def is_known() -> bool:
    """Whether `restore` has run in this session."""
    return _TAB in st.session_state


def cookie(name: str) -> str:
    """A cookie that came with this session's connection; "" where there is none."""
    found = st.context.cookies.get(name, "")
    return found if isinstance(found, str) else ""


def is_open(session: str) -> bool:
    """Whether a browser is connected to a session."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def _session_id() -> str:
    context = get_script_run_ctx()
    return context.session_id if context else ""


def _desk() -> Desk:
    """This browser's desk."""
    desks, name = cached.desks(), st.session_state[NAME]
    desk = desks.setdefault(name, Desk())
    desks.move_to_end(name)
    while len(desks) > _DESKS:
        desks.popitem(last=False)
    return desk


def seat() -> Seat:
    """This tab at the workbench: what it asks for is its own."""
    return Seat(cached.workbench(), public(st.session_state[NAME]), st.session_state[_TAB], cached.apart())


def secret(purpose: str) -> str:
    """What this browser alone can say, and says again after the program was started anew; another for each purpose."""
    return hmac.new(st.session_state[NAME].encode(), purpose.encode(), "sha256").hexdigest()


def scripts() -> str:
    """The JavaScript that gives this browser its name where it has none, and says which tab a reload leaves."""
    name = st.session_state[NAME]
    named = cookie(COOKIE) == name or served.who() is not None  # who logged in is known without a cookie of ours
    say = "" if named else f"document.cookie = '{COOKIE}={name}; path=/; SameSite=Strict';"
    return say + _LEAVING % (TAB_COOKIE, _RELOAD, st.session_state[_TAB])


def keep(key: str, value: Any) -> None:
    """Remember a choice for this session, and for this tab after a reload; None forgets it."""
    _desk().keep(st.session_state[_TAB], key, value)
    if value is None:
        st.session_state.pop(key, None)
    else:
        st.session_state[key] = value


def model() -> ModelSource:
    """The chosen model; the bundled one until another is chosen."""
    chosen: ModelSource = st.session_state.get("chosen_model", ModelSource())
    return chosen


def choose_model(source: ModelSource) -> None:
    """Make a model the session's; what is on show of other weights is chosen on purpose from then on."""
    if not same_weights(source):
        for show in (show_score_run, show_sweep_run, show_edit_run, show_many_run):
            show(None)
    keep("chosen_model", source)


def same_weights(source: ModelSource) -> bool:
    """Whether a model is the session's, by its name or, as far as they are known, by its weights."""
    known = fingerprint_of(source)
    return source == model() or (known is not None and known == fingerprint())


def card() -> ModelCard | None:
    """The chosen model's card, once it is in memory."""
    return cached.workbench().loaded(model())


def choice() -> DatasetChoice:
    """The chosen dataset part; the bundled proxy split until another is chosen."""
    chosen: DatasetChoice = st.session_state.get("chosen_dataset", DatasetChoice("bundled", "proxy", 32))
    return chosen


def choose_dataset(part: DatasetChoice) -> None:
    """Make a dataset part the session's."""
    keep("chosen_dataset", part)


def first_request() -> EditRequest:
    """The first request of the chosen part (unfiltered: no model is asked). Raises DatasetError."""
    part = dataclasses.replace(choice(), known_only=False, limit=1)
    return cached.workbench().requests(part, model()).requests[0]


def score_run() -> str | None:
    """Id of the score run on show."""
    return st.session_state.get("score_run")


def show_score_run(run_id: str | None) -> None:
    """Put a score run on show."""
    keep("score_run", run_id)


def sweep_run() -> str | None:
    """Id of the sweep on show."""
    return st.session_state.get("sweep_run")


def show_sweep_run(run_id: str | None) -> None:
    """Put a sweep on show."""
    keep("sweep_run", run_id)


def edit_run() -> str | None:
    """Id of the edit run on show."""
    return st.session_state.get("edit_run")


def show_edit_run(run_id: str | None) -> None:
    """Put an edit run on show."""
    keep("edit_run", run_id)


def many_run() -> str | None:
    """Id of the run of many edits on show."""
    return st.session_state.get("many_run")


def show_many_run(run_id: str | None) -> None:
    """Put a run of many edits on show, and its view of Edit."""
    keep("many_run", run_id)
    if run_id:
        st.session_state["edit-view"] = "many"


def tour_run() -> str | None:
    """Id of the tour on show on Home."""
    return st.session_state.get("tour_run")


def show_tour_run(run_id: str | None) -> None:
    """Put a tour on show on Home."""
    keep("tour_run", run_id)


def request_digest() -> str | None:
    """Digest of the request that is open."""
    return st.session_state.get("open_request")


def open_request(digest: str | None) -> None:
    """Open a request; Layer scores and Edit show it."""
    keep("open_request", digest)


def fingerprint() -> str | None:
    """Of the chosen model's weights, as `fingerprint_of` knows them."""
    return fingerprint_of(model())


def fingerprint_of(source: ModelSource) -> str | None:
    """Of a model's weights. A model that is not in memory is told by its name: by what the newest run on it says of
    its weights; None where there is no such run."""
    loaded = cached.workbench().loaded(source)
    return loaded.fingerprint if loaded else known_fingerprint(cached.workbench().store, source)


def method() -> MethodUsed:
    """The method that was chosen on Edit, with its covariance setting; ROME until another is chosen."""
    name = st.session_state.get("edit-method", "rome")
    return method_used(name, {"covariance": st.session_state.get(f"edit-{name}-covariance")})


def recommendation(used: MethodUsed | None = None) -> Recommendation | None:
    """The recommended layer for the chosen model, method (None: the session's) and data; None without evidence."""
    known = fingerprint()
    return advice.recommendation(known, used or method(), choice().dataset) if known else None


def by_gradients() -> Recommendation | None:
    """What LGA names for the chosen model, whatever else is known of it; None where it was not run."""
    known = fingerprint()
    return advice.recommendation(known, method(), choice().dataset, gradients=True) if known else None


def dark() -> bool:
    """Whether this browser shows the dark theme."""
    return st.context.theme.type == "dark"
