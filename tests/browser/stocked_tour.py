"""A first minute in a store, made of numbers: long names, and more neighbours than most facts have."""

from goldenlayers_core.results import EditReport, ProbeOutcome
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks import EditQuestion
from goldenlayers_core.tasks.edit.stored import save_report
from goldenlayers_core.tasks.present.stored_tour import FACT, TourQuestion, save_tour
from goldenlayers_core.tasks.scores.stored import open_scores
from tests.made_up import made_report, view

PLACES = ("Seville", "Lyon", "Thessaloniki", "Krakow", "Rotterdam")


def _edit(store: Store, layer: int, stays: int) -> tuple[str, EditReport]:
    before, after = view("Spain.", 0.01, 0.6), view("Switzerland.", 0.9, 0.01)

    def asked(kind: str, prompt: str, good: bool) -> ProbeOutcome:
        then = before if good and kind == "locality" else after
        return ProbeOutcome(prompt, kind, "", ("Spain",), before, then, good, 0.1)

    outcomes = [asked("rewrite", "The country in which Barcelona is located is", True)]
    outcomes += [
        asked("locality", f"The country in which {place} is located is", n < stays) for n, place in enumerate(PLACES)
    ]
    outcomes += [asked("rephrase", "Barcelona is one of the best-known cities of", n < 1) for n in range(2)]
    outcomes += [asked("portability", "The capital of the country in which Barcelona is located is", False)]
    report = made_report(
        tuple(outcomes),
        before,
        after,
        layer=layer,
        edit_id=f"{layer:032d}"[::-1],
        prompt="The country in which Barcelona is located is",
        subject="Barcelona",
        target_new="Switzerland",
        target_true="Spain",
    )
    return save_report(store, EditQuestion(layer=layer), report, "Some model"), report


def save_made_tour(store: Store, score_run: str, edit_layer: int = 3) -> str:
    """A finished tour over a stored score run; its id."""
    scores, selection = open_scores(store, score_run)
    golden = selection.golden_layer
    (edit_run, report), (other_run, other) = _edit(store, edit_layer, 5), _edit(store, golden, 1)
    tour = Tour(
        model="Some model",
        fingerprint=scores.fingerprint,
        n_layers=scores.n_layers,
        case_id=FACT,
        request="r" * 32,
        prompt=report.prompt,
        subject=report.subject,
        target_true=report.target_true,
        target_new=report.target_new,
        answer="Spain.",
        knows=True,
        true_probability=0.6,
        scored=scores.dataset,
        prompts=scores.prompts,
        score_run=score_run,
        golden_layer=golden,
        stability=selection.stability,
        edit_layer=edit_layer,
        edit_by="measured",
        evidence="a sweep of 960 real ROME edits (32 requests at every layer), made on this very model",
        advice=f"Prefer layer {edit_layer}",
        edit_run=edit_run,
        other_run=other_run,
        seconds=12.0,
    )
    return save_tour(store, TourQuestion(), tour, (report, other), {"device": "cpu", "dtype": "float32"})
