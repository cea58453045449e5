"""Causal tracing: ours against the straightforward loop, in one run, on the same requests; and the layer it picks.

    python benchmarks/trace.py [--limit 4] [--rounds 2] [--known 32] [--samples 10]

The loop is ROME's: for every token and layer one forward pass of the whole prompt, clean row and all noisy samples in
one batch, with full logits. It restores the same tokens as ours (from the subject on). Then ours alone traces the first
`--known` requests of the bundled proxy split that the model answers itself, and says what every kind picks.
"""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import torch

from benchmarks.measure import machine, measure
from goldenlayers_core.attribution.causal_trace import trace_requests
from goldenlayers_core.attribution.trace_prompts import noise_of, prepare, resolve, window_of
from goldenlayers_core.attribution.trace_runs import restored_sites
from goldenlayers_core.datasets import open_dataset, split_proxy
from goldenlayers_core.evaluation import knowledge
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.models.hooks import change_outputs
from goldenlayers_core.records import TRACE_KINDS, EditRequest, TraceConfig
from goldenlayers_core.results.bootstrap import resampled_means


def corrupting(noise: torch.Tensor, first: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Adds (S, tokens, width) noise to the embeddings of all rows but the clean first one."""

    def change(_inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        noisy = output.clone()
        noisy[1:, first : first + noise.shape[1]] += noise.to(noisy)
        return noisy

    return change


def restoring(token: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Puts the clean row's state at one token into all others."""

    def change(_inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        restored = output.clone()
        restored[1:, token] = restored[0, token]
        return restored

    return change


def straightforward(handle: ModelHandle, requests: list[EditRequest], config: TraceConfig) -> list[np.ndarray]:
    """Per request (tokens from the subject on, L) indirect effects by ROME's loop."""
    sites, found = restored_sites(handle, config), []
    for request in requests:
        prompt = prepare(handle, request, config.answer)
        ids = torch.tensor([prompt.ids] * (config.n_samples + 1), device=handle.device)
        noise = torch.from_numpy(config.noise * noise_of(prompt, config, handle.hidden_size))

        def run(token: int = 0, window: range = range(0)) -> torch.Tensor:
            with ExitStack() as stack, torch.inference_mode():
                changes = {handle.embedding: corrupting(noise, prompt.first)}  # noqa: B023 - called at once
                changes |= {sites[layer]: restoring(token) for layer in window}
                stack.enter_context(change_outputs(changes))
                return handle.model(input_ids=ids, use_cache=False).logits[:, -1].softmax(dim=1)  # noqa: B023

        low = run()
        answer = int(low[0].argmax())
        effects = np.zeros((len(prompt.ids) - prompt.first, handle.n_layers))
        for row, token in enumerate(range(prompt.first, len(prompt.ids))):
            for layer in range(handle.n_layers):
                high = run(token, range(*window_of(layer, config.window, handle.n_layers)))
                effects[row, layer] = float((high[1:, answer] - low[1:, answer]).mean())
        found.append(effects)
    return found


def ours(handle: ModelHandle, requests: list[EditRequest], config: TraceConfig) -> list[np.ndarray]:
    """The same by the product."""
    traces = sorted(trace_requests(handle, requests, config), key=lambda t: t.index)
    return [t.effects[t.subject[0] :] for t in traces]


def compare(handle: ModelHandle, requests: list[EditRequest], config: TraceConfig, rounds: int) -> None:
    """Print the table: best of the alternating rounds for seconds, the largest for memory."""
    subject = replace(config, positions="subject")
    work = {
        "straightforward loop": lambda: straightforward(handle, requests, config),
        "ours, every token": lambda: ours(handle, requests, config),
        "ours, the subject's last token only": lambda: ours(handle, requests, subject),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    memory = dict.fromkeys(work, 0)
    found = {}
    for _ in range(rounds):
        for name, run in work.items():
            found[name], measured = measure(run)
            seconds[name].append(measured.seconds)
            memory[name] = max(memory[name], measured.extra_bytes)
    loop = "straightforward loop"
    base = min(seconds[loop])
    print(f"\n{'variant':38} {'s/request':>9} {'ratio':>6} {'extra MB':>9} {'largest error':>13}")
    for name, times in seconds.items():
        error = max(np.nanmax(np.abs(a - b)) for a, b in zip(found[name], found[loop], strict=True))
        print(
            f"{name:38} {min(times) / len(requests):9.2f} {base / min(times):6.1f} {memory[name] / 1e6:9.0f} "
            f"{error:13.1e}",
            flush=True,
        )
    print("largest error: of an indirect effect, against the loop; it restores the same tokens as 'every token'")


def pick(handle: ModelHandle, requests: list[EditRequest], config: TraceConfig) -> None:
    """Print the layer that a kind picks at the subject's last token, and how sure it is."""
    traces, measured = measure(lambda: list(trace_requests(handle, requests, config)))
    effects = np.stack([t.effects[t.subject[1]] for t in sorted(traces, key=lambda t: t.index)])  # (Q, L)
    mean = effects.mean(axis=0)
    layer = int(mean.argmax())
    share = float((resampled_means(effects, 2000, 0).argmax(axis=1) == layer).mean())
    best = ", ".join(f"{i} ({mean[i]:.3f})" for i in np.argsort(-mean, kind="stable")[:6])
    print(
        f"{config.kind:9} window {config.window:2}: picks layer {layer:2} in {share:4.0%} of resamples, "
        f"{measured.seconds / len(requests):.2f} s/request; largest mean effects: {best}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--limit", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--known", type=int, default=32)
    parser.add_argument("--samples", type=int, default=10)
    arguments = parser.parse_args()
    handle, dataset = load_model(arguments.model), open_dataset("bundled")
    proxy = list(split_proxy(dataset)[0].requests)
    greedy(handle, [proxy[0].prompt])  # weights are read from disk and threads started, before anything is measured
    print(f"{machine()}\n{handle.name}, {handle.dtype}, {arguments.samples} noise samples", flush=True)
    config = resolve(handle, TraceConfig(n_samples=arguments.samples), dataset.requests)
    asked = proxy[: 4 * arguments.known]
    said = knowledge(handle, asked)
    known = [r for r, knows, no_op in zip(asked, said.knows, said.no_op, strict=True) if knows and not no_op]
    if arguments.rounds:
        few = known[: arguments.limit]
        lengths = [len(prepare(handle, r, "model").ids) for r in few]
        print(f"{len(few)} requests of {np.mean(lengths):.1f} tokens, MLP, window {config.window}", flush=True)
        compare(handle, few, config, arguments.rounds)
    print(f"\n{len(known[: arguments.known])} known proxy requests, noise {config.noise}", flush=True)
    for kind in TRACE_KINDS:
        for window in (1, None) if kind != "hidden" else (None,):
            settings = TraceConfig(kind, window, n_samples=arguments.samples, positions="subject")
            pick(handle, known[: arguments.known], resolve(handle, settings, dataset.requests))


if __name__ == "__main__":
    main()
