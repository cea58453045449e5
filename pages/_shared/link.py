"""The address of a view: what is on show goes into it, and an address that somebody opens is put on show.

app.py calls `arrive` before a page and `frame.guarded` calls `finish` after it. A person arrives by an address when a
session begins, by Back or Forward, and by a link to a page that carries parameters; a click in the sidebar carries
none, and an ordinary rerun is no arrival, so what the address asks for is read once. Runs, models and datasets are put
on show at once; what depends on widgets (`view`, `layer`, `request`, ...) waits until a section asks for it with
`take`, `option`, `request` or `layer`. With `say` a section states what it shows, and `finish` writes that into the
address in one go. What the address asks for and is not here becomes a notice at the head of the page.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks import DatasetChoice, address
from pages._shared import link_before, link_here, link_notice, link_session, session
from pages._shared.link_notice import Notice

FREE: Final = ("prompt", "subject", "new", "old", "follow", "stay", "imply")  # of a request that a person wrote
_SHOWN: Final = ("layer", "view", "order", "page", "a", "b", "sa", "sb")  # a, b: the runs that Runs compares; sweeps
PARAMETERS: Final = ("model", "dataset", "run", "request", "method", "settings", *_SHOWN, *FREE)
_PAGES: Final = ("model", "dataset", "layer_scores", "ground_truth", "edit", "runs")  # the others keep their own
_FORM: Final = ("model", "dataset", "method", "settings")
_PAGE: Final = "link-page"
_WAITING: Final = "link-waiting"  # what the address asks for and no section has asked for yet: name -> text
_HELD: Final = "link-held"  # the runs on show before one is computed, and what the address asks for in that
_SAID: Final = "link-said"  # what is on show in this run: name -> text
_RUNS: Final[Mapping[str, Mapping[str, Callable[[str | None], None]]]] = MappingProxyType(
    {
        "layer_scores": {"score": session.show_score_run},
        "ground_truth": {"sweep": session.show_sweep_run},
        "edit": {"edit": session.show_edit_run, "many-edits": session.show_many_run},
    }
)


def arrive(page: str) -> None:
    """Before a page (its path in the address): put on show what the address asks for, if a person came by it."""
    state = st.session_state
    first, moved = _PAGE not in state, state.get(_PAGE) != page
    came = st.query_params.to_dict() if page in _PAGES else {}
    state[_PAGE], state[_SAID] = page, {}
    if moved:
        link_notice.drop()
        state[_WAITING] = {}
        state.pop(_HELD, None)
    _release()
    if not came or not (moved or _by_history()):
        return
    link_notice.drop()
    state[_WAITING] = _readable(came)
    before = link_before.had()
    _open(page, first)
    if first:
        link_before.say(before, lambda: st.session_state.update({_WAITING: {}}))


def _by_history() -> bool:
    """Whether this run was asked for by the browser's Back or Forward."""
    context = get_script_run_ctx()
    return bool(getattr(context, "is_history_navigation", False))


def _longest(name: str) -> int:
    """Letters that a parameter may have."""
    return 2_000 if name in FREE else 300


def _readable(came: Mapping[str, str]) -> dict[str, str]:
    """The parameters that may mean something; a notice for those that cannot."""
    found, bad = {}, []
    for name in PARAMETERS:
        text = came.get(name, "")
        lines = text.replace("\n", "") if name in FREE else text
        if len(text) > _longest(name) or not lines.isprintable():
            bad.append(name)
        elif text:
            found[name] = text
    if bad:
        words = ", ".join(bad)
        link_notice.put("unreadable", Notice(f"The address cannot be read at: {words}. That was left out."))
    return found


def _open(page: str, first: bool) -> None:
    """Runs, models and datasets."""
    waiting: dict[str, str] = st.session_state[_WAITING]
    run_id = waiting.pop("run", "")
    shows = bool(run_id) and page in _RUNS
    asked = {name: waiting.get(name, "") for name in _FORM}
    if shows and page != "edit":  # there they are of the form; elsewhere of the run
        for name in _FORM:
            waiting.pop(name, None)
    if text := waiting.pop("model", ""):  # before the run: with another model, what was on show goes
        _open_model(page, text)
    if shows:
        _open_run(page, run_id, asked, first)
    if page != "dataset" and (text := waiting.pop("dataset", "")):
        choice = link_here.dataset(text)
        if choice is not None and choice != session.choice():
            session.choose_dataset(choice)


def _open_run(page: str, run_id: str, asked: dict[str, str], first: bool) -> None:
    found, kinds = link_here.run(run_id), _RUNS[page]
    if found is None:
        # a request or layer of that run, and of no other
        held = {name: text for name in ("request", "layer", "view") if page != "edit" and (text := take(name))}
        link_here.missing_run(page, run_id, asked, lambda: _hold(held))
    elif found.kind in kinds:
        if page != "edit" or not asked["model"]:
            link_session.arrive(found, first)
        kinds[found.kind](run_id)
    else:
        text = f"The run {run_id} is of another kind ({found.kind}) than this page shows; the page Runs opens it."
        link_notice.put("run", Notice(text, "To the runs", page="pages/runs.py"))


def _hold(held: dict[str, str]) -> None:
    """Keep what the address asks for in a run that is being computed."""
    st.session_state[_HELD] = (session.score_run(), session.sweep_run(), held)


def _release() -> None:
    """Once that run is there, it is looked for in it."""
    *before, held = st.session_state.get(_HELD, (None, None, {}))
    if held and before != [session.score_run(), session.sweep_run()]:
        st.session_state[_WAITING] = held
        st.session_state.pop(_HELD)


def _open_model(page: str, text: str) -> None:
    source = link_here.model(text)
    if source is None:
        return
    if not session.same_weights(source) and (page != "model" or link_here.is_loaded(source)):
        session.choose_model(source)
    if page == "model" and not link_here.is_loaded(source):
        words = f"This link is about the model {text}, which is not in memory."
        link_notice.put("model", Notice(words, "Load it", lambda: link_here.load(source), icon=":material/memory:"))


# For the sections of a page -------------------------------------------------------------------------------------------


def take(name: str) -> str:
    """What the address asks for, once; "" where it asks for nothing."""
    waiting: dict[str, str] = st.session_state.get(_WAITING, {})
    return waiting.pop(name, "")


def asks(name: str) -> bool:
    """Whether the address asks for something that nobody took yet."""
    return name in st.session_state.get(_WAITING, {})


def option(name: str, key: str, options: Sequence[str], words: str = "") -> None:
    """Before the widget `key` is made: choose in it what the address asks for; a notice where it has no such option.

    `words`: what the notice calls the parameter, where its name says little.
    """
    asked = take(name)
    if asked in options:
        st.session_state[key] = asked
    elif asked:
        text = f"The address asks for the {words or name} “{asked}”, which is none of: {', '.join(options)}."
        link_notice.put(name, Notice(text))


def known(name: str, asked: str | None, options: Sequence[str]) -> bool:
    """Whether a page that reads its address itself (Learn) has what that asks for; a notice where it has not."""
    if asked and asked not in options:
        text = f"The address asks for the {name} “{asked[:40]}”, which is none of: {', '.join(options)}."
        link_notice.put(name, Notice(text))
    return bool(asked) and asked in options


def request(digests: Sequence[str], where: str) -> None:
    """Open the request the address asks for; a notice where `where` ("these layer scores") does not hold it."""
    asked = take("request")
    if not asked:
        return
    found = address.by_short(asked, digests)
    if found is not None:
        session.open_request(found)
    else:
        link_notice.put("request", Notice(f"The request {asked[:40]} of the address is not in {where}."))


def number(name: str, key: str, most: int) -> None:
    """Before the widget `key` is made: the number from 1 to `most` the address asks for; a notice for another one."""
    asked = take(name)
    if asked.isascii() and asked.isdigit() and len(asked) < 6 and 1 <= int(asked) <= most:
        st.session_state[key] = int(asked)
    elif asked:
        link_notice.put(name, Notice(f"The address asks for {name} {asked[:20]}; there are {most}."))


def settings() -> dict[str, Any]:
    """The settings the address asks for; a notice for what cannot be read as such."""
    try:
        return address.settings_from(take("settings"))
    except ConfigError as error:
        link_notice.put("settings", Notice(str(error)))
        return {}


def layer(layers: Sequence[int]) -> int | None:
    """The layer the address asks for; None where it asks for none, or (and a notice) for one that is not there."""
    asked = take("layer")
    if asked.isascii() and asked.isdigit() and len(asked) < 6 and int(asked) in layers:
        return int(asked)
    if asked:
        most = f"layers {min(layers)} to {max(layers)}" if len(layers) > 1 else f"layer {layers[0]}"
        link_notice.put("layer", Notice(f"The address asks for layer {asked[:20]}; there is no such one among {most}."))
    return None


def say(**shown: str | int | None) -> None:
    """State what is on show, for the address; an empty text, None or a text too long for an address state nothing."""
    said: dict[str, str] = st.session_state.get(_SAID, {})
    texts = {name: str(value) for name, value in shown.items() if value is not None}
    said.update({name: text for name, text in texts.items() if 0 < len(text) <= _longest(name)})


def say_choices(source: ModelSource | None = None, choice: DatasetChoice | None = None) -> None:
    """State the model, and the part of a dataset."""
    say(model=address.model_text(source) if source else None, dataset=address.dataset_text(choice) if choice else None)


def shown(page: str) -> dict[str, str]:
    """The parameters of the page's address, in their order."""
    if page not in _PAGES:
        return dict(st.query_params.to_dict())
    state = {**st.session_state.get(_WAITING, {}), **st.session_state.get(_SAID, {})}
    return {name: state[name] for name in PARAMETERS if name in state}


def finish(page: str) -> None:
    """After a page: write what is on show into the address."""
    wanted = shown(page)
    if page in _PAGES and st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)
