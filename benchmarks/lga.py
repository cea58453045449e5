"""Layer Gradient Analysis: ours against the straightforward loop, in one run, on the same requests.

    python -m benchmarks.lga [--limit 64] [--rounds 3] [--budgets 128,256,512]

The loop takes one request at a time, runs two forward and two backward passes, and forms the full gradient of every MLP
weight matrix (of the others none: the kind version of the loop). Rounds alternate, and the best of each is compared.
"""

import argparse
import subprocess
import sys

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.measure import machine, matmul_peak, measure
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.records import EditRequest, LgaConfig

LOOP = "straightforward loop"


def straightforward(handle: ModelHandle, requests: list[EditRequest], old: list[str]) -> np.ndarray:
    """(Q, L) phi by per-request autograd with full weight gradients."""
    sites = handle.sites("mlp")
    weights = [m.weight for m in sites.values()]
    layers = [int(name.split("/")[0]) for name in sites]
    found = np.zeros((len(requests), handle.n_layers))
    for pair in prepare(handle, requests, old):
        gradients = []
        for answer in (pair.old, pair.new):
            for weight in weights:
                weight.requires_grad_(True)
            ids = torch.tensor([pair.prompt + answer[:-1]], device=handle.device)
            logits = handle.model(input_ids=ids, use_cache=False).logits[0, len(pair.prompt) - 1 :]
            loss = cross_entropy(logits.float(), torch.tensor(answer, device=handle.device))
            gradients.append(torch.autograd.grad(loss, weights))
            for weight in weights:
                weight.requires_grad_(False)
        for layer, old_gradient, new_gradient in zip(layers, *gradients, strict=True):
            found[pair.index, layer] += float((old_gradient * new_gradient).sum())
    return found


def ours(handle: ModelHandle, requests: list[EditRequest], old: list[str], config: LgaConfig) -> tuple[np.ndarray, int]:
    """(Q, L) phi, and the padded tokens that went through the model."""
    found = np.zeros((len(requests), handle.n_layers))
    tokens = 0
    for batch in iter_lga(handle, requests, old, config):
        found[list(batch.indices)] = batch.values
        tokens += batch.n_tokens
    return found, tokens


def variants(budgets: list[int]) -> dict[str, LgaConfig]:
    """What is compared with the loop."""
    exact = {f"ours, {b} tokens": LgaConfig(token_budget=b, loss_on="answer") for b in budgets}
    return exact | {
        f"ours, {b} tokens, bfloat16": LgaConfig(token_budget=b, precision="bfloat16", loss_on="answer")
        for b in budgets
    }


def memory_of(name: str, arguments: argparse.Namespace) -> int:
    """Peak extra bytes of one variant, in a process of its own: an allocator that keeps memory hides the next one's."""
    command = [sys.executable, "-m", "benchmarks.lga", "--model", arguments.model, "--limit", str(arguments.limit)]
    command += ["--budgets", arguments.budgets, "--memory-of", name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def parse() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budgets", default="128,256,512,1024")
    parser.add_argument("--memory-of", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    handle = load_model(arguments.model)
    requests = list(open_dataset("bundled").requests[: arguments.limit])
    old = [r.target_true for r in requests]
    compared = variants([int(b) for b in arguments.budgets.split(",")])
    work = {LOOP: lambda: straightforward(handle, requests, old)}
    work |= {name: lambda c=config: ours(handle, requests, old, c) for name, config in compared.items()}
    greedy(handle, [requests[0].prompt])  # weights are read from disk and threads started, before anything is measured
    if arguments.memory_of:
        print(measure(work[arguments.memory_of])[1].extra_bytes)
        return
    print(f"{machine()}\n{handle.name}, {len(requests)} bundled requests, scope mlp, {handle.dtype}", flush=True)
    peaks = {dtype: matmul_peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    print("matrix-product peak:", ", ".join(f"{d} {p / 1e9:.0f} GFLOP/s" for d, p in peaks.items()), flush=True)
    seconds: dict[str, list[float]] = {name: [] for name in work}
    found = {}
    for _ in range(arguments.rounds):
        for name, run in work.items():
            found[name], measured = measure(run)
            seconds[name].append(measured.seconds)
    memory = {name: memory_of(name, arguments) for name in work}
    report(handle, prepare(handle, requests, old), seconds, memory, found, peaks)


def report(handle, pairs, seconds, memory, found, peaks) -> None:
    """Print the table: best of the rounds for seconds, a fresh process for memory."""
    real = sum(p.packed_length for p in pairs)
    body = sum(m.weight.numel() for m in handle.sites("block").values())
    reference = found[LOOP]
    base, low = min(seconds[LOOP]), memory[LOOP] / 1e6
    print(
        f"\n{'variant':28} {'seconds':>8} {'ratio':>6} {'tokens/s':>9} {'peak share':>10} {'extra MB':>9} {'error':>9}"
    )
    print(f"{LOOP:28} {base:8.2f} {1:6.1f} {real / base:9.0f} {'':>10} {low:9.0f}")
    for name, times in seconds.items():
        if name == LOOP:
            continue
        values, tokens = found[name]
        best = min(times)
        # one forward and two backward passes, two operations a weight and token
        share = 6 * body * tokens / best / peaks[torch.bfloat16 if "bfloat16" in name else torch.float32]
        total, exact = values.sum(axis=0), reference.sum(axis=0)
        error = np.linalg.norm(total - exact) / np.linalg.norm(exact)
        print(
            f"{name:28} {best:8.2f} {base / best:6.1f} {real / best:9.0f} {share:10.0%} {memory[name] / 1e6:9.0f} "
            f"{error:9.1e}"
        )
    print("\nerror: |S - S of the loop| / |S of the loop| over the layer scores S; seconds: best of the rounds")


if __name__ == "__main__":
    main()
