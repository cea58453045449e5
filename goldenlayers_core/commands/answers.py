"""Results as the JSON that the command line prints (design.md section 6), and as lines for a person."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from goldenlayers_core.commands.answers_sweep import number
from goldenlayers_core.records import PROBE_KINDS, Dataset
from goldenlayers_core.results import EditReport, Floats, LayerScores, Part, Selection, View
from goldenlayers_core.results.scores.baselines import Estimate
from goldenlayers_core.results.scores.parts import METHOD_WORDS
from goldenlayers_core.results.scores.readings import LOSS_WORDS
from goldenlayers_core.results.scores.robustness import Choice, sentence
from goldenlayers_core.tasks.scores.second_looks import other_estimates, other_ways
from goldenlayers_core.tasks.serial import plain

_RULE: Final = "The rule was calibrated on ROME edits of two models (docs/methods.md)."
_PREDICTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "edit-aware": f"Predicted from gradients; no edit was run. {_RULE}",
        "line-check": f"Predicted from one step along the gradients at each layer; no edit was run. {_RULE}",
        "damage": f"Predicted from gradients: how little an edit moves other text, not whether it takes. {_RULE}",
    }
)

_ABOUT: Final = {"damage": "minus the logarithm of the predicted damage to general text (nats per token), mean"}


def dataset_answer(found: Dataset) -> dict[str, Any]:
    """What was read of a dataset, and what was not."""
    return {
        "format": found.format,
        "n_records": found.n_records,
        "n_read": len(found.requests),
        "n_reported": len(found.reported),
        "reported": [{"row": issue.row, "reason": issue.reason} for issue in found.reported],
        "remarks": [{"row": issue.row, "reason": issue.reason} for issue in found.remarks],
        "description": found.description,
        "probes": {
            "rephrase": sum(len(r.rephrases) for r in found.requests),
            "locality": sum(len(r.locality) for r in found.requests),
            "portability": sum(len(r.portability) for r in found.requests),
        },
    }


def dataset_lines(content: dict[str, Any]) -> list[str]:
    """The same for a person."""
    return [
        f"format {content['format']}, {content['n_records']} records: {content['n_read']} read, "
        f"{content['n_reported']} reported",
        content["description"],
        *(f"  row {issue['row']}: {issue['reason']}" for issue in content["reported"]),
        *(f"  row {issue['row']}, remark: {issue['reason']}" for issue in content["remarks"]),
        "probes: " + ", ".join(f"{count} {kind}" for kind, count in content["probes"].items()),
    ]


def score_answer(
    scores: LayerScores,
    selection: Selection,
    dataset: str,
    run_id: str,
    other: tuple[str, Selection] | None = None,
) -> dict[str, Any]:
    """Layer scores and the golden layer; `other` is LGA's other reading with its choice."""
    return {
        "model": scores.model,
        "dataset": dataset,
        "requests_of": scores.dataset,
        "n_requests": scores.n_requests,
        "method": scores.method,
        "scope": scores.scope,
        "loss_on": scores.loss_on or None,
        "covariance": scores.covariance or None,
        "golden_layer": selection.golden_layer,
        "ranking": list(selection.ranking),
        "outliers": list(selection.outliers),
        "layers": [{"layer": layer, "score": float(total)} for layer, total in enumerate(selection.totals)],
        "requests": [
            {"case_id": case, "scores": values.tolist(), "best_layer": int(best)}
            for case, values, best in zip(scores.case_ids, scores.values, scores.best_layers, strict=True)
        ],
        "skipped": [{"case_id": case, "reason": reason} for case, reason in scores.skipped],
        "stability": {"golden_layer_share": selection.stability, "n_resamples": selection.n_resamples},
        "parts": [
            {"name": part.name, "title": part.title, "better": part.better, "definition": part.definition}
            | {"layers": _numbers(mean_of(part)), "requests": [_numbers(row) for row in part.values]}
            for part in scores.parts
        ],
        "other_reading": None if other is None else _other_reading(*other),
        "robustness": _robustness(other_ways(scores, selection)),
        "other_estimates": [_estimate(one) for one in other_estimates(scores, selection)],
        "seconds": scores.seconds,
        "run": run_id,
    }


def _other_reading(loss_on: str, chosen: Selection) -> dict[str, Any]:
    return {
        "loss_on": loss_on,
        "golden_layer": chosen.golden_layer,
        "ranking": list(chosen.ranking),
        "outliers": list(chosen.outliers),
        "layers": [{"layer": layer, "score": float(total)} for layer, total in enumerate(chosen.totals)],
        "stability": {"golden_layer_share": chosen.stability, "n_resamples": chosen.n_resamples},
    }


def _robustness(ways: tuple[Choice, ...]) -> dict[str, Any] | None:
    return {"sentence": sentence(ways), "picks": [dataclasses.asdict(way) for way in ways]} if ways else None


def _estimate(found: Estimate) -> dict[str, Any]:
    return {
        "name": found.name,
        "title": found.info.title,
        "definition": found.info.definition,
        "golden_layer": found.golden_layer,
        "within_fences": found.within_fences,
        "without_fences": found.without_fences,
        "layers": [{"layer": layer, "score": float(total)} for layer, total in enumerate(found.totals)],
    }


def mean_of(part: Part) -> Floats:
    """(L,) mean over the requests that have the part."""
    have = ~np.isnan(part.values).all(axis=1)
    found: Floats = part.values[have].mean(axis=0)
    return found


def _numbers(row: Floats) -> list[float | None]:
    """As JSON has them: null for what a request has not."""
    return [number(value) for value in row]


def score_lines(content: dict[str, Any]) -> list[str]:
    """The same for a person."""
    share, resamples = content["stability"]["golden_layer_share"], content["stability"]["n_resamples"]
    top = max(abs(entry["score"]) for entry in content["layers"]) or 1.0
    lga = content["method"] == "lga"
    parts = "".join(f" {part['name']:>9}" for part in content["parts"])
    about = (
        f"scope {content['scope']}, {LOSS_WORDS[content['loss_on']]}"
        if lga
        else _ABOUT.get(content["method"], "predicted score of an edit, mean over the requests")
    )
    ending = (
        "LGA compares gradients; no edit was run. Check it with `edit --layer N`."
        if lga
        else _PREDICTED[content["method"]]
    )
    if content["covariance"]:
        about += f", for edits with the key covariance of {content['covariance']}"
    return [
        f"{content['model']}, {content['n_requests']} requests of {content['requests_of']}, {about}",
        *([f"            {'score':>14}{parts}"] if parts else []),
        *(
            f"  layer {e['layer']:3} {e['score']:14.4f}"
            + "".join(f" {part['layers'][e['layer']]:9.3f}" for part in content["parts"])
            + f" {'#' * round(40 * abs(e['score']) / top)}"
            + ("  set aside" if e["layer"] in content["outliers"] else "")
            for e in content["layers"]
        ),
        f"golden layer by {METHOD_WORDS[content['method']]}: {content['golden_layer']} (chosen by "
        f"{100 * share:.0f} % of {resamples} bootstrap resamples)",
        *_other_lines(content["other_reading"]),
        *([f"  {content['robustness']['sentence']}"] if content["robustness"] else []),
        *_estimate_lines(content["other_estimates"]),
        ending,
    ]


def _other_lines(other: dict[str, Any] | None) -> list[str]:
    if other is None:
        return []
    share = other["stability"]["golden_layer_share"]
    return [f"  with the {LOSS_WORDS[other['loss_on']]}: {other['golden_layer']} (chosen by {100 * share:.0f} %)"]


def _estimate_lines(estimates: list[dict[str, Any]]) -> list[str]:
    if not estimates:
        return []
    picks = ", ".join(f"{found['title'].lower()} {found['golden_layer']}" for found in estimates)
    return [f"  other estimates: {picks}"]


def edit_answer(report: EditReport) -> dict[str, Any]:
    """An edit before and after; null and `not_asked` where there was nothing to ask."""
    return {
        "layer": report.layer,
        "layer_evidence": report.layer_evidence,
        "method": report.method,
        "before": _view(report.before),
        "after": _view(report.after),
        "rates": {kind: {"good": good, "n_probes": count} for kind, (good, count) in report.rates().items()},
        "not_asked": [kind for kind in PROBE_KINDS if kind not in report.rates()],
        "verdict": report.verdict,
        "seconds": report.seconds,
        "edit_id": report.edit_id,
        **({"routing": plain(report.routing)} if report.routing else {}),
    }


def _view(view: View) -> dict[str, Any]:
    return {name: number(value) if isinstance(value, float) else value for name, value in plain(view).items()}


def edit_lines(report: EditReport) -> list[str]:
    """The same for a person."""
    return [
        report.verdict,
        f"before: {report.prompt} {report.before.answer}",
        f"after:  {report.prompt} {report.after.answer}",
        f"layer {report.layer} ({report.layer_evidence}), {report.method}, {report.seconds:.1f} s",
        *([report.routing.words] if report.routing else []),
    ]
