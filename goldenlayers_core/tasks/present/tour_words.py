"""The first minute in words: what each step found, computed from what it measured. No torch."""

from dataclasses import dataclass
from typing import Final

from goldenlayers_core.figures.text import counted, percent
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.present.tour import Tour
from goldenlayers_core.results.truth.measured import MethodUsed
from goldenlayers_core.tasks.present.slide import said
from goldenlayers_core.tasks.shipped_evidence import shipped

STEPS: Final = ("ask", "score", "layer", "edit", "neighbours")
TITLES: Final = (
    "Ask the model a fact",
    "Score every layer on other facts",
    "Name the layer",
    "Edit the fact",
    "See what else moved",
)
_EXAMPLE: Final = "One fact is an example, not a proof: Ground truth measures many."


@dataclass(frozen=True, slots=True)
class Told:
    """A step in words."""

    headline: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another fact, asked before, after the edit at the one layer, and after that at the other."""

    prompt: str
    before: str
    after: str
    stays: bool
    other: str = ""  # "" where there is no other layer
    other_stays: bool = True


def told(tour: Tour, report: EditReport | None = None, other: EditReport | None = None) -> tuple[Told, ...]:
    """All five steps; what a step will do, where it is not done. `report`, `other`: the edits at the two layers."""
    return (
        _asked(tour),
        _scored(tour),
        _named(tour),
        _edited(tour, report),
        _compared(tour, report, other),
    )


def _asked(tour: Tour) -> Told:
    if tour.stage < 1:
        return Told(TITLES[0])
    right = "That is right" if tour.knows else f"The dataset says {tour.target_true}, so the model does not know it"
    chance = f"it gives “{tour.target_true}” a chance of {percent(tour.true_probability)}"
    return Told(f"The model says {said(tour.answer)}", f"{right}; {chance}.")


def _scored(tour: Tour) -> Told:
    plan = "At every layer the gradients of the old and the new answer are compared. No edit is run."
    if tour.stage < 1:
        return Told(TITLES[1])
    if not tour.score_run:
        return Told("The layers are being scored", plan)
    cells = len(tour.prompts) * tour.n_layers
    return Told(f"{counted(len(tour.prompts), 'fact')}, {counted(tour.n_layers, 'layer')}: {cells:,} scores", plan)


def _named(tour: Tour) -> Told:
    if tour.stage < 3:
        return Told(TITLES[2])
    sure = f"{percent(tour.stability)} of resamples of the facts name layer {tour.golden_layer} again"
    if tour.edit_by == "literature":
        return Told(
            f"Gradients name layer {tour.golden_layer}, the golden layer by LGA",
            f"{sure}. No real edit was measured on this model, so the tour edits at the literature's layer "
            f"{tour.edit_layer}.",
        )
    if tour.advice and not tour.advice.startswith(("Use", "Prefer")):
        said_by = f"{tour.advice[0].lower()}{tour.advice[1:]}".replace("apart: layers", "apart layers")
        return Told(
            f"Gradients name layer {tour.golden_layer}. Real edits: {said_by}",
            f"{sure}. The tour edits at layer {tour.edit_layer}.",
        )
    if tour.edit_layer == tour.golden_layer:
        return Told(f"Gradients and real edits name layer {tour.edit_layer}", f"{sure}. The tour edits there.")
    return Told(
        f"Gradients name layer {tour.golden_layer}, real edits layer {tour.edit_layer}",
        f"{tour.golden_layer} is the golden layer by gradients (LGA); {sure}. What real edits say counts more, so the "
        f"tour edits at layer {tour.edit_layer}.",
    )


def evidence(tour: Tour) -> str:
    """What real edits are behind the layer that is edited; "" where none was measured."""
    if tour.edit_by in ("", "literature"):
        return ""
    said_by = f"Real edits: {tour.evidence}."
    kept = neighbours_kept(tour)
    if not kept:
        return said_by
    shares = ", ".join(f"{percent(share)} when layer {layer} is edited" for layer, share in kept)
    return f"{said_by} Of the neighbours of those facts stay {shares}."


def neighbours_kept(tour: Tour) -> tuple[tuple[int, float], ...]:
    """(layer, share of neighbours that keep their answer) in the real edits that come with the model, at the layer that
    was edited and at the one gradients name; () where the tour's layer does not rest on them."""
    if tour.edit_by != "measured":
        return ()
    found = next((m for m in shipped().on(tour.fingerprint) if (m.used, m.data) == (MethodUsed(), tour.data)), None)
    if found is None:
        return ()
    shares = [(layer, found.mean("locality", layer)) for layer in dict.fromkeys((tour.edit_layer, tour.golden_layer))]
    return tuple((layer, share) for layer, share in shares if share is not None)


def _edited(tour: Tour, report: EditReport | None) -> Told:
    if report is None:
        return Told(TITLES[3])
    wish = f"“{tour.target_new}” was written into layer {tour.edit_layer} over {tour.target_true}"
    if report.took:
        return Told(f"The model now says {said(report.after.answer)}", f"{wish}; no weight was changed.")
    return Told(f"The edit did not take: the model says {said(report.after.answer)}", f"{wish}.")


def _compared(tour: Tour, report: EditReport | None, other: EditReport | None) -> Told:
    if report is None or other is None:
        return Told(TITLES[4])
    good, total = report.rates().get("locality", (0, 0))
    if not total:
        return Told("No neighbour was asked", _EXAMPLE)
    kept = f"{good} of {total} neighbours keep their answer"
    if tour.edit_layer == tour.golden_layer:
        return Told(kept[0].upper() + kept[1:], _EXAMPLE)
    elsewhere, _ = other.rates().get("locality", (0, 0))
    return Told(
        f"{kept}; at layer {tour.golden_layer}, {elsewhere} of {total}",
        f"The same fact was written into layer {tour.golden_layer}, which gradients name, too. {_EXAMPLE}",
    )


def neighbours(report: EditReport, other: EditReport | None) -> tuple[Neighbour, ...]:
    """Every neighbour in the dataset's order; `other`: the edit at the other layer, if there is one."""
    beside = {o.prompt: o for o in other.outcomes if o.kind == "locality"} if other else {}
    return tuple(
        Neighbour(
            o.prompt,
            said(o.before.answer),
            said(o.after.answer),
            o.success,
            said(beside[o.prompt].after.answer) if o.prompt in beside else "",
            beside[o.prompt].success if o.prompt in beside else True,
        )
        for o in report.outcomes
        if o.kind == "locality"
    )


def further(report: EditReport, other: EditReport | None) -> str:
    """How the other kinds of probe came out, in one line."""
    parts = []
    for kind, plural in (("rephrase", "rephrases follow"), ("portability", "consequences follow")):
        good, total = report.rates().get(kind, (0, 0))
        if total:
            beside = f", at layer {other.layer} {other.rates()[kind][0]} of {total}" if other else ""
            parts.append(f"{good} of {total} {plural} at layer {report.layer}{beside}")
    return "; ".join(parts) + "." if parts else ""
