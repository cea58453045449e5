"""The paper's protocol: choose a layer on a small proxy part of each dataset, judge it by real edits on the rest.

    python -m benchmarks.paper [--data FOLDER] [--proxy 32] [--test 24] [--methods rome,r-rome] [--model bundled]
                               [--markdown FILE] [--json FILE] [--plots FOLDER]

Layers are chosen by LGA, edit-aware analysis, causal tracing and the sweep on the proxy part, by the literature and by
the middle; every test request is edited at every layer, so that each choice has a regret against the request's own best
layer. `--data` adds the public benchmark files found in a folder. Every edit is kept in the store (GOLDENLAYERS_CACHE),
so that the run can be stopped and goes on where it was. With `--model` the same runs on GPT-2 XL, Llama-2-7B or
Gemma-3-12B where a GPU and the weights are; give `--proxy` and `--test` larger numbers there.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from goldenlayers_core.attribution.regret import losses, regret
from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.figures import layer_card, metric_curves, to_png
from goldenlayers_core.records import LgaConfig, ModelSource, TraceConfig
from goldenlayers_core.results import PROBE_METRICS, WAYS, Floats, LayerCard, Pick, SweepResult, Way, spearman
from goldenlayers_core.results.bootstrap import resampled_means
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, TraceQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.scores.layer_scores import layer_scores
from goldenlayers_core.tasks.scores.trace import trace_result
from goldenlayers_core.tasks.truth.judgement import curve
from goldenlayers_core.tasks.truth.sweep import sweep_result

FILES = (
    "counterfact.json",
    "zsre_mend_eval.json",
    "knowedit_zsre_test_all.json",
    "knowedit_wiki_counterfact_test_cf.json",
    "knowedit_wiki_recent_test_first_alias.json",
    "knowedit_wikibio_test_all.json",
)
RESAMPLES = 2000
NAMES: dict[str, str] = {
    "sweep": "sweep of the proxy",
    "edit_aware": "edit-aware analysis",
    "lga": "LGA",
    "causal_trace": "causal trace",
    "literature_default": "literature's default",
    "middle": "middle layer",
}


@dataclass(frozen=True)
class Choice:
    """One way to choose a layer, and what it cost."""

    way: str
    layer: int | None
    seconds: float | None
    means: Floats | None = None  # (L,) its mean score per layer, where it has one


@dataclass(frozen=True)
class Setting:
    """One dataset with its proxy and test part."""

    name: str
    dataset: str
    n_proxy: int
    n_test: int
    known: bool

    def choice(self, split: str) -> DatasetChoice:
        limit = self.n_proxy if split == "proxy" else self.n_test
        return DatasetChoice(self.dataset, split, limit, self.known, self.name)  # type: ignore[arg-type]


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def quiet() -> Progress:
    last = [0.0]

    def report(done: int, total: int, note: str) -> None:
        if time.monotonic() - last[0] > 60:
            last[0] = time.monotonic()
            say(f"  {note}: {done} of {total}")

    return Progress(report)


def settings(options: argparse.Namespace) -> Iterator[Setting]:
    """The bundled datasets, with facts the model knows; then the files at hand."""
    yield Setting("bundled", "bundled", options.proxy, options.test, True)
    yield Setting("bundled-hard", "bundled-hard", options.small_proxy, options.small_test, True)
    if options.data:
        for file in FILES:
            path = Path(options.data) / file
            if path.is_file():  # facts that a small model mostly does not know are edited too: few would be left
                few = 2 if "wikibio" in file else 1  # its targets are sentences
                yield Setting(path.stem, str(path), options.small_proxy // few, options.small_test // few, False)


def swept(bench: Workbench, model: ModelSource, choice: DatasetChoice, method: str) -> SweepResult:
    return sweep_result(bench, SweepQuestion(model, choice, method), quiet())


def choices(bench: Workbench, model: ModelSource, setting: Setting, proxy: SweepResult, seconds: float) -> list[Choice]:
    """Every way's layer from the proxy part."""
    handle, choice = bench.model(model), setting.choice("proxy")
    found: list[Choice] = []
    for method, way in (("lga", "LGA"), ("edit-aware", "edit-aware analysis")):
        for old in ("dataset", "model"):  # the model's own answer where the dataset gives none
            try:
                asked = ScoreQuestion(model, choice, LgaConfig(old_answer=old, loss_on="answer"), method=method)  # type: ignore[arg-type]
                scores, selection = layer_scores(bench, asked, quiet())
                found.append(Choice(way, selection.golden_layer, scores.seconds, scores.values.mean(axis=0)))
                break
            except GoldenLayersError as error:
                say(f"  {way}: {error}")
        else:
            found.append(Choice(way, None, None))
    try:
        trace, _ = trace_result(bench, TraceQuestion(model, choice, TraceConfig(positions="subject")), quiet())
        found.append(Choice("causal trace", trace.golden_layer, trace.seconds, trace.at_subject.mean(axis=0)))
    except GoldenLayersError as error:
        say(f"  causal trace: {error}")
        found.append(Choice("causal trace", None, None))
    found.append(Choice("sweep of the proxy", proxy.golden_layer, seconds, proxy.mean("score")))
    found.append(Choice("literature's default", handle.architecture.literature_layer, 0.0))
    found.append(Choice("middle layer", handle.n_layers // 2, 0.0))
    return found


def judged(test: SweepResult, made: list[Choice]) -> list[dict[str, object]]:
    """One row per way, the test part's own golden layer and the oracle, by real edits of the test part."""
    scores = test.score
    own = Choice("best fixed layer of the test part", test.golden_layer, None)
    rows = [_row(test, scores, one) for one in (*made, own)]
    best = scores.argmax(axis=1)
    at = np.arange(len(scores))
    row: dict[str, object] = {"way": "oracle (best layer of each request)", "layer": None, "regret": 0.0}
    row |= {name: _nanmean(test.of(name)[at, best]) for name in PROBE_METRICS} | {"score": float(scores.max(1).mean())}
    return [*rows, row]


def _row(test: SweepResult, scores: Floats, one: Choice) -> dict[str, object]:
    row: dict[str, object] = {"way": one.way, "layer": one.layer, "seconds": one.seconds}
    if one.means is not None and len(one.means) == len(test.layers):
        row["spearman"] = float(spearman(one.means, test.mean("score")))
    if one.layer is None or one.layer not in test.layers:
        return row
    found = regret(scores, test.layers, one.layer, RESAMPLES)
    assert found is not None
    column = test.layers.index(one.layer)
    row |= {name: _nanmean(test.of(name)[:, column]) for name in PROBE_METRICS}
    row |= {"score": found.score, "regret": found.mean, "low": found.low, "high": found.high}
    behind = scores[:, [test.layers.index(test.golden_layer)]] - scores[:, [column]]
    low, high = np.quantile(resampled_means(behind, RESAMPLES, 0)[:, 0], (0.025, 0.975))
    return row | {"behind": float(behind.mean()), "behind_low": float(low), "behind_high": float(high)}


def plots(folder: Path, bench: Workbench, model: ModelSource, test: SweepResult, made: list[Choice]) -> None:
    """The layer card and the metric curves of the test part as PNG."""
    handle, named = bench.model(model), {one.way: one for one in made}
    picks = tuple(_pick(test, way, named.get(NAMES.get(way, ""))) for way in WAYS)
    best = float(test.score.max(axis=1).mean())
    facts = (test.model, test.fingerprint, test.method, test.dataset, test.n_requests, handle.n_layers)
    card = LayerCard(*facts, best, picks, "", RESAMPLES)
    about = f"{test.method} on {test.n_requests} requests of {test.dataset}, {test.model}"
    curves = [curve(test, name) for name in (*PROBE_METRICS, "score")]
    shown = {
        "card": layer_card(card, curve(test, "score")),
        "metrics": metric_curves(curves, test.golden_layer, about),
    }
    for name, figure in shown.items():
        (folder / f"evidence-{name}.png").write_bytes(to_png(figure))


def _pick(test: SweepResult, way: Way, one: Choice | None) -> Pick:
    if one is None or one.layer is None:
        return Pick(way, None, "", None)
    found = regret(test.score, test.layers, one.layer, RESAMPLES)
    assert found is not None
    return Pick(way, one.layer, "", one.seconds, found.score, found.mean, found.low, found.high)


def _nanmean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def table(rows: list[dict[str, object]]) -> list[str]:
    """Markdown."""

    def cell(row: dict[str, object], name: str, digits: int = 3) -> str:
        value = row.get(name)
        return f"{value:.{digits}f}" if isinstance(value, float) and np.isfinite(value) else "-"

    lines = [
        "| chosen by | layer | rewrite | rephrase | locality | portability | score | regret [95 %] "
        "| behind the best fixed layer [95 %] | Spearman | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        interval = f" [{cell(row, 'low')}, {cell(row, 'high')}]" if "low" in row else ""
        behind = f"{cell(row, 'behind')} [{cell(row, 'behind_low')}, {cell(row, 'behind_high')}]"
        layer = row.get("layer")
        lines.append(
            f"| {row['way']} | {'-' if layer is None else layer} | "
            + " | ".join(cell(row, name) for name in (*PROBE_METRICS, "score"))
            + f" | {cell(row, 'regret')}{interval} | {behind if 'behind' in row else '-'} | {cell(row, 'spearman', 2)} "
            f"| {cell(row, 'seconds', 1)} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--data", help="folder with the public benchmark files")
    parser.add_argument("--proxy", type=int, default=32, help="proxy requests of the bundled dataset")
    parser.add_argument("--test", type=int, default=24, help="test requests of the bundled dataset")
    parser.add_argument("--small-proxy", type=int, default=4, help="proxy requests of each other dataset")
    parser.add_argument("--small-test", type=int, default=8, help="test requests of each other dataset")
    parser.add_argument("--methods", default="rome")
    parser.add_argument("--only", default="", help="names of datasets, by commas; all by default")
    parser.add_argument("--markdown")
    parser.add_argument("--json")
    parser.add_argument("--plots", help="folder for pictures of the first dataset")
    options = parser.parse_args()
    bench, model = open_workbench(), ModelSource(options.model)
    lines = [f"Machine: {machine()}.", ""]
    content: list[dict[str, object]] = []
    for method in options.methods.split(","):
        for setting in settings(options):
            if options.only and setting.name not in options.only.split(","):
                continue
            say(f"{method} on {setting.name}")
            try:
                proxy = swept(bench, model, setting.choice("proxy"), method)
                cost = proxy.seconds_per_edit * proxy.n_requests * len(proxy.layers)
                test = swept(bench, model, setting.choice("test"), method)
                made = choices(bench, model, setting, proxy, cost)
                rows = judged(test, made)
            except GoldenLayersError as error:
                lines += [f"### {method}, {setting.name}", "", f"Not measured: {error}", ""]
                continue
            words = f"{proxy.n_requests} proxy and {test.n_requests} test requests"
            words += ", facts the model knows" if setting.known else ""
            lines += [f"### {method}, {setting.name} ({words})", "", *table(rows), ""]
            means = {name: test.mean(name).tolist() for name in (*PROBE_METRICS, "score")}
            content.append(
                {
                    "method": method,
                    "dataset": setting.name,
                    "n_proxy": proxy.n_requests,
                    "n_test": test.n_requests,
                    "rows": rows,
                    "test_means": means,
                    "oracle_best": (losses(test.score) <= 1e-9).mean(axis=0).tolist(),
                    "seconds_per_edit": test.seconds_per_edit,
                }
            )
            if options.plots and setting.name == "bundled" and method == "rome":
                plots(Path(options.plots), bench, model, test, made)
            if options.markdown:
                Path(options.markdown).write_text("\n".join(lines))
            if options.json:
                Path(options.json).write_text(json.dumps(content, indent=1))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
