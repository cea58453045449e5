"""A single ROME edit, from the click to the after-view: seconds and processor seconds of every stage, peak memory.

    python -m benchmarks.edit [--layers 1,5,15] [--requests 3] [--rounds 3] [--templates 5]

Requests are bundled ones that the model knows, with short, middling and long prompts. Templates are sampled once (cold)
and then kept, as the dashboard keeps them. Rounds repeat, and the fastest of each stage counts; processor seconds tell
what the work costs where other programs share the cores.
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measure import machine
from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.editing import RomeConfig, Supplies, rome, sample_templates
from goldenlayers_core.evaluation import evaluate_edit, knowledge
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import EditReport

STAGES = ("keys", "optimisation", "before and after")


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """(result, seconds, processor seconds)."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def chosen(handle: ModelHandle, count: int) -> list[EditRequest]:
    """`count` known requests whose prompts are spread from the shortest to the longest."""
    requests = open_dataset("bundled").requests[::12]
    known = sorted(knowledge(handle, requests).known(requests), key=lambda r: len(r.prompt))
    places = [round(i * (len(known) - 1) / max(1, count - 1)) for i in range(count)]
    return [known[place] for place in places]


def click(
    handle: ModelHandle, request: EditRequest, layer: int, config: RomeConfig, templates: tuple[str, ...]
) -> tuple[EditReport, dict[str, float], float]:
    """(report, seconds by stage, processor seconds) of one edit with everything that the after-view shows."""
    start = time.process_time()
    edit = rome(handle, request, layer, config, Supplies(templates))
    report = evaluate_edit(handle, edit, request, stages=edit.stages)
    seconds = {name.split(",")[0]: value for name, value in report.stages}
    return report, seconds, time.process_time() - start


def peak() -> float:
    """Highest resident memory of this process so far, in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--layers", default="1,5,15")
    parser.add_argument("--requests", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--templates", type=int, default=RomeConfig().n_templates)
    options = parser.parse_args()
    handle = load_model(options.model)
    config = RomeConfig(n_templates=options.templates)
    print(
        f"{machine()}\n{handle.name}, {handle.dtype}, {config.n_templates + 1} templates, {config.steps} steps at most"
    )
    requests = chosen(handle, options.requests)
    loaded = peak()
    templates, cold, cold_processor = timed(lambda: sample_templates(handle, config.templates))
    print(f"templates, cold: {cold:.2f} s ({cold_processor:.2f} processor seconds); warm: kept, 0 s\n", flush=True)
    print(
        f"{'layer':>5} {'steps':>5} {'total':>7} {'processor':>9}", *(f"{s:>12}" for s in STAGES), " prompt and verdict"
    )
    for layer in map(int, options.layers.split(",")):
        for request in requests:
            runs = [click(handle, request, layer, config, templates) for _ in range(options.rounds)]
            report = runs[0][0]
            best = {stage: min(seconds[stage] for _, seconds, _ in runs) for stage in STAGES}
            total = min(sum(seconds.values()) for _, seconds, _ in runs)
            steps = next(name for name, _ in report.stages if name.startswith("optimisation")).split()[1]
            print(
                f"{layer:5} {steps:>5} {total:6.2f}s {min(p for _, _, p in runs):8.2f}s",
                *(f"{best[s]:11.2f}s" for s in STAGES),
                f" {request.prompt!r} -> {request.target_new!r}: {report.verdict}",
                flush=True,
            )
    print(f"\npeak memory {peak():.0f} MB, of which {peak() - loaded:.0f} MB above loading and asking the model once")


if __name__ == "__main__":
    main()
