"""Causal traces and evaluations as the JSON that the command line prints, and as lines for a person."""

from typing import Any, Final

import numpy as np

from goldenlayers_core.results import POSITIONS, Floats, TraceResult
from goldenlayers_core.results.edit.evaluation import EditEvaluation, ProbeRate
from goldenlayers_core.results.formats import NOT_ASKED
from goldenlayers_core.tasks.serial import plain

_RESAMPLES: Final = 1000
_KINDS: Final = {"hidden": "hidden state", "mlp": "MLP output", "attention": "attention output"}


def trace_answer(trace: TraceResult, dataset: str, run_id: str) -> dict[str, Any]:
    """The average indirect effects, and the layer they pick."""
    mean, (low, high) = trace.at_subject.mean(axis=0), trace.interval(_RESAMPLES)
    share = float(trace.pick_share(_RESAMPLES)[trace.golden_layer])
    return {
        "model": trace.model,
        "dataset": dataset,
        "requests_of": trace.dataset,
        "n_requests": trace.n_requests,
        "kind": trace.kind,
        "window": trace.window,
        "noise": trace.noise,
        "n_samples": trace.n_samples,
        "seed": trace.seed,
        "golden_layer": trace.golden_layer,
        "p_clean": float(trace.p_clean.mean()),
        "p_corrupt": float(trace.p_corrupt.mean()),
        "layers": [
            {"layer": layer, "effect": float(mean[layer]), "low": float(low[layer]), "high": float(high[layer])}
            for layer in range(trace.n_layers)
        ],
        "positions": [
            {"position": name, "n_requests": count, "effects": _numbers(curve)}
            for name, count, curve in zip(POSITIONS, trace.counts(), trace.means(), strict=True)
        ],
        "requests": [
            {"case_id": case, "answer": answer, "effects": effects.tolist(), "best_layer": int(effects.argmax())}
            for case, answer, effects in zip(trace.case_ids, trace.answers, trace.at_subject, strict=True)
        ],
        "skipped": [{"case_id": case, "reason": reason} for case, reason in trace.skipped],
        "stability": {"golden_layer_share": share, "n_resamples": _RESAMPLES},
        "seconds": trace.seconds,
        "run": run_id,
    }


def _numbers(values: Floats) -> list[float | None]:
    """JSON has no NaN."""
    return [float(value) if np.isfinite(value) else None for value in values]


def trace_lines(content: dict[str, Any]) -> list[str]:
    """The same for a person."""
    top = max(abs(entry["effect"]) for entry in content["layers"]) or 1.0
    share, resamples = content["stability"]["golden_layer_share"], content["stability"]["n_resamples"]
    what = _KINDS[content["kind"]]
    return [
        f"{content['model']}, {content['n_requests']} requests of {content['requests_of']}: {what} restored at the "
        f"subject's last token, window {content['window']}",
        f"mean probability of the answer: {content['p_clean']:.3f} clean, {content['p_corrupt']:.3f} with the subject "
        f"corrupted (noise {content['noise']:.3g}, {content['n_samples']} samples, seed {content['seed']})",
        *(
            f"  layer {e['layer']:3} {e['effect']:+.4f} [{e['low']:+.4f}, {e['high']:+.4f}] "
            f"{'#' * round(40 * max(e['effect'], 0.0) / top)}"
            for e in content["layers"]
        ),
        f"golden layer by causal tracing: {content['golden_layer']} (chosen by {100 * share:.0f} % of {resamples} "
        "bootstrap resamples)",
        "Where an answer comes back need not be where an edit works best. Check it with `edit --layer N`.",
        *([f"{len(content['skipped'])} requests were skipped."] if content["skipped"] else []),
    ]


def evaluation_answer(found: EditEvaluation) -> dict[str, Any]:
    """What a saved edit changed on a dataset."""
    unchanged, count = found.locality
    return {
        "model": found.model,
        "dataset": found.dataset,
        "edit": {
            "edit_id": found.edit_id,
            "method": found.method,
            "layers": list(found.layers),
            "prompt": found.prompt,
            "subject": found.subject,
            "target_new": found.target_new,
        },
        "n_requests": found.n_requests,
        "edited_case": found.case_id,
        "n_left_out": found.n_left_out,
        "rates": [_rate(rate) for rate in found.rates],
        "not_asked": [{"group": group, "kind": kind} for group, kind in found.not_asked],
        "locality": {"unchanged": unchanged if count else None, "n_probes": count},
        "perplexity": dict(zip(("before", "after"), found.perplexity, strict=True)),
        "fluency_bits": dict(zip(("before", "after"), found.fluency, strict=True)),
        "seconds": found.seconds,
    }


def evaluation_lines(found: EditEvaluation) -> list[str]:
    """The same for a person."""
    unchanged, count = found.locality
    where = f"is request {found.case_id} there" if found.case_id else "is not in it: of it only its own prompt is read"
    return [
        f"{found.prompt} {found.target_new} ({found.method}, layer {', '.join(map(str, found.layers))}) on "
        f"{found.model}; {found.n_requests} requests of {found.dataset}; the edited fact {where}",
        f"  {'requests':8} {'probes':12} {'before':>11} {'after':>11} {'unchanged':>11} {'divergence, nats':>17}",
        *(
            f"  {r.group:8} {r.kind:12} {_of(r.before, r.n_judged):>11} {_of(r.after, r.n_judged):>11} "
            f"{_of(r.unchanged, r.n_probes):>11} {r.divergence:17.4f}"
            for r in found.rates
        ),
        *(f"  {group:8} {kind:12} {NOT_ASKED:>11}" for group, kind in found.not_asked),
        "before, after: greedy answers that begin with the expected one (of the edited request the new answer, of "
        "others the true one)",
        *(
            [f"{found.n_left_out} probes of other requests ask what was edited, and were left out."]
            * bool(found.n_left_out)
        ),
        f"locality: {_of(unchanged, count)} answers that should not change did not",
        f"perplexity of a fixed text of 126 words: {found.perplexity[0]:.2f} before, {found.perplexity[1]:.2f} after "
        "(exp of the mean negative log-likelihood per token)",
        f"fluency: {found.fluency[0]:.2f} bits before, {found.fluency[1]:.2f} after (n-gram entropy, 1/3 H2 + 2/3 H3, "
        "of the words of the edited prompt's greedy continuation of 64 tokens)",
    ]


def _rate(rate: ProbeRate) -> dict[str, Any]:
    """Null where no probe of the kind has an expected answer."""
    return plain(rate) | ({} if rate.n_judged else {"before": None, "after": None})


def _of(part: int, count: int) -> str:
    return f"{part} of {count}" if count else NOT_ASKED
