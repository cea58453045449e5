"""Predicted against measured peak memory: `python -m benchmarks.memory [--models bundled,gemma] [--works score,edit]`.

Each measurement is a process of its own, on a processor: it loads the model, does one kind of work as its command does,
and tells its largest resident size (as the system counted it) and that predicted from the model's config.json alone.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from goldenlayers_core.places import cache_root
from goldenlayers_core.records import LgaConfig, ModelSource
from goldenlayers_core.results.fit import MIB
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, TraceQuestion, Workbench, open_workbench
from goldenlayers_core.tasks.fits import described
from goldenlayers_core.tasks.needs import PROGRAMS, needs_of, words_need
from goldenlayers_core.tasks.questions import CovarianceQuestion, SweepQuestion
from goldenlayers_core.tasks.serial import plain

WITHIN: Final = 0.15
MODELS: Final = ("bundled", "gemma", "tiny-llama", "tiny-gpt2", "tiny-gemma2")
_TINY: Final = {"width": 128, "inner": 512, "layers": 4, "heads": 4}
_SCORED, _TRACED = 24, 2  # requests: as many as fill a batch


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; MiB."""

    model: str
    work: str
    weights: float
    predicted: float
    measured: float

    @property
    def off(self) -> float:
        """By how much the prediction is too high (above 0) or too low."""
        return self.predicted / self.measured - 1


def _load(bench: Workbench, source: ModelSource) -> None:
    bench.model(source)


def _score(bench: Workbench, source: ModelSource) -> None:
    from goldenlayers_core.tasks.scores.layer_scores import score

    score(bench, ScoreQuestion(source, DatasetChoice(limit=_SCORED), LgaConfig()), Progress())


def _edit_aware(bench: Workbench, source: ModelSource) -> None:
    from goldenlayers_core.tasks.scores.layer_scores import score

    score(bench, ScoreQuestion(source, DatasetChoice(limit=8), method="edit-aware"), Progress())


def _edit(bench: Workbench, source: ModelSource) -> None:
    from goldenlayers_core.tasks.edit.one_edit import edit

    request = bench.requests(DatasetChoice(limit=1), source).requests[0]
    edit(bench, EditQuestion(source, plain(request), layer=0), Progress())


def _sweep(bench: Workbench, source: ModelSource) -> None:
    """Until the first layer's edits are measured: all states are kept by then, and layer 0 takes the longest way."""
    from goldenlayers_core.evaluation.sweep import sweep
    from goldenlayers_core.tasks.truth.sweep import open_bed

    question = SweepQuestion(source, DatasetChoice(limit=40), settings={"steps": 3})
    bed = open_bed(bench, question, Progress())
    layers = range(bed.handle.n_layers)
    for pair in sweep(bed.handle, bed.requests, layers, bed.method, bed.config, bed.supplies):
        if pair.layer >= 0:
            return


def _trace(bench: Workbench, source: ModelSource) -> None:
    from goldenlayers_core.tasks.scores.trace import trace_result

    trace_result(bench, TraceQuestion(source, DatasetChoice(limit=_TRACED)), Progress())


def _covariance(bench: Workbench, source: ModelSource) -> None:
    from goldenlayers_core.tasks.covariance import estimated

    estimated(bench, CovarianceQuestion(source, tokens=10_240), Progress())


WORKS: Final[dict[str, Callable[[Workbench, ModelSource], None]]] = {
    "load": _load,
    "score": _score,
    "edit-aware": _edit_aware,
    "edit": _edit,
    "sweep": _sweep,
    "trace": _trace,
    "covariance": _covariance,
}


def predicted(source: ModelSource, work: str) -> tuple[int, int]:
    """(bytes of the weights, bytes of the process at its largest) as `inspect` counts them, in float32."""
    outline, _, _ = described(source, cache_root())
    weights = 4 * outline.n_parameters
    needs = {need.name: need.n_bytes for need in needs_of(outline, "float32", "cpu")}
    return weights, PROGRAMS + words_need(outline) + weights + needs.get(work, 0)


def one(model: str, work: str) -> None:
    """In a process of its own: do the work, and say what it took, as JSON."""
    source = ModelSource(model, None, "cpu", "float32")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "models").symlink_to(cache_root() / "models")
        bench = open_workbench(root)
        WORKS[work](bench, source)
        bench.close()
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    weights, said = predicted(source, work)
    sys.stdout.write(json.dumps({"weights": weights, "predicted": said, "measured": peak}) + "\n")


def measured(models: list[str], works: list[str]) -> Iterator[Row]:
    """Every pair, in a process each."""
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            source = str(tiny(Path(folder) / model, model)) if model.startswith("tiny-") else model
            for work in works:
                call = [sys.executable, "-m", "benchmarks.memory", "--one", source, work]
                done = subprocess.run(call, capture_output=True, text=True, check=True)
                found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
                yield Row(model, work, *(found[name] / MIB for name in ("weights", "predicted", "measured")))


def tiny(folder: Path, name: str) -> Path:
    """A random model of a family, with the bundled model's words."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from goldenlayers_core.models.opening import locate

    words = AutoTokenizer.from_pretrained(locate("bundled", None, cache_root())[0])  # nosec B615  # a folder
    kind, size = name.removeprefix("tiny-"), _TINY
    common = {"vocab_size": len(words), "hidden_size": size["width"], "num_hidden_layers": size["layers"]}
    settings = {**common, "intermediate_size": size["inner"], "num_attention_heads": size["heads"], "head_dim": 32}
    settings |= {"num_key_value_heads": 2, "bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    if kind == "gpt2":
        settings = {
            "vocab_size": len(words),
            "n_embd": size["width"],
            "n_layer": size["layers"],
            "n_head": size["heads"],
        }
    model: Any = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **settings))
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def main() -> int:
    """Print the table as it grows; 1 where a prediction is off by more than `WITHIN`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--works", default="load,score,edit")
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "WORK"))
    given = parser.parse_args()
    if given.one:
        one(*given.one)
        return 0
    write, worst = sys.stdout.write, 0.0
    write("| model | work | weights, MiB | predicted | measured | off |\n| --- | --- | --: | --: | --: | --: |\n")
    for row in measured(given.models.split(","), given.works.split(",")):
        worst = max(worst, abs(row.off))
        numbers = f"{row.weights:,.0f} | {row.predicted:,.0f} | {row.measured:,.0f} | {row.off:+.0%}"
        write(f"| {row.model} | {row.work} | {numbers} |\n")
        sys.stdout.flush()
    return int(worst > WITHIN)


if __name__ == "__main__":
    sys.exit(main())
