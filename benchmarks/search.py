"""The budgeted search raced over scores that were measured: how far behind the golden layer it ends, by share of edits.

    python -m benchmarks.search --edits FOLDER_OR_FILE [--part proxy] [--seeds 20] [--least 4]
                                [--priors FILE.json] [--estimate [--data FOLDER]]

No model is needed: the edits are those of `benchmarks.edits`, read from its Parquet files, and a race is told their
scores in place of making them. One table per model, dataset and way of editing; behind = mean score of that pool's
golden layer minus that of the layer the race ended with, mean over seeds. Four races: without an estimate, with
edit-aware analysis, with that reversed, and with "the earlier the better". `--estimate` computes edit-aware analysis of
the pools once (with their models) and keeps it in `--priors`; without it, "the earlier the better" stands in for it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.edits import DATA, source_of
from goldenlayers_core.attribution.search import FIRST, Race, thinned
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.results import Floats, spearman
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.scores.layer_scores import layer_scores

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Pool:
    """Measured scores of some requests at every layer."""

    model: str
    data: str
    way: str
    scores: Floats
    """(Q, L)"""
    layers: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.model}, {self.data}, {self.way}"


def pools(place: Path, part: str, least: int) -> Iterator[Pool]:
    """Every complete table of enough requests."""
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    rows = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    for (model, data, way), table in rows[rows["part"] == part].groupby(["model", "data", "way"], sort=True):
        wide = table.pivot_table(index="position", columns="layer", values="score", observed=True).dropna()
        if len(wide) >= least:
            layers = tuple(int(layer) for layer in wide.columns)
            yield Pool(str(model), str(data), str(way), wide.to_numpy(np.float64), layers)


def raced(pool: Pool, share: float, prior: Floats | None, seed: int) -> tuple[float, float, int]:
    """(behind the golden layer, confidence, edits) of one race with a share of the pool's edits."""
    budget, spent = share * pool.scores.size, 0
    first = FIRST if budget >= 4 * FIRST * len(pool.layers) else 1  # as in tasks.truth.search
    race = Race(len(pool.scores), pool.layers, prior, seed, first)
    while not race.over and spent < budget:
        asked, among = race.ask((budget - spent) / race.rounds_left)
        columns = [pool.layers.index(layer) for layer in among]
        seen = pool.scores[np.ix_(asked, columns)].copy()
        afforded = thinned(among, (budget - spent) / len(asked))
        seen[:, [layer not in afforded for layer in among]] = np.nan
        race.tell(seen)
        spent += int((~np.isnan(seen)).sum())
    means = pool.scores.mean(axis=0)
    found = race.golden_layer
    return float(means.max() - means[pool.layers.index(found)]), race.confidence()[found], spent


def estimates(names: set[tuple[str, str]], part: str, number: int, folder: str | None) -> dict[str, list[float]]:
    """Edit-aware analysis of the first few requests of each (model, data)."""
    bench, found = open_workbench(), {}
    for model, name in sorted(names):
        data = next(each for each in DATA if each.name == name)
        source = str(Path(folder or "") / data.source) if data.source.endswith(".json") else data.source
        choice = DatasetChoice(source, part, number, data.known, data.name)  # type: ignore[arg-type]
        try:
            scores, _ = layer_scores(bench, ScoreQuestion(source_of(model), choice, method="edit-aware"), Progress())
        except GoldenLayersError as error:
            print(f"{model}, {name}: no estimate ({error})", file=sys.stderr)
            continue
        found[f"{model}, {name}"] = scores.values.mean(axis=0).tolist()
    return found


def priors(pool: Pool, known: dict[str, list[float]]) -> dict[str, Floats | None]:
    """What a race of the pool begins with, by its name in the table."""
    early = -np.arange(len(pool.layers), dtype=np.float64)
    made = known.get(f"{pool.model}, {pool.data}")
    if made is None:
        return {"none": None, "the earlier the better": early, "the deeper the better": -early}
    aware = np.array(made)[list(pool.layers)]
    return {"none": None, "edit-aware": aware, "edit-aware, reversed": -aware, "the earlier the better": early}


def lines(pool: Pool, known: dict[str, list[float]], seeds: int) -> Iterator[str]:
    """A table of one pool, in Markdown."""
    means = pool.scores.mean(axis=0)
    golden = pool.layers[int(means.round(9).argmax())]
    yield f"### {pool.name}: {len(pool.scores)} requests at {len(pool.layers)} layers, golden layer {golden}"
    yield ""
    yield (
        "| begins with | Spearman | " + " | ".join(f"{share:.0%} of the edits" for share in SHARES) + " | confidence |"
    )
    yield "|---" * (len(SHARES) + 3) + "|"
    for name, prior in priors(pool, known).items():
        rank = None if prior is None else spearman(prior, means)
        row, sure = [], []
        for share in SHARES:
            ends = [raced(pool, share, prior, seed) for seed in range(seeds)]
            row.append(f"{np.mean([end[0] for end in ends]):.3f}")
            sure.append(float(np.mean([end[1] for end in ends])))
        yield (
            f"| {name} | {'-' if rank is None else f'{rank:.2f}'} | " + " | ".join(row) + f" | {sure[1]:.0%} at 10 % |"
        )
    unseen = f"{(means.max() - means).mean():.3f}"
    yield f"| any layer, unseen | - | {' | '.join([unseen] * len(SHARES))} | - |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", required=True, help="folder of Parquet files, or one such file")
    parser.add_argument("--part", choices=("proxy", "test"), default="proxy")
    parser.add_argument("--least", type=int, default=4, help="no pool of fewer requests")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--priors", help="JSON file of edit-aware analysis, by model and dataset")
    parser.add_argument("--estimate", action="store_true", help="compute it, and keep it in --priors")
    parser.add_argument("--requests", type=int, default=8, help="that it is computed of")
    parser.add_argument("--data", help="folder with the public benchmark files")
    options = parser.parse_args()
    found = list(pools(Path(options.edits), options.part, options.least))
    known: dict[str, list[float]] = {}
    if options.estimate:
        known = estimates({(pool.model, pool.data) for pool in found}, options.part, options.requests, options.data)
        if options.priors:
            Path(options.priors).write_text(json.dumps(known))
    elif options.priors:
        known = json.loads(Path(options.priors).read_text())
    for pool in found:
        for line in lines(pool, known, options.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
