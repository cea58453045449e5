"""Many edits as the JSON that the command line prints, and as lines for a person."""

import dataclasses
from typing import Any

from goldenlayers_core.commands.answers_sweep import number
from goldenlayers_core.results.edit.many_edits import MODE_WORDS, ManyEdits
from goldenlayers_core.results.formats import NOT_ASKED


def many_answer(found: ManyEdits, dataset: str, run_id: str) -> dict[str, Any]:
    """Every request with its probes, and the rates over all of them; null, and a kind's name under `not_asked`, where
    nobody was asked."""
    rows = found.to_frame().to_dict("records")
    probes = [report.to_frame().to_dict("records") for report in found.reports]
    return {
        "model": found.model,
        "dataset": dataset,
        "requests_of": found.dataset,
        "method": found.method,
        "mode": found.mode,
        "layer": found.layer,
        "layers": list(found.layers),
        "layer_evidence": found.provenance.get("layer", ""),
        "n_requests": found.n_requests,
        "definition": found.definition,
        "rates": [dataclasses.asdict(rate) for rate in found.rates],
        "rates_at_own_time": [dataclasses.asdict(rate) for rate in found.own_rates],
        "not_asked": list(found.not_asked),
        "requests": [
            {**_plain(row), "probes": [_plain(probe) for probe in own]} for row, own in zip(rows, probes, strict=True)
        ],
        "skipped": [{"case_id": case, "reason": reason} for case, reason in found.skipped],
        "weight_change": found.weight_change,
        "edit_ids": list(found.edit_ids),
        "seconds": found.seconds,
        "seconds_per_edit": found.seconds / found.n_computed if found.n_computed else None,
        "n_computed": found.n_computed,
        "run": run_id,
    }


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Numbers JSON can hold."""
    return {str(key): number(value) if isinstance(value, float) else value for key, value in row.items()}


def many_lines(content: dict[str, Any]) -> list[str]:
    """The same for a person."""
    head = f"{content['model']}, {content['n_requests']} requests of {content['requests_of']}"
    what = f"{content['method'].upper()} at layer {content['layer']} ({content['layer_evidence']})"
    words = MODE_WORDS[content["mode"]]
    each = content["seconds_per_edit"]
    return [
        f"{head}: {what}, {words}",
        *(_rate_line(rate, content["rates_at_own_time"]) for rate in content["rates"]),
        *(f"  {kind:12} {NOT_ASKED}" for kind in content["not_asked"]),
        f"  {content['definition']}",
        f"  weight change {content['weight_change']:.3g}"
        + (f", {each:.2f} s per edit with its probes" if each is not None else ", all from the store"),
        *(
            f"  {'yes' if row['took'] else 'NO ':3} {row['prompt']} → {row['target_new']}: {row['after']!r} "
            f"(before {row['before']!r})"
            for row in content["requests"]
        ),
        *(f"  not written: {row['case_id']}: {row['reason']}" for row in content["skipped"]),
    ]


def _rate_line(rate: dict[str, Any], at_own_time: list[dict[str, Any]]) -> str:
    then = "".join(f"; at its own time {own['good']}" for own in at_own_time if own["kind"] == rate["kind"])
    return (
        f"  {rate['kind']:12} {rate['good']:5} of {rate['n_probes']:5} probes as wished, "
        f"mean over {rate['n_requests']} requests {rate['mean']:.3f}{then}"
    )
