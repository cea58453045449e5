"""What the columns of the tables mean, with their units; for the README beside them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from goldenlayers_core.results import METRICS

_SHARE: Final = "share, 0 to 1"
_UNIT: Final = "nats² per squared unit of weight"
_MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "after": "greedy answer with the edit",
        "answer": "greedy answer after the edit",
        "answer_after": "greedy answer with the edits",
        "answer_before": "greedy answer without the edits",
        "before": "without the edit: the greedy answer, or the metric's mean",
        "best_layer": "layer (0 is the first) with the request's largest layer score",
        "best_share": f"requests for which the layer is among the best; {_SHARE}",
        "case_id": "the dataset's own name of the request",
        "compared_with": "what before, and the answer that locality wishes, is of",
        "cosine": "cosine of the two loss gradients, -1 to 1",
        "edit_id": "digest that names the edit",
        "definition": "how it is computed, and which layer it picks",
        "divergence_nats": "KL divergence of the next-token distribution, without the edit from with it, in nats",
        "edits": "number of edits laid over the model",
        "estimate": "the estimate's number of the layer, in its own unit",
        "estimate_rank": "rank by the estimate; 1 is the best",
        "expected": "answers that count as right",
        "fences": "Tukey fences with quartiles by interpolation (linear) or midpoint, or none: no layer is set aside",
        "feasible": f"predicted: the rewrite can be made at the layer; {_SHARE}",
        "found_on": "requests that the golden layer was found on",
        "golden_layer": "layer (0 is the first)",
        "good": "probes as wished",
        "greedy answer": "what the model says, greedily",
        "harm": f"predicted harm to locality probes; {_SHARE}",
        "high": "upper end of the 95 % bootstrap interval",
        "indirect_effect": "probability of the answer restored minus corrupted, -1 to 1",
        "judged_on": "requests that it is judged on",
        "kept": "whether the layer stays in the race",
        "kind": "kind of probe or prompt",
        "layer": "0 is the first block after the embedding",
        "loss_on": "what LGA's loss is on: every token of prompt and answer but the first, or the answer's tokens",
        "level": "whether the layer cannot be told apart from the best by real edits (it among them)",
        "low": "lower end of the 95 % bootstrap interval",
        "mean": "mean over requests, in the metric's unit",
        "mean_score": f"mean score of real edits; {_SHARE}",
        "damage": "nats per token by which the edit is predicted to move the model on text of its own",
        "mean_abs_new": "mean over the weights of the absolute gradient of the new answer's loss (on the answer), "
        "nats per unit of weight",
        "measured_under": "what lay over the model when the probes were asked",
        "measured": "whether edits were measured at the layer",
        "metric": "what was measured",
        "name": "the dataset's own word for the probe",
        "new answer": "what the edit should make it say",
        "new_answer": "what an edit should make the model say",
        "named_by": "what names the layer",
        "norm": "Frobenius norm of the change over that of the matrices changed",
        "norm_new": "norm of the loss gradient of the new answer, nats per unit of weight",
        "norm_old": "norm of the loss gradient of the old answer, nats per unit of weight",
        "old_answer": "what it says, or should say, before an edit",
        "only_best_share": f"requests for which the layer is the only best one; {_SHARE}",
        "over_tokens": "whether a loss is the mean over its tokens, or their sum",
        "p_after": "probability of token_after with the edits",
        "p_before": "probability of token_before without the edits",
        "p_new_after": "probability of the whole new answer with the edit",
        "p_new_before": "probability of the whole new answer without the edit",
        "p_true_after": "probability of the whole old answer with the edit",
        "p_true_before": "probability of the whole old answer without the edit",
        "perplexity": "exp of the mean negative log-likelihood (nats per token) of a fixed text",
        "pick_share": f"bootstrap resamples that pick the layer; {_SHARE}",
        "position": "where in the prompt",
        "predicted_covariance": "covariance setting of the edits that are predicted; empty: none are",
        "probability": "probability of the token, 0 to 1",
        "probes": "number of probes",
        "prompt": "the beginning of a sentence that the answer completes",
        "rank": "1 is the best, or the likeliest",
        "real_rank": "rank by real edits; 1 is the best",
        "real_score": f"mean score of real edits; {_SHARE}",
        "regret": "mean over requests of (score at the request's best layer minus score at this one)",
        "regret_high": "upper end of the regret's 95 % bootstrap interval",
        "regret_low": "lower end of the regret's 95 % bootstrap interval",
        "relation": "the dataset's kind of fact",
        "request": "digest that names the request on every machine",
        "requests": "number of requests",
        "round": "round of the search, from 1",
        "run": "id of the run it comes from",
        "said": "greedy answer after the edit",
        "scope": "which weights LGA compares: mlp, mlp_out, attention or block",
        "score": f"score of an edit, mean over kinds of probe, {_SHARE}; of LGA the sum S, {_UNIT}",
        "score_high": "upper end of the score's 95 % bootstrap interval",
        "score_low": "lower end of the score's 95 % bootstrap interval",
        "seconds": "time it took, s",
        "set_aside": "outside the Tukey fences",
        "share_requests": "whether the two sets have requests in common",
        "source": "where the number comes from",
        "spread": f"predicted: rephrases follow; {_SHARE}",
        "subject": "what the fact is about",
        "success": "as wished, by the rules of docs/judging.md",
        "target_new": "what the edit should make it say",
        "target_true": "what was true before",
        "title": "the way in words",
        "token": "token of the model's vocabulary",
        "token_after": "likeliest next token with the edits",
        "token_before": "likeliest next token without the edits",
        "took": "the prompt is answered with the new target",
        "value": f"layer score: of LGA the inner product of two loss gradients, {_UNIT}; of the edit-aware analysis a "
        f"predicted score, {_SHARE}",
        "way": "way to choose a layer",
        "when": "without the edit (before) or with it (after)",
        "written_on": "the answer begins with the expected one and goes on as a longer word",
        **{metric.name: f"{metric.definition} Unit: {metric.unit}." for metric in METRICS},
    }
)


def meaning(column: str) -> str:
    """What a column holds, with its unit; "" for one that no table of this package has."""
    if column in _MEANINGS:
        return _MEANINGS[column]
    if column.startswith("P("):
        return "probability of the whole answer in brackets, the product over its tokens"
    if column.endswith((" best_share", "_share")):
        return _MEANINGS["best_share"]
    if column.endswith("_at_own_time"):
        return "the same right after the fact's own edit, under it and those before it"
    return ""


def dictionary(columns: Iterable[str]) -> tuple[str, ...]:
    """One line per known column, by name."""
    return tuple(f"{column}: {meaning(column)}" for column in sorted(set(columns)) if meaning(column))
