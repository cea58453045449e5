"""What edits cost: one ROME edit from the click to the after-view, a hundred facts at once, and a stack of fifty.

    python -m benchmarks.edit [--what click,batch,stack] [--layers 1,5,15] [--requests 3] [--rounds 3] [--templates 5]

click: seconds and processor seconds of every stage of a single edit, and peak memory. batch: MEMIT of `--facts` bundled
facts on five layers as one edit, beside one at a time (extrapolated from `--requests`). stack: forward passes under 0,
`--stack` and `--stack` + 1 edits of five layers each, in turn, the fastest of many. Requests of click
are bundled ones that the model knows, with short, middling and long prompts; templates are sampled once (cold) and then
kept, as the dashboard keeps them; rounds repeat, and the fastest of each stage counts. Processor seconds tell what the
work costs where other programs share the cores.
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.measure import machine
from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.editing import Edit, Factors, RomeConfig, Supplies, get_method, overlay, rome, sample_templates
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.editing.estimate import SampleConfig, moments_of_samples
from goldenlayers_core.editing.least_squares import window_of
from goldenlayers_core.evaluation import accepts, evaluate_edit, knowledge
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.generate import greedy
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


def batch(handle: ModelHandle, layer: int, facts: int, some: int) -> None:
    """MEMIT of many facts as one edit, beside one at a time."""
    method = get_method("memit")
    config = method.config_class()
    requests = list({r.subject: r for r in open_dataset("bundled").requests}.values())[:facts]
    window = window_of(layer, config, handle.n_layers)
    moments, seconds, processor = timed(lambda: moments_of_samples(handle, window, SampleConfig()))
    print(
        f"key covariance of layers {window[0]} to {window[-1]}, {moments[layer].n_tokens:,} tokens: {seconds:.1f} s, "
        f"{processor:.1f} processor seconds",
        flush=True,
    )
    supplies = Supplies(sample_templates(handle, config.templates), moments)
    run_batch = method.run_batch
    assert run_batch
    made, seconds, processor = timed(lambda: run_batch(handle, requests, layer, config, supplies, None))
    stages = ", ".join(f"{name} {value:.1f} s" for name, value in made.stages)
    print(
        f"MEMIT, {len(requests)} facts as one edit: {seconds:.1f} s, {processor:.1f} processor seconds ({stages}); "
        f"{taken(handle, made, requests)} of {len(requests)} answered with the new target",
        flush=True,
    )
    each = [timed(partial(method.run, handle, r, layer, config, supplies, None)) for r in requests[:: facts // some]]
    scale = len(requests) / len(each)
    print(
        f"MEMIT one at a time, extrapolated from {len(each)}: {sum(e[1] for e in each) * scale:.0f} s, "
        f"{sum(e[2] for e in each) * scale:.0f} processor seconds\n",
        flush=True,
    )


def taken(handle: ModelHandle, edit: Edit, requests: list[EditRequest]) -> int:
    """How many requests are answered with their new target under the edit, by greedy generation."""
    with handle.lock, overlay(handle, [edit]):
        said = greedy(handle, [r.prompt for r in requests], 8)
    return sum(accepts(text, (r.target_new,)) for text, r in zip(said, requests, strict=True))


def stack(handle: ModelHandle, size: int, rounds: int) -> None:
    """Forward passes under a growing stack of edits, taken in turn so that all meet the same noise."""
    generator = torch.Generator().manual_seed(0)
    request, layers = EditRequest("s", "The capital of France is", "France", "Rome", "Paris"), range(3, 8)

    def edit(i: int) -> Edit:
        factors = []
        for layer in layers:
            d_out, d_in = handle.matrix(handle.mlp_out(layer)).shape
            left, right = (1e-4 * torch.randn(d, 1, generator=generator) for d in (d_out, d_in))
            factors.append(Factors(layer, left, right))
        return make_edit(handle, request, "random", factors, {"i": i})

    edits = [edit(i) for i in range(size + 1)]
    print("forward pass, fastest: wall and processor milliseconds by number of edits", flush=True)
    for tokens in (16, 256):
        ids = torch.randint(0, handle.vocabulary_size, (1, tokens), generator=generator)
        best = {n: [float("inf")] * 2 for n in (0, size, size + 1)}
        for _ in range(rounds):
            for n, seen in best.items():
                with handle.lock, overlay(handle, edits[:n]), torch.inference_mode():
                    _, *spent = timed(partial(handle.model, input_ids=ids, use_cache=False))
                best[n] = [min(pair) for pair in zip(seen, spent, strict=True)]
        times = ", ".join(f"{n}: {1000 * wall:.1f} / {1000 * cpu:.1f}" for n, (wall, cpu) in best.items())
        more, over = best[size + 1][1] / best[size][1] - 1, best[size][1] / best[0][1] - 1
        print(f"{tokens:4} tokens  {times}; processor: one more {more:+.1%}, {size} over none {over:+.1%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--what", default="click,batch,stack")
    parser.add_argument("--layers", default="1,5,15")
    parser.add_argument("--requests", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--templates", type=int, default=RomeConfig().n_templates)
    parser.add_argument("--facts", type=int, default=100)
    parser.add_argument("--stack", type=int, default=50)
    options = parser.parse_args()
    handle = load_model(options.model)
    print(machine())
    what = options.what.split(",")
    if "batch" in what:
        batch(handle, 5, options.facts, options.requests)
    if "stack" in what:
        stack(handle, options.stack, 20 * options.rounds)
    if "click" in what:
        clicks(handle, options)


def clicks(handle: ModelHandle, options: argparse.Namespace) -> None:
    """Single edits at some layers, stage by stage."""
    config = RomeConfig(n_templates=options.templates)
    print(f"{handle.name}, {handle.dtype}, {config.n_templates + 1} templates, {config.steps} steps at most")
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
