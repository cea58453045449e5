"""Ground truth: the layer card. Which layer to use and how sure that is, every way's pick, what is still missing."""

import streamlit as st

from goldenlayers_core import figures
from goldenlayers_core.figures.text import capital, counted, listed, number, percent
from goldenlayers_core.records import KeyCovariance, ModelSource
from goldenlayers_core.results import SCORE, LayerCard, LayerCurve, SweepResult
from goldenlayers_core.results.truth.card import WayInfo
from goldenlayers_core.runtime import RunManifest
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion
from goldenlayers_core.tasks.judging import earlier_rules
from goldenlayers_core.tasks.questions import SweepQuestion, TraceQuestion
from goldenlayers_core.tasks.scores.predicting import estimate_question
from goldenlayers_core.tasks.scores.second_looks import other_estimates
from goldenlayers_core.tasks.truth.judgement import curve, steadiness
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from goldenlayers_core.tasks.truth.words import other_sample
from pages._shared import advice, cached, edit_link, fold, jobs, present_link, report, session, show
from pages._shared.wording import duration, escape, precise
from pages._truth import start


def of_sweep(run: RunManifest, sweep: SweepResult) -> LayerCard:
    """The card of the model that was swept."""
    return cached.once(_card, sweep, run.run_id, _family(sweep), advice.known_of(sweep.fingerprint))


def _card(sweep: SweepResult, run_id: str, family: str, known: str) -> LayerCard:
    """The card as of the runs `known`: with another run it is another card."""
    facts = ModelFacts(sweep.model, sweep.fingerprint, sweep.n_layers, family)
    return layer_card(cached.workbench().store, facts, sweep, run_id, sweep.method)


def _family(sweep: SweepResult) -> str:
    """The model's row in the architecture table: from the sweep, else from the model in memory."""
    loaded = session.card()
    known = loaded.model_type if loaded and loaded.fingerprint == sweep.fingerprint else ""
    return sweep.provenance.get("model_type", known)


def unjudged() -> LayerCard | None:
    """The card of the session's model without a sweep; None while nothing is known of it."""
    loaded = session.card()
    if loaded is None:
        return None
    facts = ModelFacts(loaded.name, loaded.fingerprint, loaded.n_layers, loaded.model_type)
    return layer_card(cached.workbench().store, facts)


def known_so_far(card: LayerCard) -> None:
    """The card without a sweep: what there is, and that no sweep has judged it."""
    st.header("What is known so far")
    with st.container(key="golden-layer-card"):
        _said(card)
        complete(card, None)
        st.caption(escape(" ".join(card.remarks)))
    pictures(card, None, "unjudged")


def _said(card: LayerCard) -> None:
    """What to do in large type, how sure that is under it."""
    first, _, rest = card.sentence.partition("; ")
    st.markdown(f"## {escape(first.rstrip('.'))}")
    if rest:
        st.markdown(escape(capital(rest)))


def headline(card: LayerCard, run: RunManifest, sweep: SweepResult) -> None:
    """The sentence, its numbers, where to go from here, and what to keep in mind."""
    with st.container(key="golden-layer-card"):
        _said(card)
        _numbers(card, sweep)
        if said := other_sample(run, card.advice):
            st.caption(escape(said))
        with st.container(horizontal=True, vertical_alignment="center"):
            layer = card.layer_to_edit
            edit_link.button(f"Edit {{}}at layer {layer}", "truth-edit", edit_link.made(run), layer)
            report.buttons(run.run_id, "truth")
            present_link.link(run.run_id)
            complete(card, run)
        with st.expander("What to keep in mind, and where it is from", icon=":material/info:", key="truth-remarks"):
            st.caption(escape(" ".join(card.remarks)))
            st.caption(_provenance(sweep, run))


def _numbers(card: LayerCard, sweep: SweepResult) -> None:
    golden = card.pick("sweep")
    share = float(cached.once(steadiness, sweep)[sweep.layers.index(sweep.golden_layer)])
    seeded = f"{card.n_resamples:,} bootstrap resamples of {counted(card.n_requests, 'request')} (seed {card.seed})"
    cells = (
        ("Golden layer", str(golden.layer), "The layer with the highest mean real score; ties go to the shallower."),
        ("Mean score", number(golden.score or 0.0, 2), f"{SCORE}. Mean over {counted(card.n_requests, 'request')}."),
        (
            "Regret",
            number(golden.regret or 0.0, 2),
            "Mean over requests of (score at the request's own best layer minus score here). 95 % interval "
            f"{number(golden.low or 0.0, 2)} to {number(golden.high or 0.0, 2)}, from {seeded}.",
        ),
        ("Chosen again", percent(share), f"Share of {seeded} whose golden layer is this one."),
        (
            "Requests",
            f"{card.n_requests:,}",
            f"{escape(card.judged_on)}; {counted(len(sweep.skipped), 'skipped one')}.",
        ),
        (
            "Time per edit",
            precise(sweep.seconds_per_edit),
            f"Mean over all {card.n_requests * len(sweep.layers):,} edits, measurement included, as it was when each "
            f"was computed; {sweep.n_computed:,} were computed in the last run, in {duration(sweep.seconds)}.",
        ),
    )
    with st.container(horizontal=True, gap="small", key="golden-layer-numbers"):
        for label, value, explanation in cells:
            st.metric(label, value, width="content", help=explanation)


def _provenance(sweep: SweepResult, run: RunManifest) -> str:
    about, changed = sweep.provenance, run.part("settings")
    settings = ", ".join(f"{name} {value}" for name, value in changed.items()) or "default settings"
    parts = (
        f"{sweep.method.upper()} edits, {settings}",
        f"{sweep.dataset}",
        f"{sweep.model} on {about.get('device', '?')}, {about.get('dtype', '?')}",
        f"torch {about.get('torch', '?')}",
        earlier_rules(run),
        run.run_id,
    )
    return escape(" · ".join(filter(None, parts)))


def complete(card: LayerCard, run: RunManifest | None) -> None:
    """One button for everything that is missing of the card, on the very requests that were swept."""
    missing = card.missing
    if not missing:
        return
    absent = listed([info.said for info in missing])
    asked = cached.asked(SweepQuestion, run.run_id) if run else None
    model, choice = (asked.model, asked.choice) if asked else (session.model(), session.choice())
    other = run.model if run and edit_link.made(run).model is not None else ""
    if st.button(
        f"Compute what is missing{f' on {other}' if other else ''}",
        key="truth-complete",
        icon=":material/add_chart:",
        disabled=start.busy(),
        help=f"Missing: {absent}, on {escape(choice.words)}. Gradients take seconds, the line check a minute or two, "
        "the causal trace some minutes.",
    ):
        for info in missing:
            jobs.submit(
                start.SLOT[info.name],
                _question(info, model, choice, card.written_with),
                f"{info.title} of {choice.words}",
            )
        st.rerun()


def _question(
    info: WayInfo, model: ModelSource, choice: DatasetChoice, covariance: KeyCovariance
) -> ScoreQuestion | TraceQuestion:
    return estimate_question(model, choice, info.scores, covariance) if info.scores else TraceQuestion(model, choice)


def pictures(card: LayerCard, found: LayerCurve | None, name: str) -> None:
    """Every way's pick over the real curve, and what each gives away."""
    dark = session.dark()
    table = card.to_frame()
    others = _others(card, name)  # above both, so that the charts stand at one height
    left, right = st.columns([5, 4], gap="large")
    drawn, regrets = cached.once(figures.layer_card, card, found, dark, others), None
    if card.n_requests:
        drawn, regrets = cached.once(figures.evened, drawn, cached.once(figures.regret_bars, card, dark))
    with left:
        show.figure(drawn, f"layer-card-{name}", table)
    if regrets is not None:
        with right, fold.on_phone(f"regret-{name}", "What each way gives away"):
            show.figure(regrets, f"regret-{name}", table)


def _others(card: LayerCard, name: str) -> tuple[tuple[str, int], ...]:
    """Title and layer of the simpler estimates that LGA's run holds, where they are asked for; else none."""
    lga = card.pick("lga")
    if not lga.run_id or not st.toggle(
        "Other estimates",
        key=f"truth-others-{name}",
        persist_state="session",
        help="What simpler estimates pick, from the passes that LGA made: gradient norms, LGA's sign reversed, and the "
        "earlier the better.",
    ):
        return ()
    found = cached.once(other_estimates, *cached.scores(lga.run_id))
    picks = ", ".join(f"{one.info.title.lower()} {one.golden_layer}" for one in found)
    st.caption(escape(f"Layers picked by other estimates, from {lga.source}: {picks}."))
    return tuple((one.info.title, one.golden_layer) for one in found)


def real_curve(sweep: SweepResult) -> LayerCurve:
    """Mean real score per layer."""
    return cached.once(curve, sweep, "score")


def literature(card: LayerCard) -> None:
    """What is published for the model's family, method by method."""
    if not card.published:
        return
    with st.expander("What the literature edits, method by method", icon=":material/menu_book:"):
        st.caption(
            "Layers of published configurations, as published. Where the model has another number of layers, the "
            "layer that lies as deep in it is named, too; nobody has measured that depth carries over."
        )
        st.dataframe(card.published_frame(), hide_index=True, width="stretch", key="truth-literature")


def skipped(sweep: SweepResult) -> None:
    """The requests that could not be edited, each with its reason."""
    if not sweep.skipped:
        return
    with st.expander(f"{counted(len(sweep.skipped), 'request')} skipped, and why", icon=":material/rule:"):
        for case, reason in sweep.skipped:
            st.markdown(f"**{escape(case)}** {escape(reason)}")
