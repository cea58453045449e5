"""Real edits of every request at every layer, measured; and what each number means.

Axes: Q requests, L layers measured, M metrics (the order of `METRICS`).
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results.arrays import Floats, check_shape
from goldenlayers_core.results.truth.measured import MethodUsed, method_used

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of an edit: its column name, its words, and how it is computed."""

    name: str
    title: str
    unit: str  # "share" (0 to 1), "probability", "nats", "bits", "rank", ...
    better: Better
    definition: str  # one or two sentences for the screen


_GREEDY: Final = "real greedy generation, judged by docs/judging.md"
_FORCED: Final = "share of answer tokens that are the likeliest one, given the right tokens before them (as EasyEdit)"

METRICS: Final[tuple[Metric, ...]] = (
    Metric("rewrite", "Rewrite", "share", "higher", f"The prompt is answered with the new target ({_GREEDY})."),
    Metric("rephrase", "Rephrase", "share", "higher", f"Rephrased prompts answered with the new target ({_GREEDY})."),
    Metric(
        "locality",
        "Locality",
        "share",
        "higher",
        f"Prompts about other things answered as before the edit ({_GREEDY}).",
    ),
    Metric(
        "portability",
        "Portability",
        "share",
        "higher",
        f"Consequences of the new fact answered accordingly ({_GREEDY}, any accepted alias).",
    ),
    Metric("rewrite_tokens", "Rewrite, teacher-forced", "share", "higher", f"New target: {_FORCED}."),
    Metric("rephrase_tokens", "Rephrase, teacher-forced", "share", "higher", f"New target: {_FORCED}."),
    Metric("portability_tokens", "Portability, teacher-forced", "share", "higher", f"First alias: {_FORCED}."),
    Metric(
        "locality_tokens",
        "Locality, teacher-forced",
        "share",
        "higher",
        "Share of the expected answer's positions whose likeliest token is the same before and after (as EasyEdit).",
    ),
    Metric(
        "efficacy",
        "Efficacy",
        "share",
        "higher",
        "The new target is likelier than the true one after the prompt, by mean log-probability per token (as ROME).",
    ),
    Metric(
        "paraphrase", "Paraphrase", "share", "higher", "Rephrases where the new target is likelier than the true one."
    ),
    Metric(
        "neighborhood",
        "Neighborhood",
        "share",
        "higher",
        "Locality prompts with an expected answer where that answer is likelier than the new target (as ROME).",
    ),
    Metric("p_new", "P(new)", "probability", "higher", "Product of the new target's token probabilities."),
    Metric("p_true", "P(true)", "probability", "lower", "Product of the true target's token probabilities."),
    Metric("rank_new", "Rank of new", "rank", "lower", "Rank of the new target's first token; 1 is the likeliest."),
    Metric("rank_true", "Rank of true", "rank", "higher", "Rank of the true target's first token; 1 is the likeliest."),
    Metric(
        "locality_kl",
        "Divergence on locality prompts",
        "nats",
        "lower",
        "Mean KL(before || after) of the next token after the locality prompts.",
    ),
    Metric(
        "fluency",
        "Fluency",
        "bits",
        "neither",
        "n-gram entropy of the greedy continuation, 1/3 of bigrams + 2/3 of trigrams; low means repetition.",
    ),
    Metric(
        "drift",
        "Perplexity drift",
        "ratio",
        "lower",
        "Perplexity of a fixed text after the edit divided by the one before; 1 is no harm.",
    ),
    Metric("weight_change", "Weight change", "ratio", "lower", "Frobenius norm of the edit over that of the matrix."),
    Metric("value_change", "Value change", "ratio", "lower", "|delta| over |v0|: how far the value had to move."),
    Metric("loss", "Loss", "nats", "lower", "Loss of the value optimisation at its last forward pass."),
    Metric("steps", "Steps", "count", "neither", "Forward passes of the value optimisation."),
)
PROBE_METRICS: Final = ("rewrite", "rephrase", "locality", "portability")  # the score is their mean
SCORE: Final = (
    "Score = mean of rewrite, rephrase, locality and portability, over the kinds of probe a request has (0 to 1)"
)
TEXTS: Final = (
    "case_ids",
    "request_digests",
    "prompts",
    "subjects",
    "targets_new",
    "targets_true",
    "relations",
)  # (Q,)
_INDEX: Final = tuple(m.name for m in METRICS)


def metric(name: str) -> Metric:
    """The metric of that name. Raises GoldenLayersError with the list of names."""
    if name not in _INDEX:
        raise GoldenLayersError(f"The metric {name!r} is unknown; choose one of {', '.join(_INDEX)}.")
    return METRICS[_INDEX.index(name)]


@dataclass(frozen=True)
class SweepResult:
    """What real edits did, per request and layer. NaN: the request has no such probe, or it was not measured."""

    method: str  # of editing
    model: str
    fingerprint: str
    dataset: str  # the choice in words
    config: str  # JSON of the method's config
    case_ids: tuple[str, ...]
    request_digests: tuple[str, ...]
    prompts: tuple[str, ...]
    subjects: tuple[str, ...]
    targets_new: tuple[str, ...]
    targets_true: tuple[str, ...]
    relations: tuple[str, ...]
    layers: tuple[int, ...]  # measured, shallow first
    n_layers: int  # of the model
    values: Floats
    """(Q, L, M) after the edit; M in the order of METRICS."""
    before: Floats
    """(Q, M) of the unedited model; NaN for what only an edit has."""
    answers: tuple[tuple[str, ...], ...]  # (Q, L) greedy answer to the request's prompt after the edit
    answers_before: tuple[str, ...]  # (Q,)
    texts: tuple[tuple[str, ...], ...] = ()  # (Q, L) JSON: what was said to each probe, as far as it was written
    texts_before: tuple[str, ...] = ()  # (Q,) the same of the unedited model; both empty where they were not kept
    skipped: tuple[tuple[str, str], ...] = ()  # (case_id, reason)
    seconds: float = 0.0  # spent now (0 for what came from the store)
    n_computed: int = 0  # (request, layer) pairs computed now
    seconds_per_edit: float = float("nan")  # mean over every pair, as measured when it was computed
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.case_ids), len(self.layers), len(METRICS))
        check_shape("values", self.values, shape)
        check_shape("before", self.before, (shape[0], shape[2]))

    @property
    def used(self) -> MethodUsed:
        """The method with its covariance setting."""
        return method_used(self.method, json.loads(self.config or "{}"))

    @property
    def n_requests(self) -> int:
        return len(self.case_ids)

    def of(self, name: str) -> Floats:
        """(Q, L) one metric after the edit. Raises GoldenLayersError for an unknown name."""
        metric(name)
        return self.values[:, :, _INDEX.index(name)]

    def before_of(self, name: str) -> Floats:
        """(Q,) one metric of the unedited model. Raises GoldenLayersError for an unknown name."""
        metric(name)
        return self.before[:, _INDEX.index(name)]

    @property
    def score(self) -> Floats:
        """(Q, L) mean of rewrite, rephrase, locality and portability over the kinds of probe the request has."""
        kinds = np.stack([self.of(name) for name in PROBE_METRICS])  # (4, Q, L)
        measured = ~np.isnan(kinds)
        total: Floats = np.where(measured, kinds, 0.0).sum(axis=0)
        mean: Floats = total / np.maximum(measured.sum(axis=0), 1)
        return mean

    @property
    def harmonic(self) -> Floats:
        """(L,) ROME's S: harmonic mean of the mean efficacy, paraphrase and neighborhood; NaN where one is missing."""
        means = np.stack([_mean(self.of(name)) for name in ("efficacy", "paraphrase", "neighborhood")])  # (3, L)
        with np.errstate(divide="ignore"):
            found: Floats = np.where((means == 0).any(axis=0), 0.0, 3.0 / (1.0 / means).sum(axis=0))
        return found

    def mean(self, name: str) -> Floats:
        """(L,) mean over the requests that have the metric; NaN where none has. "score" is allowed too."""
        return _mean(self.score if name == "score" else self.of(name))

    @property
    def golden_layer(self) -> int:
        """The layer with the highest mean score; ties (to nine decimals) go to the shallower one."""
        return self.layers[int(self.mean("score").round(9).argmax())]

    def only(self, rows: NDArray[np.intp]) -> "SweepResult":
        """The same sweep with some of its requests."""
        kept = ("texts", "texts_before") if self.texts else ()
        names = (*TEXTS, "answers", "answers_before", *kept)
        texts: dict[str, Any] = {name: tuple(getattr(self, name)[r] for r in rows) for name in names}
        return dataclasses.replace(self, values=self.values[rows], before=self.before[rows], **texts)

    def to_frame(self) -> pd.DataFrame:
        """One row per (request, layer): case_id, prompt, layer, score, every metric, the answer after the edit."""
        queries, layers = len(self.case_ids), len(self.layers)
        repeat = np.repeat(np.arange(queries), layers)
        columns: dict[str, object] = {
            name: [items[q] for q in repeat]
            for name, items in (
                ("case_id", self.case_ids),
                ("request", self.request_digests),
                ("relation", self.relations),
                ("prompt", self.prompts),
                ("target_new", self.targets_new),
            )
        }
        columns["layer"] = np.tile(np.asarray(self.layers), queries)
        columns["score"] = self.score.ravel()
        columns |= {m.name: self.values[:, :, i].ravel() for i, m in enumerate(METRICS)}
        columns["answer"] = [answer for row in self.answers for answer in row]
        return pd.DataFrame(columns)


def _mean(values: Floats) -> Floats:
    """(L,) mean of (Q, L) over what is not NaN; NaN where nothing is."""
    count = (~np.isnan(values)).sum(axis=0)
    total = np.nansum(values, axis=0)
    found: Floats = np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)
    return found
