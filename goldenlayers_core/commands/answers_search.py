"""A budgeted search as the JSON that the command line prints, and as lines for a person."""

from typing import Any

from goldenlayers_core.results import SearchResult
from goldenlayers_core.results.formats import percent


def search_answer(found: SearchResult, dataset: str, run_id: str) -> dict[str, Any]:
    """What the race found, how sure that is, and what it took."""
    return {
        "model": found.model,
        "dataset": dataset,
        "requests_of": found.dataset,
        "method": found.method,
        "edits": found.used.edits,
        "golden_layer": found.golden_layer,
        "confidence": found.confidence,
        "rival": found.rival,
        "lead": found.lead[0] if found.lead else None,
        "lead_interval": list(found.lead[1:]) if found.lead else None,
        "rounds": [
            {
                "layers": list(one.layers),
                "n_requests": one.n_requests,
                "means": list(one.means),
                "kept": list(one.kept),
                "seconds": one.seconds,
            }
            for one in found.rounds
        ],
        "finished": found.finished,
        "prior": found.prior,
        "n_requests": found.n_requests,
        "n_pool": found.n_pool,
        "n_pairs": found.n_pairs,
        "n_computed": found.n_computed,
        "share_of_sweep": found.share_of_sweep,
        "budget": found.budget,
        "seconds": found.seconds,
        "seconds_over": found.over,
        "seconds_estimating": found.estimating,
        "seconds_loading": found.loading,
        "seconds_per_edit": found.seconds_per_edit,
        "seed": found.seed,
        "run": run_id,
    }


def search_lines(content: dict[str, Any]) -> list[str]:
    """The same for a person."""
    return [
        f"{content['model']}, {content['edits']} of up to {content['n_pool']} requests of {content['requests_of']}",
        *(_round(number, one) for number, one in enumerate(content["rounds"], 1)),
        f"Layer {content['golden_layer']}: the best one with a probability of {percent(content['confidence'])}, by "
        f"{content['n_pairs']:,} edits ({percent(content['share_of_sweep'])} of a full sweep).",
        *_lead(content),
        f"Began with: {content['prior']}.",
        f"{content['seconds']:.1f} s of {content['budget']:.0f} s{_over(content)}; made ready in "
        f"{content['seconds_loading']:.1f} s before. "
        + ("Every round was run." if content["finished"] else "Its time or its requests ran out."),
    ]


def _round(number: int, one: dict[str, Any]) -> str:
    best = max(zip(one["means"], one["layers"], strict=True), key=lambda each: each[0])
    kept = ", ".join(str(layer) for layer in one["kept"])
    return (
        f"  round {number}: {len(one['layers'])} layers, {one['n_requests']} requests so far; highest mean "
        f"{best[0]:.3f} at {best[1]}; go on: {kept}"
    )


def _lead(content: dict[str, Any]) -> list[str]:
    if content["lead"] is None:
        return []
    low, high = content["lead_interval"]
    return [
        f"It scores {content['lead']:.3f} ({low:.3f} to {high:.3f}) more than layer {content['rival']}, on the "
        "requests that both were edited with."
    ]


def _over(content: dict[str, Any]) -> str:
    return f", {content['seconds_over']:.1f} s over" if content["seconds_over"] >= 0.05 else ""
