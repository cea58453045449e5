"""A stored run as a report: the same figures as on the pages, every number with its definition and provenance."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from goldenlayers_core import figures
from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.text import counted, number
from goldenlayers_core.figures.truth.sweep import about
from goldenlayers_core.reports import Report, Section, provenance_json, report_html, report_zip
from goldenlayers_core.results import EditReport, LayerScores, Selection, SweepResult
from goldenlayers_core.results.formats import spaced
from goldenlayers_core.results.truth.sweep import PROBE_METRICS
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.runtime.atomic import write_bytes
from goldenlayers_core.tasks.edit.stored_many import open_many
from goldenlayers_core.tasks.edit.stored_panel import open_panel, panel_name
from goldenlayers_core.tasks.present.stored_tour import open_tour
from goldenlayers_core.tasks.recommendation import LGA_CAUTION
from goldenlayers_core.tasks.stored import open_report, open_scores, open_search, open_sweep, open_trace
from goldenlayers_core.tasks.truth.judgement import best, curve, failures, of_selection
from goldenlayers_core.tasks.truth.layer_card import ModelFacts, layer_card

Parts = tuple[str, tuple[Section, ...], tuple[str, ...]]  # finding, sections, limits

_KEYS: Final = ["case_id", "request", "prompt", "layer"]
_REGRET: Final = ["way", "title", "layer", "regret", "regret_low", "regret_high"]
_RATES: Final = "Answers are greedy text; of each kind of probe the share that came out as wished, 0 to 1."
_PROBES: Final = "P is the product of the probabilities of an answer's tokens."
_SMALL: Final = "Samples of this size leave wide intervals: read them before the third digit."
_WHERE: Final = "Where an answer comes back in a causal trace need not be where an edit works best."
_GREEDY: Final = "Answers are greedy text of this model in this precision; another one may answer otherwise."


def write_report(store: Store, run_id: str, path: Path, pictures: bool = False) -> None:
    """Write a stored run's report in one step: a zip of figures and tables where `path` ends in .zip, else one page.

    `pictures`: PNG and SVG in the zip. Raises StoreError when the run is missing or damaged, GoldenLayersError where a
    picture cannot be drawn.
    """
    zipped = path.suffix.lower() == ".zip"
    data = zip_bytes(store, run_id, pictures) if zipped else report_bytes(store, run_id)
    write_bytes(path.expanduser().absolute(), data)


def report_bytes(store: Store, run_id: str) -> bytes:
    """The report as a file's content. Raises StoreError when the run is missing or damaged."""
    return report_html(report_of(store, run_id)).encode()


def zip_bytes(store: Store, run_id: str, pictures: bool = False) -> bytes:
    """The report's figures and tables as a zip. Raises as `write_report`."""
    return report_zip(report_of(store, run_id), pictures)


def report_of(store: Store, run_id: str) -> Report:
    """A stored run as a report. Raises StoreError when the run is missing or damaged."""
    manifest = store.load_run(run_id).manifest
    finding, sections, limits = _MAKERS.get(manifest.kind, _tables)(store, manifest)
    provenance = provenance_json({**dataclasses.asdict(manifest), "config": manifest.settings})
    return Report(manifest.title, finding, sections, _facts(manifest), limits, provenance, manifest.created)


def _facts(manifest: RunManifest) -> tuple[tuple[str, str], ...]:
    """Everything that is needed to find the run again and to repeat it."""
    settings = {name: value for name, value in manifest.settings.items() if name not in ("model", "request")}
    return (
        *((("note", manifest.note),) if manifest.note else ()),
        *((("starred", "yes"),) if manifest.starred else ()),
        ("model", f"{manifest.model}, fingerprint {manifest.fingerprint}"),
        ("dataset", f"{manifest.dataset}, {counted(manifest.n_requests, 'request')}, digest {manifest.dataset_digest}"),
        ("run", f"{manifest.run_id}, {manifest.created} (UTC), {number(manifest.seconds)} s"),
        *manifest.told.items(),
        ("settings", json.dumps(settings, ensure_ascii=False, sort_keys=True)),
        *((name, value) for name, value in manifest.provenance),
    )


def _title(drawn: Any) -> str:
    return str((drawn.layout.meta or {}).get("title", ""))


def _scores(store: Store, manifest: RunManifest) -> Parts:
    scores, selection = open_scores(store, manifest.run_id)
    frame = scores.to_frame()
    pictures = (
        Section(figures.totals_bars(selection), selection.to_frame(), name="sums"),
        *_heatmaps(scores, selection, frame),
        Section(figures.best_layer_distribution(scores, selection, False), scores.best_frame(), name="best-layers"),
    )
    caution = LGA_CAUTION if scores.method == "lga" else "No edit was run: the scores are predicted from gradients."
    return f"{_title(pictures[0].figure)}.", pictures, (caution, _SMALL)


def _heatmaps(scores: LayerScores, selection: Selection, frame: pd.DataFrame) -> tuple[Section, ...]:
    if not scores.parts:
        return (Section(figures.scores_heatmap(scores, selection), frame, name="requests"),)
    parts = [part.name for part in scores.parts]
    return (
        Section(figures.part_heatmap(scores, selection, "score"), frame, name="requests"),
        *(Section(figures.part_heatmap(scores, selection, part), frame[[*_KEYS, part]], name=part) for part in parts),
    )


def _sweep(store: Store, manifest: RunManifest) -> Parts:
    sweep = open_sweep(store, manifest.run_id)
    model_type = sweep.provenance.get("model_type", "")
    facts = ModelFacts(sweep.model, sweep.fingerprint, sweep.n_layers, model_type)
    card = layer_card(store, facts, sweep, manifest.run_id, sweep.method)
    chosen = best(sweep, None, "", 1e-9)
    curves = [curve(sweep, name) for name in ("score", *PROBE_METRICS)]
    sections = [
        Section(figures.layer_card(card, curves[0]), card.to_frame(), name="layer-card"),
        Section(figures.regret_bars(card), card.to_frame()[_REGRET], name="regret"),
        Section(
            figures.metric_curves(curves, sweep.golden_layer, about(sweep)),
            pd.concat([one.to_frame() for one in curves], ignore_index=True),
            name="metrics",
        ),
        Section(figures.sweep_heatmap(sweep), sweep.to_frame(), name="requests"),
        Section(figures.best_layers(chosen, about(sweep)), chosen.to_frame(), name="best-layers"),
        *_estimates(store, sweep, {pick.way: pick.run_id for pick in card.picks}),
        _failing(sweep),
    ]
    return card.sentence, tuple(sections), (*card.remarks, _GREEDY, _SMALL)


def _estimates(store: Store, sweep: SweepResult, runs: Mapping[str, str]) -> list[Section]:
    """Stored estimates against the real edits."""
    found = []
    for way, words in (("lga", "LGA"), ("edit_aware", "edit-aware analysis")):
        if runs.get(way):
            agreement = of_selection(sweep, *open_scores(store, runs[way]), words)
            drawn = figures.agreement_scatter(agreement, about(sweep))
            found.append(Section(drawn, agreement.to_frame(), name=f"agreement-{way}"))
    return found


def _failing(sweep: SweepResult) -> Section:
    golden = sweep.golden_layer
    place, bad = sweep.layers.index(golden), failures(sweep, golden)
    table = pd.DataFrame(
        {
            "prompt": [sweep.prompts[q] for q in bad],
            "new answer": [sweep.targets_new[q] for q in bad],
            "said": [sweep.answers[q][place] for q in bad],
            "score": [float(sweep.score[q, place]) for q in bad],
        }
    )
    text = f"{len(bad):,} of {sweep.n_requests:,} requests whose rewrite fails there, or whose score is at most 0.5."
    return Section(
        None, table if len(table) else None, f"Where layer {golden} fails", (text,), open_table=True, name="failures"
    )


def _search(store: Store, manifest: RunManifest) -> Parts:
    found = open_search(store, manifest.run_id)
    drawn = figures.race(found)
    return (
        f"{_title(drawn)}.",
        (Section(drawn, found.to_frame(), name="race"),),
        ("A full sweep would be surer.", _GREEDY),
    )


def _trace(store: Store, manifest: RunManifest) -> Parts:
    found = open_trace(store, manifest.run_id)
    drawn = figures.trace_curves(found)
    return f"{_title(drawn)}.", (Section(drawn, found.to_frame(), name="trace"),), (_WHERE, _SMALL)


def _edit(store: Store, manifest: RunManifest) -> Parts:
    report = open_report(store, manifest.run_id)
    sections = (
        Section(
            None, _answers(report), "Before and after", (_asked(report),), open_table=True, name="before-and-after"
        ),
        Section(figures.top_tokens(report.before, report.after), report.tokens_frame(), name="next-tokens"),
        Section(figures.probe_changes(report), report.to_frame(), name="probes"),
        *_blast(store, report),
    )
    limits = ("One edit of one fact; another fact may take at another layer.", _GREEDY)
    return report.verdict, sections, limits


def _blast(store: Store, report: EditReport) -> tuple[Section, ...]:
    """What the edit alone moved on general prompts, where that was measured."""
    name = panel_name(report.fingerprint, report.provenance.get("dtype", ""), (report.edit_id,))
    if name not in store.names("panels"):
        return ()
    found = open_panel(store, name)
    return (Section(figures.panel_strip(found), found.to_frame(), name="blast-radius"),)


def _many(store: Store, manifest: RunManifest) -> Parts:
    found = open_many(store, manifest.run_id)
    drawn = figures.rate_bars(found)
    rates = pd.DataFrame([dataclasses.asdict(rate) for rate in found.rates])
    sections = (
        Section(drawn, rates.rename(columns={"n_probes": "probes", "n_requests": "requests"}), name="rates"),
        Section(None, found.to_frame(), "Every request", (_RATES,), open_table=True, name="requests"),
        Section(None, found.probes_frame(), "Every probe", (_PROBES,), name="probes"),
    )
    return f"{_title(drawn)}.", sections, ("One layer and one method; others may do better or worse.", _GREEDY)


def _tour(store: Store, manifest: RunManifest) -> Parts:
    """The first minute: what it found in its own words, then its layer scores and its edit."""
    tour = open_tour(store, manifest.run_id)
    sections = [Section(None, None, tour.prompt, (f"The unedited model says: {tour.answer}", tour.evidence))]
    limits: dict[str, None] = {}
    for run_id in dict.fromkeys(filter(None, (tour.score_run, tour.edit_run, tour.other_run))):
        try:
            made = store.manifest(run_id)
            finding, own, more = _MAKERS[made.kind](store, made)
        except StoreError as error:
            sections.append(Section(None, None, run_id, (str(error),)))
            continue
        sections += [Section(None, None, made.title, (finding,)), *own]
        limits |= dict.fromkeys(more)
    return f"{tour.prompt} … {manifest.told.get('after', '')}", tuple(sections), tuple(limits)


def _asked(report: EditReport) -> str:
    return (
        f"{report.method.upper()} at layer {report.layer} ({spaced(report.layer_evidence)}); 1 request, "
        f"{counted(len(report.outcomes), 'probe')}. P is the product of the probabilities of an answer's tokens."
    )


def _answers(report: EditReport) -> pd.DataFrame:
    names = ("without the edit", "with the edit")
    return pd.DataFrame(
        [
            {
                "when": name,
                "prompt": report.prompt,
                "greedy answer": view.answer,
                f"P({report.target_new})": view.target_new_probability,
                f"P({report.target_true})": view.target_true_probability,
            }
            for name, view in zip(names, (report.before, report.after), strict=True)
        ]
    )


def _tables(store: Store, manifest: RunManifest) -> Parts:
    """A run of another kind: its tables as they are stored."""
    frames = store.load_run(manifest.run_id).frames
    if not frames:
        raise StoreError(f"The run {manifest.run_id} holds no table that a report could show; choose another run.")
    sections = tuple(Section(None, frame, name.replace("_", " "), open_table=True) for name, frame in frames.items())
    return ", ".join(f"{name}: {value}" for name, value in manifest.told.items()), sections, (_GREEDY,)


_MAKERS: Final[Mapping[str, Callable[[Store, RunManifest], Parts]]] = MappingProxyType(
    {
        "score": _scores,
        "sweep": _sweep,
        "search": _search,
        "trace": _trace,
        "edit": _edit,
        "many-edits": _many,
        "tour": _tour,
    }
)
