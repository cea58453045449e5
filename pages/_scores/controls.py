"""Layer scores: what to score, the button that starts it, and the stored run on show."""

from typing import Literal

import streamlit as st

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.models.naming import source_title
from goldenlayers_core.records import (
    COVARIANCES,
    LOSSES_ON,
    OLD_ANSWERS,
    SCOPES,
    SCORE_METHODS,
    DamageConfig,
    EditAwareConfig,
    KeyCovariance,
    LgaConfig,
    LineCheckConfig,
    ModelSource,
    ScoreMethod,
    SelectionConfig,
)
from goldenlayers_core.results.scores.readings import LOSS_WORDS
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.address import score_parameters, score_question
from goldenlayers_core.tasks.recommendation import loss_words, predicted_covariance, score_method
from pages._shared import cached, jobs, link, link_notice, session
from pages._shared.run_choice import golden_words, run_on_show
from pages._shared.wording import count, escape

METHOD_WORDS = {"lga": "LGA", "edit-aware": "Edit-aware", "line-check": "Line check", "damage": "Damage"}
SCOPE_WORDS = {
    "mlp": "mlp: all MLP matrices",
    "mlp_out": "mlp_out: the MLP output",
    "attention": "attention: all projections",
    "block": "block: MLP and attention",
}
OLD_WORDS = {"dataset": "the dataset's true answer", "model": "what the model itself answers"}
COVARIANCE_WORDS = {
    "identity": "identity: none in use",
    "samples": "samples: the model's own",
    "text": "text: the one given last",
}
PRECISION_WORDS = {"model": "the model's own", "bfloat16": "bfloat16: faster, less exact"}
ABOUT = {
    "lga": "Layer Gradient Analysis takes every request to the model twice, once with its old and once with its new "
    "answer, and compares the two gradients layer by layer. The layer where they agree most, summed over the "
    "requests, is the golden layer. No edit is run, and no weight changes.",
    "edit-aware": "Edit-aware analysis takes every probe of every request to the model once and predicts, from the "
    "gradients at each layer, what an edit there would do: whether the rewrite is feasible, how far it spreads to "
    "rephrases, and how much it harms locality probes. The layer with the best mean prediction is the golden layer. "
    "No edit is run, and no weight changes.",
    "line-check": "The line check takes the change that edit-aware analysis expects of an edit at each layer, lays "
    "it over the model once, and reads every probe: what the edit would do where a gradient does not tell. No edit is "
    "optimised, and no weight changes.",
    "damage": "The damage to general text says how far the edit that a request needs would move the model on text that "
    "has nothing to do with it. The gradients of the new answer say how long and in which direction an edit at each "
    "layer would be; what that costs other text is known of the model, computed once and kept. No probe is asked, no "
    "edit is run, and no weight changes.",
}
KEYS = {  # of a setting's widget
    "scope": "scores-scope",
    "old_answer": "scores-old",
    "loss_on": "scores-loss",
    "precision": "scores-precision",
    "fence": "scores-fence",
    "portability": "scores-portability",
    "covariance": "scores-covariance",
}
SECONDS = {"lga": "5 to 20", "edit-aware": "15 to 60", "line-check": "60 to 240", "damage": "20 to 90"}
BUNDLED = ScoreQuestion(choice=DatasetChoice("bundled", "proxy", 32))


def start_bar() -> ScoreQuestion:
    """One row: the button, its settings, what it would score and the ways to something else. The question it asks."""
    _from_address()
    with st.container(horizontal=True, vertical_alignment="center"):
        place = st.container(width="content")
        method = _method()
        with st.popover("Settings", icon=":material/tune:", width="content"):
            asked = _settings() if method == "lga" else _predicted_settings(method)
            st.page_link("pages/dataset.py", label="Score other requests", icon=":material/table_rows:")
            st.page_link("pages/model.py", label="Score on another model", icon=":material/memory:")
        st.markdown(f"{escape(asked.choice.words)}, on {escape(model_words(asked.model))}", width="content")
    label, problem = _label(asked.choice)
    stopped = _busy() or bool(problem)
    if place.button(label, type="primary", key="score", icon=":material/play_arrow:", disabled=stopped):
        submit(asked)
    if problem:
        st.error(escape(problem), icon=":material/error:")
    return asked


def _method() -> ScoreMethod:
    chosen = st.segmented_control(
        "Method",
        SCORE_METHODS,
        default="lga",
        required=True,
        format_func=METHOD_WORDS.__getitem__,
        key="scores-method",
        persist_state="session",
        label_visibility="collapsed",
        width="content",
        help="LGA asks how the gradients of the old and the new answer agree. Edit-aware analysis predicts from "
        "gradients what a ROME edit at each layer would do to every probe, which takes two to four times as long; the "
        "line check tries it, one step at every layer, in about a tenth of the time of real edits. The damage predicts "
        "how much an edit at each layer would move text that has nothing to do with it.",
    )
    return chosen or "lga"


def _predicted_settings(method: ScoreMethod) -> ScoreQuestion:
    if method == "damage":
        config = DamageConfig(_precision(), covariance=_covariance())
        return ScoreQuestion(session.model(), session.choice(), method=method, damage=config)
    portability = st.checkbox(
        "Portability probes, too",
        True,
        key="scores-portability",
        persist_state="session",
        help="A portability probe asks for a consequence of the new fact. Without them scoring is a little faster.",
    )
    model, choice, precision, covariance = session.model(), session.choice(), _precision(), _covariance()
    if method == "line-check":
        checked = LineCheckConfig(portability=portability, precision=precision, covariance=covariance)
        return ScoreQuestion(model, choice, method=method, line_check=checked)
    config = EditAwareConfig(portability=portability, precision=precision, covariance=covariance)
    return ScoreQuestion(model, choice, method=method, edit_aware=config)


def _covariance() -> KeyCovariance:
    return st.selectbox(
        "Key covariance",
        COVARIANCES,
        format_func=COVARIANCE_WORDS.__getitem__,
        key="scores-covariance",
        persist_state="session",
        help="Of the edits that are predicted. An edit written with one spares usual keys, so another layer may "
        "suit it. Estimated once per model; a text is given on the page Edit.",
    )


def _settings() -> ScoreQuestion:
    scope = st.selectbox(
        "Scope",
        SCOPES,
        format_func=SCOPE_WORDS.__getitem__,
        key="scores-scope",
        persist_state="session",
        help="The weights of a layer whose gradients are compared. The paper takes mlp; editors write to mlp_out.",
    )
    old = st.selectbox(
        "Old answer",
        OLD_ANSWERS,
        format_func=OLD_WORDS.__getitem__,
        key="scores-old",
        persist_state="session",
        help="The answer whose gradient is set against the new answer's. A request without one is skipped.",
    )
    loss_on = st.selectbox(
        "Loss on",
        LOSSES_ON,
        index=LOSSES_ON.index(LgaConfig().loss_on),
        format_func=LOSS_WORDS.__getitem__,
        key="scores-loss",
        persist_state="session",
        help="Whose loss is differentiated; the paper can be read either way. One run computes both.",
    )
    precision = _precision()
    fence = st.number_input(
        "Fence factor k",
        0.1,
        10.0,
        1.0,
        0.1,
        key="scores-fence",
        persist_state="session",
        help="Layers whose summed score lies outside [Q1 - k IQR, Q3 + k IQR] are set aside; the paper uses 1.",
    )
    config = LgaConfig(scope=scope, old_answer=old, precision=precision, loss_on=loss_on)
    return ScoreQuestion(session.model(), session.choice(), config, SelectionConfig(fence=float(fence)))


def _precision() -> Literal["model", "bfloat16"]:
    return st.selectbox(
        "Precision",
        ("model", "bfloat16"),
        format_func=PRECISION_WORDS.__getitem__,
        key="scores-precision",
        persist_state="session",
        help="The number format of the forward and backward passes; bfloat16 is faster on processors with AMX or "
        "AVX512-BF16. Sums are always float64.",
    )


def _label(choice: DatasetChoice) -> tuple[str, str]:
    """The button's words, and why there is nothing to score."""
    if choice.known_only:
        most = f" (at most {choice.limit:,})" if choice.limit else ""
        return f"Score the requests the model knows{most}", ""
    try:
        found = len(cached.workbench().requests(choice, session.model()).requests)
    except GoldenLayersError as error:
        return "Score", str(error)
    return f"Score {count(found, 'request')}", ""


def _busy() -> bool:
    job = jobs.waiting("score")
    return job is not None and job.active


def submit(asked: ScoreQuestion) -> None:
    """Start the job; the page follows it."""
    jobs.submit_score(asked)
    st.rerun()


def model_words(source: ModelSource) -> str:
    """The model's name, as far as it is known before loading."""
    loaded = cached.workbench().loaded(source)
    return loaded.name if loaded else "the bundled model" if source.source == "bundled" else source_title(source.source)


def _from_address() -> None:
    """Method and settings that the address asks for, where it names no run."""
    link.option("method", "scores-method", SCORE_METHODS)
    settings = link.settings()
    if not settings:
        return
    try:
        method = st.session_state.get("scores-method", "lga")
        asked = score_question(session.model(), session.choice(), method, settings)
    except GoldenLayersError as error:
        link_notice.put("settings", link_notice.Notice(str(error)))
        return
    for name, key in KEYS.items():
        if name in settings:
            st.session_state[key] = asked.selection.fence if name == "fence" else getattr(asked.settings, name)


def empty(asked: ScoreQuestion) -> None:
    """What is missing, and the shortest way to it."""
    link.say(**score_parameters(asked))
    busy = _busy()
    with st.container(border=True, key="scores-empty"):
        st.markdown("## Layer scores are on their way" if busy else "## No layer scores yet")
        st.markdown(ABOUT[asked.method])
        if busy:
            return
        st.markdown(
            f"Press the gold button. Scoring 32 requests on the bundled model takes {SECONDS[asked.method]} seconds on "
            "two cores. Before its first use the model is converted, which takes some seconds."
        )
        if (asked.model, asked.choice) != (BUNDLED.model, BUNDLED.choice) and st.button(
            "Score 32 requests of the bundled proxy instead", key="score-bundled", icon=":material/play_arrow:"
        ):
            session.choose_model(BUNDLED.model)
            session.choose_dataset(BUNDLED.choice)
            submit(BUNDLED)


def open_run() -> RunManifest | None:
    """The score run on show, from the selectbox of stored runs; None where the store has none."""
    run = run_on_show(
        "score",
        "Scores on show",
        "scores-run",
        session.score_run(),
        session.show_score_run,
        run_words,
        "Every score run of this machine's store, latest first. A run is stored under its content: the same "
        "question on the same model is answered from the store.",
    )
    if run is not None:
        link.say(**score_parameters(cached.asked(ScoreQuestion, run.run_id)))
    return run


def run_words(run: RunManifest) -> str:
    """One line that tells runs apart."""
    lga = score_method(run) == "lga"
    name = f"LGA {run.told.get('scope', '')}, {loss_words(run)}"
    if not lga:
        name = METHOD_WORDS[score_method(run)]
        name += ", key covariance" if predicted_covariance(run) == "covariance" else ""
    return golden_words(run, name)
