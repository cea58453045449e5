"""Score runs on disk: results to store and back. No torch, so that a page opens a stored run at once."""

import json
from typing import Final, Literal

import numpy as np
import pandas as pd

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import ScoreMethod, config_digest, digest_of
from goldenlayers_core.results import Floats, LayerScores, Selection
from goldenlayers_core.results.scores.parts import EDIT_AWARE_PARTS, METHOD_WORDS, edit_aware_parts
from goldenlayers_core.results.scores.readings import LOSS_WORDS, Reading, readings_frame, readings_from
from goldenlayers_core.runtime import Store, StoredRun
from goldenlayers_core.tasks.manifest import is_stored, manifest_of
from goldenlayers_core.tasks.questions import ScoreQuestion

SCORE_VERSION: Final = "lga-1"  # changes when a score would come out differently
EDIT_AWARE_VERSION: Final = "edit-aware-3"  # likewise: also when the rule is calibrated anew
LINE_CHECK_VERSION: Final = "line-check-1"
DAMAGE_VERSION: Final = "damage-1"
_VERSIONS: Final = {
    "lga": SCORE_VERSION,
    "edit-aware": EDIT_AWARE_VERSION,
    "line-check": LINE_CHECK_VERSION,
    "damage": DAMAGE_VERSION,
}


def score_version(method: ScoreMethod) -> str:
    """The version of a scoring method's code."""
    return _VERSIONS[method]


def selected_by(method: ScoreMethod) -> Literal["sum", "mean"]:
    """What decides over the requests: LGA's sum within Tukey fences, or the mean of predicted scores."""
    return "sum" if method == "lga" else "mean"


def save_scores(store: Store, question: ScoreQuestion, scores: LayerScores, selection: Selection) -> str:
    """Store the run under a name made of its content: equal questions on equal models have one run."""
    version = score_version(question.method)
    content = [
        scores.fingerprint,
        scores.request_digests,
        config_digest(question.settings),
        question.selection,
        version,
    ]
    content += [scores.covariance] if scores.covariance else []
    content += [scores.provenance["dtype"], scores.provenance["device"], question.choice.words]
    run_id = f"score-{digest_of(content)[:16]}"
    if is_stored(store, run_id, scores):
        return run_id
    lga = question.method == "lga"
    name = f"LGA ({scores.scope}, {LOSS_WORDS[scores.loss_on]})" if lga else METHOD_WORDS[question.method].capitalize()
    name += " for edits with a key covariance" if scores.covariance else ""
    summary = (
        ("golden layer", str(selection.golden_layer)),
        ("stability", f"{selection.stability:.0%}"),
        ("method", scores.method),
        ("scope", scores.scope),
        ("set aside", ", ".join(map(str, selection.outliers)) or "none"),
        ("tokens", str(scores.n_tokens)),
    )
    title = f"{name} of {scores.model} on {scores.dataset}"
    manifest = manifest_of(run_id, title, question, scores, summary, version)
    frames = {"scores": scores.to_frame()}
    if scores.readings:
        frames["readings"] = readings_frame(scores.readings, scores.request_digests)
    if scores.other_scopes:
        frames["scopes"] = pd.concat(
            [readings_frame(r, scores.request_digests).assign(scope=s) for s, r in scores.other_scopes.items()]
        )
    store.save_run(manifest, frames, {"skipped": json.dumps(scores.skipped)})
    return run_id


def other_pick(scores: LayerScores, question: ScoreQuestion) -> tuple[str, Selection] | None:
    """The reading of LGA that was not asked for, and what it chooses; None where a run does not have it."""
    other = scores.other_reading
    return None if other is None else (other.loss_on, select(other.values, question.selection))


def open_scores(store: Store, run_id: str) -> tuple[LayerScores, Selection]:
    """A stored score run. Raises StoreError when it is missing, damaged, or of another kind."""
    return store.read_run(run_id, _scores)


def _scores(run: StoredRun) -> tuple[LayerScores, Selection]:
    if run.manifest.kind != "score":
        raise StoreError(f"The run {run.manifest.run_id} holds no layer scores; choose a run of kind score.")
    frame, manifest = run.frames["scores"], run.manifest
    question = ScoreQuestion.from_params(manifest.settings)
    layers = int(frame["layer"].max()) + 1
    firsts = frame.iloc[::layers]

    def stack(name: str) -> Floats:
        column = frame[name].to_numpy(np.float64) if name in frame else np.full(len(frame), np.nan)
        return column.reshape(-1, layers)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(firsts[name].astype(str))

    summary = dict(manifest.summary)
    scores = LayerScores(
        method=question.method,
        model=manifest.model,
        fingerprint=manifest.fingerprint,
        dataset=manifest.dataset,
        scope=question.scope,
        old_answer=question.old_answer,
        case_ids=texts("case_id"),
        request_digests=texts("request"),
        prompts=texts("prompt"),
        targets_old=texts("old_answer"),
        targets_new=texts("new_answer"),
        relations=texts("relation"),
        subjects=texts("subject") if "subject" in frame else (),
        values=stack("value"),
        norm_old=stack("norm_old"),
        norm_new=stack("norm_new"),
        parts=edit_aware_parts({info.name: stack(info.name) for info in EDIT_AWARE_PARTS}),  # none where it has none
        loss_on=question.loss_on,
        readings=readings_from(run.frames["readings"]) if "readings" in run.frames else (),
        other_scopes=_scopes(run.frames["scopes"]) if "scopes" in run.frames else {},
        mean_abs_new=stack("mean_abs_new") if "mean_abs_new" in frame else None,
        skipped=tuple((str(c), str(r)) for c, r in json.loads(run.texts.get("skipped", "[]"))),
        seconds=manifest.seconds,
        n_computed=int(summary.get("computed now", 0)),
        n_tokens=int(summary.get("tokens", 0)),
        provenance=dict(manifest.provenance),
    )
    return scores, select(scores.values, question.selection, selected_by(question.method))


def _scopes(frame: pd.DataFrame) -> dict[str, tuple[Reading, ...]]:
    return {str(scope): readings_from(rows) for scope, rows in frame.groupby("scope", sort=False)}
