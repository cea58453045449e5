"""Score runs on disk: results to store and back. No torch, so that a page opens a stored run at once."""

import json
from typing import Final, Literal

import numpy as np

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.records import ScoreMethod, config_digest, digest_of
from goldenlayers_core.results import Floats, LayerScores, Selection
from goldenlayers_core.results.scores.parts import EDIT_AWARE_PARTS, edit_aware_parts
from goldenlayers_core.runtime import RunManifest, Store, now
from goldenlayers_core.tasks.questions import ScoreQuestion

SCORE_VERSION: Final = "lga-1"  # changes when a score would come out differently
EDIT_AWARE_VERSION: Final = "edit-aware-2"  # likewise: also when the rule is calibrated anew


def score_version(method: ScoreMethod) -> str:
    """The version of a scoring method's code."""
    return SCORE_VERSION if method == "lga" else EDIT_AWARE_VERSION


def selected_by(method: ScoreMethod) -> Literal["sum", "mean"]:
    """What decides over the requests: LGA's sum within Tukey fences, or the mean of predicted scores."""
    return "sum" if method == "lga" else "mean"


def save_scores(store: Store, question: ScoreQuestion, scores: LayerScores, selection: Selection) -> str:
    """Store the run under a name made of its content: equal questions on equal models have one run."""
    content = [
        scores.fingerprint,
        scores.request_digests,
        config_digest(question.settings),
        question.selection,
        score_version(question.method),
    ]
    content += [scores.provenance["dtype"], scores.provenance["device"], question.choice.words]
    run_id = f"score-{digest_of(content)[:16]}"
    if not scores.n_computed and any(m.run_id == run_id for m in store.runs()):
        return run_id  # it is there, with what it cost
    name = f"LGA ({scores.scope})" if question.method == "lga" else "Edit-aware analysis"
    manifest = RunManifest(
        run_id=run_id,
        kind="score",
        title=f"{name} of {scores.model} on {scores.dataset}",
        created=now(),
        model=scores.model,
        fingerprint=scores.fingerprint,
        dataset=scores.dataset,
        dataset_digest=digest_of(list(scores.request_digests)),
        n_requests=scores.n_requests,
        config=json.dumps(question.to_params()),
        seconds=scores.seconds,
        provenance=tuple(scores.provenance.items()),
        summary=(
            ("golden layer", str(selection.golden_layer)),
            ("stability", f"{selection.stability:.0%}"),
            ("method", scores.method),
            ("scope", scores.scope),
            ("set aside", ", ".join(map(str, selection.outliers)) or "none"),
            ("computed now", str(scores.n_computed)),
            ("tokens", str(scores.n_tokens)),
            ("skipped", str(len(scores.skipped))),
        ),
        code_version=score_version(question.method),
    )
    texts = {"skipped": json.dumps(scores.skipped)}
    store.save_run(manifest, {"scores": scores.to_frame()}, texts)
    return run_id


def open_scores(store: Store, run_id: str) -> tuple[LayerScores, Selection]:
    """A stored score run. Raises StoreError when it is missing or damaged."""
    run = store.load_run(run_id)
    frame, manifest = run.frames["scores"], run.manifest
    question = ScoreQuestion.from_params(manifest.settings)
    layers = int(frame["layer"].max()) + 1
    firsts = frame.iloc[::layers]

    def stack(name: str) -> Floats:
        column = frame[name].to_numpy(np.float64) if name in frame else np.full(len(frame), np.nan)
        return column.reshape(-1, layers)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(firsts[name].astype(str))

    summary, lga = dict(manifest.summary), question.method == "lga"
    scores = LayerScores(
        method=question.method,
        model=manifest.model,
        fingerprint=manifest.fingerprint,
        dataset=manifest.dataset,
        scope=question.config.scope if lga else "mlp_out",
        old_answer=question.config.old_answer if lga else "dataset",
        case_ids=texts("case_id"),
        request_digests=texts("request"),
        prompts=texts("prompt"),
        targets_old=texts("old_answer"),
        targets_new=texts("new_answer"),
        relations=texts("relation"),
        values=stack("value"),
        norm_old=stack("norm_old"),
        norm_new=stack("norm_new"),
        parts=() if lga else edit_aware_parts({info.name: stack(info.name) for info in EDIT_AWARE_PARTS}),
        skipped=tuple((str(c), str(r)) for c, r in json.loads(run.texts.get("skipped", "[]"))),
        seconds=manifest.seconds,
        n_computed=int(summary.get("computed now", 0)),
        n_tokens=int(summary.get("tokens", 0)),
        provenance=dict(manifest.provenance),
    )
    return scores, select(scores.values, question.selection, selected_by(question.method))
