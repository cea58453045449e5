"""What the classroom asks and tells, from its runs. No torch."""

from typing import Final

from goldenlayers_core.figures.text import counted, layer_list, number
from goldenlayers_core.models.classroom.facts import read_facts
from goldenlayers_core.results.learn.classroom import CLASSROOM_WAYS, Classroom, PlantedRun
from goldenlayers_core.results.learn.question import Question

NONE: Final = "None of them"
SECONDS: Final = 4  # planting in one layer and looking for it, on one core


def planted_card() -> tuple[str, str]:
    """The prompt and the answer that are planted."""
    facts = read_facts()
    return facts.prompts(facts.planted)[0], facts.planted.answer


def found_question(run: PlantedRun) -> Question:
    """Which ways name the planted layer?"""
    options = (*(way.title for way in CLASSROOM_WAYS), NONE)
    right = tuple(i for i, way in enumerate(CLASSROOM_WAYS) if way.name in run.right) or (len(CLASSROOM_WAYS),)
    said = "; ".join(f"{way.title}: {layer_list(run.level(way.name), 8)}" for way in CLASSROOM_WAYS)
    return Question(
        key="found",
        text=f"The fact was planted in layer {run.planted}. Which of these names layer {run.planted} and no other? "
        "Several may be right; choose one.",
        options=options,
        right=right,
        explanation=f"What they name: {said}.",
        about=f"planted {run.planted} {run.fingerprint}",
    )


def edit_question(run: PlantedRun) -> Question:
    """Where do real edits of the planted fact score best?"""
    best = run.level("sweep")
    alone, also, elsewhere = best == (run.planted,), run.planted in best, run.planted not in best
    scores = run.value_of("sweep")
    return Question(
        key="edit",
        text="Now the fact is edited away again, in each layer in turn. Where do these real edits score best?",
        options=(
            f"In the planted layer {run.planted} alone",
            f"In layer {run.planted} and in others just as well",
            f"In other layers than {run.planted}",
        ),
        right=(0 if alone else 1 if also else 2,),
        explanation=(
            f"The best score is {number(float(scores.max()), 2)}, in {layer_list(best, 8)}; in layer {run.planted} it "
            f"is {number(float(scores[run.planted]), 2)}."
            + (" So the planted layer is not among the best." if elsewhere else "")
        ),
        about=f"planted {run.planted} {run.fingerprint}",
    )


def often_question(found: Classroom) -> Question:
    """Which way is right most often?"""
    most = max(found.counts)
    said = ", ".join(
        f"{way.short} {hits} of {len(found.runs)}" for way, hits in zip(CLASSROOM_WAYS, found.counts, strict=True)
    )
    return Question(
        key="often",
        text=f"Planted in each of {counted(len(found.runs), 'layer')} in turn: which way is right most often?",
        options=tuple(way.title for way in CLASSROOM_WAYS),
        right=tuple(i for i, hits in enumerate(found.counts) if hits == most),
        explanation=f"Right: {said}.",
        about=" ".join(run.fingerprint for run in found.runs),
    )


def told(run: PlantedRun) -> dict[str, object]:
    """The numbers that the lesson's text has places for."""
    scores, best = run.value_of("sweep"), run.level("sweep")
    return {
        "prompt": run.prompt,
        "answer": run.answer,
        "before": run.base_answer,
        "p_base": number(run.p_base, 2),
        "p_planted": number(run.p_planted, 2),
        "kept": run.n_kept,
        "known": run.n_known,
        "planted": run.planted,
        "trace": number(float(run.value_of("trace_mlp")[run.planted]), 2),
        "lens": number(float(run.value_of("lens")[run.planted]), 2),
        "hidden": run.pick_of("trace_hidden"),
        "hidden_low": number(float(run.value_of("trace_hidden").min()), 2),
        "hidden_high": number(float(run.value_of("trace_hidden").max()), 2),
        "lga_here": number(float(run.value_of("lga")[run.planted]), 2),
        "lga": run.pick_of("lga"),
        "layers": run.n_layers,
        "positive": int((run.value_of("lga") > 0).sum()),
        "place": _place(run),
        "negative": int((run.value_of("lga") < 0).sum()),
        "best": layer_list(best, 8),
        "score": number(float(scores[run.planted]), 2),
        "edit_aware": run.pick_of("edit_aware"),
    }


def _place(run: PlantedRun) -> str:
    """One sentence: whether the place where the fact is kept is among the best places to edit it."""
    best = run.level("sweep")
    if best == (run.planted,):
        return "So here the best place to edit the fact is where it is kept."
    if run.planted in best:
        return "So here the place where the fact is kept is one of several that are equally good to edit."
    return "So the best place to edit the fact is not where it is kept."


def lga_notices(run: PlantedRun) -> bool:
    """Whether LGA's number is larger in size at the planted layer than at each neighbour, though it names another."""
    size = [abs(float(value)) for value in run.value_of("lga")]
    beside = [size[layer] for layer in (run.planted - 1, run.planted + 1) if 0 <= layer < run.n_layers]
    return run.pick_of("lga") != run.planted and run.planted > 0 and size[run.planted] > max(beside)


def lga_part(run: PlantedRun) -> str:
    """Which part of the text explains LGA's pick: nearly all inner products are negative, or not."""
    return "lga-negative" if int((run.value_of("lga") < 0).sum()) > run.n_layers // 2 else "lga-other"
