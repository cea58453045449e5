"""The screens of one edit: before and after, every kind of probe, the verdict. No torch."""

from typing import Final

from goldenlayers_core.figures.text import counted, percent
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.light import RULE, light
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.present.covers import closing, cover, written
from goldenlayers_core.tasks.present.slide import Number, Side, Slide, changes, said
from goldenlayers_core.tasks.present.stack import stack_slides

EXAMPLE: Final = "One fact is an example, not a proof: Ground truth measures many."
_KINDS: Final = (
    ("rephrase", "rephrases", "In other words", "the same fact asked in other words; wished: the new answer"),
    ("locality", "neighbours", "Other facts", "other facts; wished: the same answer as before"),
    ("portability", "consequences", "What follows from it", "what follows from the new fact; wished: its new answer"),
)


def of_edit(store: Store, manifest: RunManifest) -> tuple[Slide, ...]:
    """The fact, before and after, every kind of probe, the verdict, the layer stack, and what to take home."""
    report = open_report(store, manifest.run_id)
    probes = probe_slides(report, manifest)
    return (
        cover(
            manifest,
            "One fact, written into one layer",
            "What does the model say then, and what else moves?",
            fact=written(report.subject, report.target_true, report.target_new),
            layer=f"{report.layer} ({report.method.upper()})",
            evidence=report.layer_evidence,
        ),
        before_and_after(report, manifest),
        *probes,
        _verdict(report, manifest),
        *stack_slides(store, manifest, made(report, manifest)),
        closing(
            before_and_after(report, manifest).headline,
            (
                f"One fact was written into layer {report.layer}; no weight was changed.",
                *(f"{slide.headline}." for slide in probes),
                EXAMPLE,
            ),
            manifest,
        ),
    )


def mark_of(report: EditReport) -> str:
    """Where an edit was made, for above a headline."""
    return f"Edited at layer {report.layer} ({report.method.upper()})"


def before_and_after(report: EditReport, manifest: RunManifest) -> Slide:
    """The one screen an edit is about."""
    before, after = said(report.before.answer), said(report.after.answer)
    headline = f"The model now says {after}" if before != after else f"The model still says {after}"
    return Slide(
        headline=headline,
        mark=mark_of(report),
        say="" if report.took else f"The edit did not take: {report.target_new} was to be said.",
        prompt=report.prompt,
        sides=(Side("Before", before), Side("After", after)),
        table=report.to_frame(),
        how=(
            "Greedy text of the model without and with the edit, up to its first clause. The edit lies over the model "
            "while it answers; no weight was changed.",
            made(report, manifest),
        ),
    )


def probe_slides(report: EditReport, manifest: RunManifest) -> tuple[Slide, ...]:
    """One screen for every kind of probe that was asked."""
    found = []
    for kind, plural, opening, meaning in _KINDS:
        shown = changes(report, kind)
        if shown:
            good = sum(change.good for change in shown)
            verb = "keep their answer" if kind == "locality" else "follow"
            found.append(
                Slide(
                    headline=f"{good} of {len(shown)} {plural} {verb}",
                    mark=mark_of(report),
                    say=f"{opening}: asked before and after the edit.",
                    changes=shown,
                    table=report.to_frame(),
                    how=(f"{meaning[0].upper()}{meaning[1:]}. All {len(shown)} are shown.", made(report, manifest)),
                )
            )
    return tuple(found)


def made(report: EditReport, manifest: RunManifest) -> str:
    """Method, layer, model, machine, run."""
    about = report.provenance
    return (
        f"{report.method.upper()} at layer {report.layer} ({report.layer_evidence}); 1 request, "
        f"{counted(len(report.outcomes), 'probe')}; {manifest.model} on {about.get('device', '?')}, "
        f"{about.get('dtype', '?')}, torch {about.get('torch', '?')}; {manifest.run_id}."
    )


def _verdict(report: EditReport, manifest: RunManifest) -> Slide:
    found = light(report)
    new = report.after.target_new_probability
    return Slide(
        headline=found.words.rstrip("."),
        mark=mark_of(report),
        numbers=(
            Number(percent(report.before.target_new_probability), f"chance of “{report.target_new}” before"),
            Number(percent(new), f"chance of “{report.target_new}” after"),
        )
        if new == new  # not asked: NaN
        else (),
        how=(report.verdict, RULE, "Chance: probability of the whole answer after the prompt.", made(report, manifest)),
    )
