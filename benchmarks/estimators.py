"""Every estimate of the best layer on the requests of a data set, as a table beside that of the real edits.

    python -m benchmarks.estimators --data FOLDER --part proxy|test [--models bundled,gemma,classroom]
                                    [--only NAME,NAME] [--limit 16] [--covariance] [--out FOLDER]

One row per estimate, request and layer, numbers and digests only: LGA in both readings and the norm of the new
answer's gradient, edit-aware analysis and the line check with a prediction per metric, the damage to general text,
and the causal trace. `--covariance` adds edit-aware analysis, damage and line check of edits that are written with a
key covariance. Requests are those of `benchmarks.edits`, without the ones whose estimates, of either kind, the
repository's table holds (--anew: with them); what the store has (GOLDENLAYERS_CACHE) is read, and its seconds are then
0. The tables of a folder are added to the repository's by

    python -m benchmarks.estimators --gather FOLDER
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.edits import DATA, LARGE, LARGEST, MODELS, Data, asked, say, short, source_of
from benchmarks.evidence.tables import COVARIANCE, DAMAGE, EDIT_AWARE, LINE_CHECK
from benchmarks.gather import together, with_categories
from goldenlayers_core.errors import DatasetError, GoldenLayersError
from goldenlayers_core.records import (
    Dataset,
    LgaConfig,
    ModelSource,
    TraceConfig,
)
from goldenlayers_core.results import Floats, LayerScores
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.questions import TraceQuestion
from goldenlayers_core.tasks.scores.layer_scores import layer_scores
from goldenlayers_core.tasks.scores.predicting import estimate_question
from goldenlayers_core.tasks.scores.trace import trace_result

TABLE = Path(__file__).parent / "evidence" / "estimates.parquet"  # the repository's
METRICS = {"rewrite": "feasible", "rephrase": "spread", "locality": "harm", "portability": "portability"}
Found = tuple[str, tuple[str, ...], Floats, float]  # name, digests (Q,), values (Q, L), seconds per request
Made = Callable[[Workbench, ModelSource, DatasetChoice], Iterator[Found]]


def choice_of(data: Data, part: str, n: int, folder: str | None) -> DatasetChoice:
    """The first n requests of a part, as `benchmarks.edits` takes them. Raises GoldenLayersError without a folder."""
    source = data.source
    if source.endswith(".json"):
        if folder is None:
            raise GoldenLayersError(f"{data.name} is in a file; give its folder with --data.")
        source = str(Path(folder) / source)
    return DatasetChoice(source, part, n, data.known, data.name)  # type: ignore[arg-type]


def lga(bench: Workbench, model: ModelSource, choice: DatasetChoice) -> Iterator[Found]:
    """Both readings, and the new answer's gradient norm; the model's own answer where the data has no old one."""
    scores: LayerScores | None = None
    for old in ("dataset", "model"):
        try:
            scores, _ = layer_scores(bench, ScoreQuestion(model, choice, LgaConfig(old_answer=old)), Progress())  # type: ignore[arg-type]
            break
        except GoldenLayersError as error:
            say(f"  LGA with the {old}'s answers: {error}")
    if scores is None:
        return
    seconds = scores.seconds / max(1, scores.n_computed)
    for reading in scores.readings:
        yield f"LGA, {reading.loss_on}", scores.request_digests, reading.values, seconds
        if reading.loss_on == "answer":
            yield "gradient norm", scores.request_digests, reading.norm_new, seconds
            yield "LGA reversed, answer", scores.request_digests, -reading.values, seconds


def predicted(bench: Workbench, model: ModelSource, choice: DatasetChoice) -> Iterator[Found]:
    """Edit-aware analysis and the line check: the score, and what is predicted of each metric."""
    for name, method in ((EDIT_AWARE, "edit-aware"), (LINE_CHECK, "line-check")):
        scores, _ = layer_scores(bench, ScoreQuestion(model, choice, method=method), Progress())  # type: ignore[arg-type]
        seconds = scores.seconds / max(1, scores.n_computed)
        yield name, scores.request_digests, scores.values, seconds
        parts = {part.name: part.values for part in scores.parts}
        for metric, part in METRICS.items():
            if part in parts:
                yield f"{name}: {metric}", scores.request_digests, parts[part] * (-1 if part == "harm" else 1), seconds


def with_covariance(bench: Workbench, model: ModelSource, choice: DatasetChoice) -> Iterator[Found]:
    """The same for edits that are written with the covariance of the model's own samples."""
    for name, method in ((EDIT_AWARE, "edit-aware"), (DAMAGE, "damage"), (LINE_CHECK, "line-check")):
        scores, _ = layer_scores(bench, estimate_question(model, choice, method, "samples"), Progress())  # type: ignore[arg-type]
        yield f"{name}{COVARIANCE}", scores.request_digests, scores.values, float("nan")


def damage(bench: Workbench, model: ModelSource, choice: DatasetChoice) -> Iterator[Found]:
    """Minus the logarithm of the nats per token that the predicted edit costs on general text."""
    scores, _ = layer_scores(bench, ScoreQuestion(model, choice, method="damage"), Progress())
    yield DAMAGE, scores.request_digests, scores.values, scores.seconds / max(1, scores.n_computed)


def trace(bench: Workbench, model: ModelSource, choice: DatasetChoice) -> Iterator[Found]:
    """The effect of restoring the MLPs around each layer at the subject's last token."""
    result, _ = trace_result(bench, TraceQuestion(model, choice, TraceConfig(positions="subject")), Progress())
    yield "causal trace", result.request_digests, result.at_subject, result.seconds / max(1, result.n_computed)


def table(found: Iterator[Found], model: str, fingerprint: str, data: Data, part: str) -> pd.DataFrame:
    """One row per estimate, request and layer."""
    frames = []
    for name, digests, values, seconds in found:
        have = ~np.isnan(values).all(axis=1)  # a request may have no probe of a metric
        values, digests = values[have], tuple(digest for digest, kept in zip(digests, have, strict=True) if kept)
        n, layers = values.shape
        columns = {
            "model": model,
            "fingerprint": fingerprint,
            "data": data.name,
            "part": part,
            "estimate": name,
            "request": np.repeat([digest[:16] for digest in digests], layers),
            "layer": np.tile(np.arange(layers, dtype=np.int16), n),
            "value": values.ravel().astype(np.float64),
            "seconds": np.float32(seconds),
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def everything(bench: Workbench, model: ModelSource, choice: DatasetChoice, ways: Iterable[Made]) -> Iterator[Found]:
    """Every estimate that can be made; the others are named."""
    for way in ways:
        try:
            yield from way(bench, model, choice)
        except GoldenLayersError as error:
            say(f"  {way.__name__}: {error}")


class Lacking(Workbench):
    """A workbench that leaves requests out of what is chosen, by their digests as in the table."""

    digests: frozenset[str] = frozenset()

    def requests(self, choice: DatasetChoice, model: ModelSource, progress: Progress | None = None) -> Dataset:
        """What is left. Raises DatasetError where nothing is."""
        found = super().requests(choice, model, progress)
        left = [request for request in found.requests if short(request.digest) not in self.digests]
        if not left:
            raise DatasetError(f"No request of {choice.words} is left: the table holds them all.")
        return found.subset(left)


def without(bench: Workbench, digests: frozenset[str]) -> Workbench:
    """The same workbench, its models in memory and its store, without some requests."""
    made = Lacking.__new__(Lacking)
    made.__dict__ |= vars(bench)
    made.digests = digests
    return made


def held(table: pd.DataFrame, fingerprint: str, data: str, part: str, covariance: bool = False) -> frozenset[str]:
    """The requests of which a table holds estimates: those for edits with a covariance, or all the others."""
    of = (table["fingerprint"] == fingerprint) & (table["data"] == data) & (table["part"] == part)
    names = table["estimate"].astype(str)
    return frozenset(table["request"][of & (names.str.endswith(COVARIANCE) == covariance)].astype(str))


def gather(folder: Path, file: Path = TABLE) -> pd.DataFrame:
    """Every estimate of the file and of a folder's tables, each once; of the same one the newest."""
    files = [file, *sorted(folder.glob("estimates-*.parquet"), key=lambda one: one.stat().st_mtime_ns)]
    order = ["model", "data", "part", "estimate", "request", "layer"]
    table = together([pd.read_parquet(one) for one in files], ["fingerprint", *order[1:]], order)
    return with_categories(table.astype({"value": "float32"}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder with the public benchmark files")
    parser.add_argument("--part", choices=("proxy", "test"), default="proxy")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--only", default="", help="names of data sets, by commas; all by default")
    parser.add_argument("--limit", type=int, default=0, help="requests; as many as benchmarks.edits takes by default")
    parser.add_argument("--covariance", action="store_true")
    parser.add_argument("--anew", action="store_true", help="also what the repository's table holds")
    parser.add_argument("--gather", type=Path, help="add the tables of a folder to the repository's")
    parser.add_argument("--out", default="evidence-edits")
    options = parser.parse_args()
    if options.gather:
        gather(options.gather).to_parquet(TABLE, index=False, compression="zstd")
        return
    out, bench, have = Path(options.out), open_workbench(), pd.read_parquet(TABLE)
    out.mkdir(parents=True, exist_ok=True)
    if options.anew:  # as if the table held nothing
        have = have[:0]
    kinds: dict[bool, tuple[Made, ...]] = {False: (lga, predicted, damage, trace)}
    if options.covariance:
        kinds[True] = (with_covariance,)
    for data in DATA:
        if options.only and data.name not in options.only.split(","):
            continue
        for name in options.models.split(","):
            if not asked(name, data):
                continue
            model = source_of(name)
            n = options.limit or LARGEST[options.part].get(data.name, LARGE[options.part])
            say(f"{name}, {data.name} ({options.part}): {n} requests")
            choice = choice_of(data, options.part, n, options.data)
            fingerprint = bench.model(model).fingerprint
            found: list[Found] = []
            for covariance, ways in kinds.items():
                done = held(have, fingerprint, data.name, options.part, covariance)
                found += everything(without(bench, done), model, choice, ways)
            if not found:
                continue
            made = table(iter(found), name, fingerprint, data, options.part)
            made.to_parquet(out / f"estimates-{name}-{data.name}-{options.part}.parquet", index=False)


if __name__ == "__main__":
    main()
