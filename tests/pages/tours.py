"""A finished tour of made-up numbers in the store."""

from goldenlayers_core.results import EditReport, ProbeOutcome
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.tasks import EditQuestion
from goldenlayers_core.tasks.edit.stored import save_report
from goldenlayers_core.tasks.present.stored_tour import FACT, TourQuestion, save_tour
from goldenlayers_core.tasks.scores.stored import open_scores
from pages._shared import cached
from tests.made_up import made_report, view
from tests.pages.driving import stored_scores


def _edit(layer: int, stays: int) -> tuple[str, EditReport]:
    """An edit at a layer after which `stays` of three neighbours stay; its run."""
    before, after = view("Paris.", 0.01, 0.6), view("Rome.", 0.9, 0.01)

    def asked(kind: str, name: str, good: bool) -> ProbeOutcome:
        then = before if good and kind == "locality" else after
        return ProbeOutcome(f"The capital of {name} is", kind, "", ("Paris",), before, then, good, 0.1)

    outcomes = [asked("rewrite", "France", True)]
    outcomes += [asked("locality", f"<b>place</b> {n}", n < stays) for n in range(3)]
    outcomes += [asked("rephrase", f"words {n}", n < 1) for n in range(2)]
    report = made_report(tuple(outcomes), before, after, layer=layer, edit_id=f"{layer:032d}"[::-1])
    store = cached.workbench().store
    return save_report(store, EditQuestion(layer=layer), report, "Some model"), report


def stored_tour() -> tuple[str, Tour]:
    """The run's id, and the tour: gradients name one layer of eight, the edit was made at another."""
    store = cached.workbench().store
    score_run = stored_scores()
    scores, selection = open_scores(store, score_run)
    golden = selection.golden_layer
    layer = (golden + 1) % scores.n_layers
    (edit_run, report), (other_run, other) = _edit(layer, 3), _edit(golden, 1)
    tour = Tour(
        model="Some model",
        fingerprint="f" * 32,
        n_layers=scores.n_layers,
        case_id=FACT,
        request=cached.dataset("bundled").requests[0].digest,
        prompt=report.prompt,
        subject="France",
        target_true="Paris",
        target_new="Rome",
        answer="Paris.",
        knows=True,
        true_probability=0.6,
        scored=scores.dataset,
        prompts=scores.prompts,
        score_run=score_run,
        golden_layer=golden,
        stability=selection.stability,
        edit_layer=layer,
        edit_by="measured",
        evidence="a sweep of 960 real edits",
        edit_run=edit_run,
        other_run=other_run,
        seconds=12.0,
    )
    about = {"device": "cpu", "dtype": "float32"}
    return save_tour(store, TourQuestion(), tour, (report, other), about), tour
