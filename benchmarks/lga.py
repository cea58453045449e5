"""Layer Gradient Analysis: ours against the straightforward loop, in one run, on the same requests.

    python -m benchmarks.lga [--limit 64] [--rounds 3] [--budgets 128,256,512]

The loop takes one request at a time, runs two forward and two backward passes, and forms the full gradient of every MLP
weight matrix (of the others none: the kind version of the loop). Rounds alternate, and the best of each is compared.
"""

import argparse

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.measure import Measured, machine, matmul_peak, measure
from goldenlayers_core.attribution.lga import iter_lga
from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.datasets import open_dataset
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.records import EditRequest, LgaConfig


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budgets", default="128,256,512,1024")
    options = parser.parse_args()
    handle = load_model(options.model)
    requests = list(open_dataset("bundled").requests[: options.limit])
    old = [r.target_true for r in requests]
    budgets = [int(b) for b in options.budgets.split(",")]
    variants = [(f"ours, {b} tokens", LgaConfig(token_budget=b)) for b in budgets]
    variants += [(f"ours, {b} tokens, bfloat16", LgaConfig(token_budget=b, precision="bfloat16")) for b in budgets]
    print(f"{machine()}\n{handle.name}, {len(requests)} bundled requests, scope mlp, {handle.dtype}", flush=True)
    straightforward(handle, requests[:2], old[:2])  # warm
    peaks = {dtype: matmul_peak(dtype) for dtype in (torch.float32, torch.bfloat16)}
    print("matrix-product peak:", ", ".join(f"{d} {p / 1e9:.0f} GFLOP/s" for d, p in peaks.items()), flush=True)
    loop: list[Measured] = []
    best: dict[str, list[Measured]] = {name: [] for name, _ in variants}
    scores: dict[str, tuple[np.ndarray, int]] = {}
    reference = np.zeros(0)
    for _ in range(options.rounds):
        reference, measured = measure(lambda: straightforward(handle, requests, old))
        loop.append(measured)
        for name, config in variants:
            scores[name], measured = measure(lambda c=config: ours(handle, requests, old, c))
            best[name].append(measured)
    report(handle, requests, old, loop, best, scores, reference, peaks)


def report(handle, requests, old, loop, best, scores, reference, peaks) -> None:
    """Print the table."""
    real = sum(p.packed_length for p in prepare(handle, requests, old))
    body = sum(p.numel() for n, p in handle.model.named_parameters() if "embed" not in n)
    base, base_memory = min(m.seconds for m in loop), max(m.extra_bytes for m in loop)
    print(
        f"\n{'variant':28} {'seconds':>8} {'ratio':>6} {'tokens/s':>9} {'peak share':>10} {'extra MB':>9} {'error':>9}"
    )
    print(f"{'straightforward loop':28} {base:8.2f} {1:6.1f} {2 * real / base:9.0f} {'':>10} {base_memory / 1e6:9.0f}")
    for name, runs in best.items():
        seconds, memory = min(m.seconds for m in runs), max(m.extra_bytes for m in runs)
        values, tokens = scores[name]
        dtype = torch.bfloat16 if "bfloat16" in name else torch.float32
        share = 6 * body * tokens / seconds / peaks[dtype]  # one forward, two backward passes, 2 operations a weight
        error = np.abs(values - reference).max(axis=1) / np.abs(reference).max(axis=1)
        print(
            f"{name:28} {seconds:8.2f} {base / seconds:6.1f} {real / seconds:9.0f} {share:10.0%} {memory / 1e6:9.0f} "
            f"{error.max():9.1e}"
        )


if __name__ == "__main__":
    main()
