"""Edit: with which method, at which layer, and the button."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results.truth.measured import MethodUsed, method_used
from goldenlayers_core.tasks import EditQuestion, ModelCard, Recommendation
from goldenlayers_core.tasks.address import settings_text
from goldenlayers_core.tasks.edit.methods import MethodField, MethodForm, layers_written, method_forms
from goldenlayers_core.tasks.layer_options import LayerOption, layer_options
from goldenlayers_core.tasks.recommendation import none_yet
from goldenlayers_core.tasks.serial import plain
from pages._edit import stacks
from pages._scores.controls import model_words
from pages._shared import cached, edit_link, fold, jobs, link, link_notice, session
from pages._shared.wording import count, escape, sentence


def inputs(a_result: bool) -> DeltaGenerator:
    """Where request, method and layer are chosen: on a phone closed under a result, unless the address asks for a
    request and no result."""
    if "run" not in st.query_params and any(map(link.asks, ("request", *link.FREE))):
        fold.unfold(edit_link.INPUTS)
    return fold.on_phone(edit_link.INPUTS, "Another edit: request, method, layer", a_result)


def method(page: str = "edit") -> tuple[MethodForm, dict[str, Any]]:
    """The method and those of its settings that differ from the defaults; `page` keeps the widgets of pages apart."""
    forms = {form.name: form for form in method_forms()}
    link.option("method", f"{page}-method", tuple(forms))
    wanted = edit_link.take_wanted_method() if page == "edit" else None
    if wanted and wanted[0] in forms:
        st.session_state["edit-method"] = wanted[0]
        _settings_wanted(forms[wanted[0]], wanted[1])
    name = st.selectbox(
        "Method",
        list(forms),
        format_func=lambda key: forms[key].title,
        key=f"{page}-method",
        persist_state="session",
    )
    form = forms[name]
    _settings_of_address(form, page)
    st.caption(escape(form.description))
    settings = f"Settings of {form.title}"
    # an expander within an expander would hide what it is about
    with st.expander(settings, icon=":material/tune:") if page == "edit" else st.container():
        columns = st.columns(3)
        values = {}
        for place, field in enumerate(form.fields):
            with columns[place % len(columns)]:
                values[field.name] = _widget(form, field, page)
        changed = form.changed(values)
        names = {field.name: field.label for field in form.fields}
        st.caption(
            f"Changed: {', '.join(names[key] for key in changed)}."
            if changed
            else "All settings are at their defaults."
        )
    if page == "edit":
        link.say(method=name, settings=settings_text(changed))
    return form, changed


def _settings_wanted(form: MethodForm, asked: Mapping[str, Any]) -> None:
    """Exactly the settings of a run: those that it does not name are at their defaults."""
    for field in form.fields:
        value = asked.get(field.name, field.default)
        if field.allows(value):
            st.session_state[f"edit-{form.name}-{field.name}"] = float(value) if field.kind == "decimal" else value


def _settings_of_address(form: MethodForm, page: str) -> None:
    """The settings that the address asks for, where the method has them and they are within its limits."""
    asked = link.settings()
    unfit = []
    for name, value in asked.items():
        field = next((field for field in form.fields if field.name == name), None)
        if field is None or not field.allows(value):
            unfit.append(name)
        else:
            st.session_state[f"{page}-{form.name}-{name}"] = float(value) if field.kind == "decimal" else value
    if unfit:
        text = f"{form.title} has no such setting, or not with that value: {', '.join(unfit)}. It stays at its default."
        link_notice.put("settings", link_notice.Notice(text))


def _widget(form: MethodForm, field: MethodField, page: str) -> Any:
    key = f"{page}-{form.name}-{field.name}"
    if field.kind == "switch":
        return st.toggle(field.label, bool(field.default), key=key, help=field.explanation, persist_state="session")
    if field.kind == "choice":
        return st.selectbox(
            field.label,
            field.options,
            index=field.options.index(str(field.default)),
            key=key,
            help=field.explanation,
            persist_state="session",
        )
    assert not isinstance(field.default, str)  # only a choice is a text
    return st.number_input(
        field.label,
        min_value=field.low,
        max_value=field.high,
        value=field.default,
        step=field.step,
        format="%d" if field.kind == "whole" else "%.4g",
        key=key,
        help=f"{field.explanation} From {field.low:g} to {field.high:g}."
        if field.low is not None
        else field.explanation,
        persist_state="session",
    )


def layer(card: ModelCard, found: Recommendation | None, form: MethodForm, settings: dict[str, Any]) -> int:
    """The layer: it starts at the recommended one, with quick ways to others, and says which layers are written."""
    options = layer_options(card.n_layers, found)
    wanted = (link.layer(range(card.n_layers)), edit_link.take_wanted_layer(), st.session_state.get("edit-layer"))
    present = next((at for at in wanted if at is not None), options[0].layer)
    if not 0 <= present < card.n_layers:
        present = options[0].layer
    st.session_state["edit-layer"] = present
    if form.kind == "prompt":
        st.info(f"{form.title} puts a text before every prompt; it needs no layer.", icon=":material/short_text:")
        return int(present)
    chosen = st.slider(
        "Layer",
        0,
        card.n_layers - 1,
        key="edit-layer",
        persist_state="session",
        help=f"The block whose MLP output matrix is changed; {escape(card.name)} has layers 0 to {card.n_layers - 1}.",
    )
    with st.container(horizontal=True):
        for option in options:
            st.button(
                f"{option.called.capitalize()}: {option.layer}",
                key=f"edit-layer-{option.name}",
                help=escape(option.why),
                on_click=st.session_state.update,
                args=({"edit-layer": option.layer},),
            )
    link.say(layer=int(chosen))
    _evidence(int(chosen), options, found, method_used(form.name, settings))
    _written(form, settings, int(chosen), card)
    return int(chosen)


def _evidence(chosen: int, options: tuple[LayerOption, ...], found: Recommendation | None, used: MethodUsed) -> None:
    """Why this layer, what that does not prove, and the way to a sweep where none was made with the method."""
    named = next((option for option in options if option.layer == chosen), None)
    why, full = f"{named.called}, {named.why}" if named else "chosen by hand", None
    if named and found and found.layer == chosen:
        why, full = f"{named.called}, by {found.brief}", escape(found.full)
    st.caption(escape(f"Layer {chosen}: {why}."), help=full)
    if found is None:
        st.caption(
            "No layer is recommended yet: this model has no layer scores. Score some requests on Layer scores first."
        )
    elif found.layer == chosen:
        st.caption(f":material/info: {escape(found.headline)}. {escape(found.caution)}")
    if none := none_yet(found, used):
        st.caption(escape(none))
        st.page_link("pages/ground_truth.py", label=f"Sweep the layers with {used.words}", icon=":material/verified:")


def _written(form: MethodForm, settings: dict[str, Any], chosen: int, card: ModelCard) -> None:
    """Which layers a method with a window writes, and what published configurations do."""
    try:
        written = layers_written(form.name, settings, chosen, card.n_layers)
    except GoldenLayersError as error:
        st.caption(f":material/error: {sentence(error)}")
        return
    if len(written) > 1:
        st.markdown(f"{form.title} writes a window of {len(written)} layers: **{', '.join(map(str, written))}**.")
    if form.literature:
        st.caption(f"Published: {escape(form.literature.rstrip('.'))}.")


def base(name: str, fingerprint: str) -> tuple[str, ...]:
    """On what a new edit is computed: the stack on show, or the unedited model. Ids of the edits, from the bottom."""
    below = stacks.enabled(name, fingerprint)
    on_top = st.toggle(
        f"On top of stack {name}",
        True,
        key="edit-on-top",
        persist_state="session",
        help="On: the method sees the model with the stack's edits over it, and before and after are told from there. "
        "Off: it sees the unedited model. Either way the new edit is laid on the stack.",
    )
    if not on_top:
        st.caption("The new edit is computed on the unedited model.")
        return ()
    if not below:
        st.caption(f"Stack {name} has no edit that is on: the new edit is computed on the unedited model.")
        return ()
    st.caption(
        f"The new edit is computed on top of {count(len(below), 'edit')}; an edit of the same fact gives way to it."
        + (" Texts before the prompt stay out of it." if any(cached.edit_card(e).prefix for e in below) else "")
    )
    return below


def button(
    request: EditRequest | None, form: MethodForm, settings: dict[str, Any], at: int, below: tuple[str, ...]
) -> None:
    """The button; one edit at a time."""
    if st.button(
        "Add the text" if form.kind == "prompt" else f"Edit layer {at}",
        type="primary",
        key="edit",
        icon=":material/edit:",
        disabled=jobs.busy("edit") or request is None,
        width="stretch",
    ):
        assert request is not None
        start(EditQuestion(session.model(), plain(request), form.name, at, settings, below))


def start(question: EditQuestion) -> None:
    """Start the edit's job and follow it; edits of the same fact are no part of what it is computed on."""
    request = question.request
    fact = (str(request["prompt"]), str(request["subject"]), str(request["target_new"]))
    same = stacks.same_fact(stacks.active(), (fact,))
    below = tuple(e for e in question.earlier if e not in same and not cached.edit_card(e).prefix)
    needs_layer = next((form.kind != "prompt" for form in method_forms() if form.name == question.method), True)
    title = f"Writing “{request['target_new']}”" + (f" into layer {question.layer}" if needs_layer else "")
    jobs.submit("edit", dataclasses.replace(question, earlier=below), title)
    st.rerun()


def load() -> None:
    """The model is not in memory: say so, and offer to load it."""
    with st.container(border=True, key="edit-no-model"):
        st.markdown("## No model is in memory yet")
        measured = " Loading takes a second or two; before its first use it is converted, which takes some seconds."
        st.markdown(
            f"An edit needs {escape(model_words(session.model()))}."
            + (measured if session.model().source == "bundled" else "")
        )
        busy = jobs.busy("load")
        if st.button("Load the model", type="primary", key="edit-load", icon=":material/memory:", disabled=busy):
            jobs.submit_model(session.model())
            st.rerun()
        jobs.follow("load", None)
    st.page_link("pages/model.py", label="Choose another model", icon=":material/memory:")


def empty() -> None:
    """No edit yet."""
    with st.container(border=True, key="edit-empty"):
        busy = jobs.busy("edit")
        st.markdown("## The edit is on its way" if busy else "## No edit yet")
        st.markdown(
            "Here you will see whether the edit took, the answers before and after, the ten likeliest next tokens, and "
            "every probe: rephrases that should follow, neighbours that should stay, consequences that should change."
        )
        if not busy:
            st.markdown("Press the gold button. On the bundled model an edit takes about three seconds on two cores.")
