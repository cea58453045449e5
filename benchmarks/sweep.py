"""Real edits at several layers: the sweep against the straightforward loop, in one run, on the same requests.

    python -m benchmarks.sweep [--limit 16] [--loop 2] [--layers 4,15,26]

The loop is ROME as its published code goes: one edit at a time, whole padded rows through the whole model at every
step, keys by passes of their own, the weight changed in place and put back, and one probe at a time: a forward pass for
each probability, transformers' own generation for the greedy answer, before and after. It edits the first `--loop`
requests. Both sides run in float32 with the same context templates; "equal" also has the same 25 steps of Adam.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from benchmarks.measure import machine, matmul_peak, measure
from goldenlayers_core.editing import RomeConfig, Supplies, get_method, sample_templates
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.evaluation.answers import accepts, cut_answer, same_answer
from goldenlayers_core.evaluation.asked import question_of
from goldenlayers_core.evaluation.sweep import UNEDITED, sweep
from goldenlayers_core.models import ModelHandle, products
from goldenlayers_core.models.hooks import change_outputs, record_inputs, record_outputs
from goldenlayers_core.models.tokens import encode_answer, pad_right
from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.tasks import DatasetChoice, open_workbench

KINDS = ("rewrite", "rephrase", "locality", "portability")


@dataclass
class Found:
    """What one side did."""

    seconds: float
    edits: int
    extra_bytes: int
    flops: float
    rates: dict[str, float]
    steps: float

    @property
    def each(self) -> float:
        return self.seconds / self.edits


class Loop:
    """ROME, one edit after another."""

    def __init__(self, handle: ModelHandle, config: RomeConfig, templates: Sequence[str]) -> None:
        self.handle, self.config, self.templates = handle, config, templates
        self.rates: dict[str, list[float]] = {kind: [] for kind in KINDS}
        self.steps: list[int] = []

    def run(self, requests: Sequence[EditRequest], layers: Sequence[int]) -> None:
        for request in requests:
            for layer in layers:
                self.one(request, layer)

    def one(self, request: EditRequest, layer: int) -> None:
        handle = self.handle
        before = [self.ask(request, i) for i in range(len(request.probes))]
        rows = edit_rows(handle, request, self.templates)
        key, mean_key, value = self.keys(rows, layer)
        target = value + self.delta(rows, layer, value)
        unit = mean_key / mean_key.norm()
        change = torch.outer((target - value) / (key @ unit), unit)
        weight = handle.matrix(handle.mlp_out(layer))
        kept = weight.clone()
        with torch.no_grad():
            weight += change
        after = [self.ask(request, i) for i in range(len(request.probes))]
        with torch.no_grad():
            weight.copy_(kept)
        for probe, old, new in zip(request.probes, before, after, strict=True):
            if probe.kind == "locality":
                self.rates[probe.kind].append(float(same_answer(old, new, probe.answers)))
            else:
                self.rates[probe.kind].append(float(accepts(new, probe.answers)))

    def keys(self, rows: Sequence[Row], layer: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        site = {"m": self.handle.mlp_out(layer)}
        keys, values = [], []
        for row in rows[:-1]:
            with torch.no_grad(), record_inputs(site) as inputs, record_outputs(site) as outputs:
                self.handle.model(input_ids=torch.tensor([row.ids]))
            keys.append(inputs["m"][0, row.lookup])
            values.append(outputs["m"][0, row.lookup])
        return keys[0], torch.stack(keys).mean(0), values[0]

    def delta(self, rows: Sequence[Row], layer: int, value: torch.Tensor) -> torch.Tensor:
        config, ids = self.config, pad_right([row.ids for row in rows])
        mask = (torch.arange(ids.shape[1]) < torch.tensor([[len(row.ids)] for row in rows])).long()
        delta = torch.zeros_like(value, requires_grad=True)
        adam = torch.optim.Adam([delta], lr=config.learning_rate)
        places = torch.arange(len(rows)), torch.tensor([row.lookup for row in rows])
        base = None

        def shift(_inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
            return output.index_put(places, delta.expand(len(rows), -1), accumulate=True)

        for step in range(config.steps):
            with change_outputs({self.handle.mlp_out(layer): shift}):
                log_p = self.handle.model(input_ids=ids, attention_mask=mask).logits.log_softmax(dim=2)
            nll = torch.stack(
                [-log_p[r, list(row.wanted), list(row.answer)].mean() for r, row in enumerate(rows[:-1])]
            ).mean()
            essence = log_p[-1, len(rows[-1].ids) - 1]
            base = essence.detach() if base is None else base
            loss = nll + config.kl_factor * (essence.exp() * (essence - base)).sum()
            loss = loss + config.weight_decay * delta.norm() / value.norm() ** 2
            if loss.item() < config.stop_loss or step + 1 == config.steps:
                break
            adam.zero_grad()
            loss.backward()
            adam.step()
            with torch.no_grad():
                limit = config.clamp_factor * value.norm()
                if delta.norm() > limit:
                    delta.mul_(limit / delta.norm())
        self.steps.append(step + 1)
        return delta.detach()

    def ask(self, request: EditRequest, place: int) -> str:
        """One probe: a forward pass for each probability, and a greedy answer of ten tokens."""
        handle, probe = self.handle, request.probes[place]
        question = question_of(request, probe)
        ids = handle.tokenizer(probe.prompt)["input_ids"]
        with torch.no_grad():
            for answer in (question.target_new, question.target_true):
                if answer.strip():
                    tokens = encode_answer(handle.tokenizer, probe.prompt, answer)
                    handle.model(input_ids=torch.tensor([[*ids, *tokens]])).logits.log_softmax(dim=2)
            out = handle.model.generate(
                input_ids=torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.int64),
                max_new_tokens=10,
                do_sample=False,
                pad_token_id=0,
            )
        return cut_answer(handle.tokenizer.decode(out[0, len(ids) :], skip_special_tokens=True))


def ours(handle: ModelHandle, requests: Sequence[EditRequest], layers: Sequence[int], config: RomeConfig) -> Found:
    templates = sample_templates(handle, config.templates)
    counted = [0.0]
    product = products._product

    def counting(inputs: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        counted[0] += 2.0 * inputs.numel() * weight.shape[0]
        return product(inputs, weight, bias)

    products._product = counting  # of every linear map, forward and backward
    try:
        pairs, spent = measure(
            lambda: list(sweep(handle, requests, layers, get_method("rome"), config, Supplies(templates)))
        )
    finally:
        products._product = product
    edited = [p for p in pairs if p.layer != UNEDITED]
    rates = {kind: float(np.mean([p.metrics[kind] for p in edited if kind in p.metrics])) for kind in KINDS}
    steps = float(np.mean([p.metrics["steps"] for p in edited]))
    return Found(spent.seconds, len(edited), spent.extra_bytes, counted[0], rates, steps)


def looped(handle: ModelHandle, requests: Sequence[EditRequest], layers: Sequence[int], config: RomeConfig) -> Found:
    loop = Loop(handle, config, sample_templates(handle, config.templates))
    _, spent = measure(lambda: loop.run(requests, layers))
    rates = {kind: float(np.mean(values)) for kind, values in loop.rates.items() if values}
    return Found(
        spent.seconds, len(requests) * len(layers), spent.extra_bytes, float("nan"), rates, float(np.mean(loop.steps))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=16, help="requests the sweep edits")
    parser.add_argument("--loop", type=int, default=2, help="of these, how many the loop edits too")
    parser.add_argument("--layers", default="4,15,26")
    options = parser.parse_args()
    layers = [int(layer) for layer in options.layers.split(",")]
    bench, model = open_workbench(), ModelSource("bundled")
    handle = bench.model(model)
    requests = bench.requests(DatasetChoice("bundled", "proxy", options.limit, True), model).requests
    published = RomeConfig(direct_steps=False, patience=0, n_templates=5)
    sides = {
        "straightforward loop, 5 templates, Adam": lambda: looped(handle, requests[: options.loop], layers, published),
        "sweep, the same requests and settings": lambda: ours(handle, requests[: options.loop], layers, published),
        "sweep, all requests, same settings": lambda: ours(handle, requests, layers, published),
        "sweep, direct steps, 5 templates": lambda: ours(
            handle, requests, layers, replace(RomeConfig(), n_templates=5)
        ),
        "sweep, defaults (direct steps, 2 templates)": lambda: ours(handle, requests, layers, RomeConfig()),
    }
    ours(handle, requests[:1], layers[:1], RomeConfig())  # warm
    peak = matmul_peak()
    print(f"{machine()}; peak {peak / 1e9:.0f} GFLOP/s (float32 matrix products)")
    print(f"{len(requests)} known requests of the bundled proxy split, layers {layers}\n")
    print("| | s per edit | times faster | steps | of the peak | MB | rewrite | rephrase | locality | portability |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    first = 0.0
    for name, run in sides.items():
        found = run()
        first = first or found.each
        share = found.flops / found.seconds / peak
        rates = " | ".join(f"{found.rates.get(kind, float('nan')):.2f}" for kind in KINDS)
        print(
            f"| {name} | {found.each:.2f} | {first / found.each:.1f} | {found.steps:.1f} | "
            f"{'-' if np.isnan(share) else f'{share:.0%}'} | {found.extra_bytes / 1e6:.0f} | {rates} |",
            flush=True,
        )
        time.sleep(1)


if __name__ == "__main__":
    main()
