"""The screens of a tour: a fact asked, layers scored, one named, the fact edited, what else moved. No torch."""

from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.figures.text import capital, counted, percent
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.present.covers import closing, cover, written
from goldenlayers_core.tasks.present.edit import EXAMPLE, before_and_after, made, mark_of, probe_slides
from goldenlayers_core.tasks.present.layers import heat, sums
from goldenlayers_core.tasks.present.slide import NEIGHBOUR_WORDS, Number, Side, Slide, changes, said
from goldenlayers_core.tasks.present.stack import stack_slides
from goldenlayers_core.tasks.present.stored_tour import open_tour
from goldenlayers_core.tasks.present.swept import picks
from goldenlayers_core.tasks.present.tour_words import neighbours_kept
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep


def of_tour(store: Store, manifest: RunManifest) -> tuple[Slide, ...]:
    """The screens, those left out whose run was deleted since. Raises StoreError when none is left to show."""
    tour = open_tour(store, manifest.run_id)
    report, other = _report(store, tour.edit_run), _report(store, tour.other_run)
    if report is None:
        raise StoreError(f"The edit of the tour {manifest.run_id} was deleted from the store; run the tour again.")
    found = [
        _opening(tour, manifest),
        _asked(tour, manifest),
        *_gradients(store, tour),
        _evidence(store, tour, manifest),
        *stack_slides(store, manifest, f"{tour.model}; {manifest.run_id}."),
        before_and_after(report, manifest),
    ]
    apart = other is not None and tour.other_run != tour.edit_run
    probes = probe_slides(report, manifest)
    neighbours = [slide for slide in probes if slide.changes[0].word in NEIGHBOUR_WORDS]
    found += neighbours
    if other is not None and apart and neighbours:
        found.append(_elsewhere(other, tour, manifest))
    found += [slide for slide in probes if slide not in neighbours]
    return (*found, _to_take_home(tour, report, other if apart else None, manifest))


def _report(store: Store, run_id: str) -> EditReport | None:
    try:
        return open_report(store, run_id)
    except GoldenLayersError:
        return None


def _opening(tour: Tour, manifest: RunManifest) -> Slide:
    who = "real edits" if tour.edit_by != "literature" else "the literature"
    apart = tour.edit_layer != tour.golden_layer
    return cover(
        manifest,
        f"One fact, {tour.n_layers} layers",
        "Which layer of a real language model should be edited to change one fact?",
        (
            f"{tour.model} (fingerprint {tour.fingerprint[:8]}) ran on this machine, {manifest.seconds:.1f} s in all; "
            "nothing left it.",
        ),
        fact=written(tour.subject, tour.target_true, tour.target_new),
        layer=f"{tour.edit_layer} by {who}"
        + (f", {tour.golden_layer} by gradients" if apart else ", and by gradients"),
        evidence=tour.evidence.partition(" (docs/")[0],
    )


def _to_take_home(tour: Tour, report: EditReport, other: EditReport | None, manifest: RunManifest) -> Slide:
    """What the tour came to."""
    good, total = report.rates().get("locality", (0, 0))
    elsewhere, _ = other.rates().get("locality", (0, 0)) if other is not None else (good, total)
    headline = "Where an edit is made decides what else moves" if elsewhere != good else "One fact was edited"
    points = [f"{before_and_after(report, manifest).headline}: the edit was made at layer {report.layer}."]
    if total:
        points.append(
            f"At layer {report.layer}, {good} of {total} neighbours keep their answer"
            + (f"; at layer {other.layer}, {elsewhere} of {total}." if other is not None else ".")
        )
    sure = f"{percent(tour.stability)} of resamples of the facts name it again"
    points.append(f"Gradients name layer {tour.golden_layer} ({sure}); {_by(tour)}.")
    return closing(headline, (*points, EXAMPLE), manifest)


def _by(tour: Tour) -> str:
    """What the layer that was edited rests on, in a few words."""
    if tour.edit_by == "literature":
        return f"the literature's is {tour.edit_layer}, and no real edit was measured"
    advice = tour.advice or f"Use layer {tour.edit_layer}"
    return f"real edits say: {advice[0].lower()}{advice[1:]}"


def _asked(tour: Tour, manifest: RunManifest) -> Slide:
    answer = said(tour.answer)
    return Slide(
        headline=f"The model says {answer}",
        say="That is right." if tour.knows else f"The dataset says {tour.target_true}: it does not know this.",
        prompt=tour.prompt,
        sides=(Side("", answer),),
        how=(
            f"Greedy text: “{tour.answer}”. Probability of the whole true answer “{tour.target_true}” after the "
            f"prompt: {percent(tour.true_probability)}.",
            f"Case {tour.case_id} of the bundled dataset; {tour.model}; {manifest.run_id}.",
        ),
    )


def _gradients(store: Store, tour: Tour) -> list[Slide]:
    """The heatmap and the layer it names; nothing where the score was deleted."""
    try:
        scores, selection = open_scores(store, tour.score_run)
    except GoldenLayersError:
        return []
    line = f"LGA, {counted(scores.n_requests, 'request')} of {scores.dataset}; {scores.model}; {tour.score_run}."
    together = sums(selection, line)
    named = f"Gradients name layer {selection.golden_layer}"
    sure = f"{percent(selection.stability)} of resamples of the facts name it again; no edit was run."
    return [heat(scores, selection, line), Slide(named, say=sure, draw=together.draw, how=together.how)]


def _evidence(store: Store, tour: Tour, manifest: RunManifest) -> Slide:
    """Where the best evidence says to edit: the real curve where the store has it, else what was measured before."""
    same = tour.edit_layer == tour.golden_layer
    headline = f"Real edits name layer {tour.edit_layer}" + (", too" if same else "")
    if tour.advice and not tour.advice.startswith(("Use", "Prefer")):
        headline = tour.advice
    if tour.edit_by == "sweep":
        try:
            sweep = open_sweep(store, tour.evidence_run)
        except GoldenLayersError:
            sweep = None
        if sweep is not None:
            facts = ModelFacts(sweep.model, sweep.fingerprint, sweep.n_layers, sweep.provenance.get("model_type", ""))
            card = layer_card(store, facts, sweep, tour.evidence_run, sweep.method)
            drawn = picks(sweep, card, tour.evidence_run)
            return Slide(headline, say=drawn.headline + ".", draw=drawn.draw, how=drawn.how)
    kept = neighbours_kept(tour)
    if kept:
        who = {tour.golden_layer: "by gradients", tour.edit_layer: "chosen by real edits"}
        return Slide(
            headline,
            say="Measured before, on other facts:",
            numbers=tuple(
                Number(percent(share), f"of neighbours stay when layer {layer} is edited ({who[layer]})")
                for layer, share in kept
            ),
            how=(f"Layer {tour.edit_layer}: {tour.evidence}.", f"{tour.model}; {manifest.run_id}."),
        )
    by = (
        headline
        if tour.edit_by in ("search", "measured")
        else f"Nothing was measured yet: the tour edits layer {tour.edit_layer}"
    )
    return Slide(by, say=f"{capital(tour.evidence)}.", how=(f"{tour.model}; {manifest.run_id}.",))


def _elsewhere(other: EditReport, tour: Tour, manifest: RunManifest) -> Slide:
    """The same neighbours, the same fact written where the gradients point."""
    shown = changes(other, "locality")
    good = sum(change.good for change in shown)
    return Slide(
        headline=f"At layer {tour.golden_layer}, {good} of {len(shown)} do",
        mark=mark_of(other),
        say="The same fact and neighbours, at the layer that gradients name.",
        changes=shown,
        table=other.to_frame(),
        how=(f"All {len(shown)} neighbours are shown. One fact is an example, not a proof.", made(other, manifest)),
    )
