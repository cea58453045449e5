"""Causal tracing: how much of an answer comes back when one clean state is put into a run with a corrupted subject?

    IE[q, t, l] = mean over noise samples of ( p(answer | state at token t, layer l restored) - p(answer | corrupted) )

(Meng et al. 2022, "Locating and Editing Factual Associations in GPT", section 2.) The subject's token embeddings get
noise sigma N(0, 1), the same for every restore; sigma is 3 x the standard deviation of the embeddings of the dataset's
subjects. Restored is the output of the block (kind hidden), or of the MLP or attention of a window of layers; p is that
of the answer's first token. Nothing is skipped that could change a number: see `trace_runs` for what need not be rerun.

Axes: T tokens of a prompt, L layers.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from goldenlayers_core.attribution.trace_prompts import TracePrompt, prepare, resolve
from goldenlayers_core.attribution.trace_runs import Runs, batches, mixes, restores, run_group, run_restores
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import EditRequest, TraceConfig
from goldenlayers_core.results import Floats, TokenTrace

ProgressCall = Callable[[float, int, str], None]  # done, total, note


@dataclass(frozen=True, eq=False)
class RequestTrace:
    """The indirect effects of one request."""

    index: int  # into the caller's requests
    tokens: tuple[str, ...]
    subject: tuple[int, int]  # first and last token of the subject, inclusive
    answer: str  # the answer traced; of the model's own, its first token
    p_clean: float
    p_corrupt: float  # mean over the noise samples
    seconds: float  # its share of what its group of requests took
    effects: Floats
    """(T, L) indirect effect; exactly 0 before the subject; NaN where it was not asked for."""


def trace_requests(
    handle: ModelHandle, requests: Sequence[EditRequest], config: TraceConfig, progress: ProgressCall | None = None
) -> Iterator[RequestTrace]:
    """Trace requests, short prompts first; each result comes as soon as it is there, and can be stored.

    Where the config leaves window or noise open, `resolve` fills them in from these requests; give it the whole
    dataset's beforehand to have the noise level of the dataset. The handle's lock is held for one forward pass at a
    time. `progress(done, total, note)` is called between them and may raise to cancel. Results depend neither on what
    else is traced nor on the token budget, but for rounding. Raises RequestError for a request that cannot be traced
    (see `trace_prompts.traceable`).
    """
    if not requests:
        return
    full = resolve(handle, config, requests)
    prompts = [prepare(handle, request, full.answer, i) for i, request in enumerate(requests)]
    budget = spared(full.token_budget or default_budget(handle))
    costs = {prompt.index: cost_of(prompt, full) for prompt in prompts}
    spent, whole = 0, sum(costs.values())
    for group in groups(prompts, full, budget):
        cost = sum(costs[prompt.index] for prompt in group)

        def between(share: float, spent: int = spent, cost: int = cost) -> None:
            if progress:  # in requests' worth of work: long prompts come last and take many times as long
                progress((spent + share * cost) / whole * len(prompts), len(prompts), "Tracing")

        found = _trace_group(handle, group, full, budget, between)
        spent += cost
        yield from found
        between(0.0, spent)


def token_trace(model: str, request: EditRequest, config: TraceConfig, found: RequestTrace) -> TokenTrace:
    """One request's trace as a result; `config` is resolved. Raises RequestError where it is not."""
    if config.window is None or config.noise is None:
        raise RequestError("The trace's window and noise level are not known; resolve its config first.")
    return TokenTrace(
        kind=config.kind,
        window=config.window,
        model=model,
        prompt=request.prompt,
        answer=found.answer,
        tokens=found.tokens,
        subject=found.subject,
        p_clean=found.p_clean,
        p_corrupt=found.p_corrupt,
        effects=found.effects,
        noise=config.noise,
        n_samples=config.n_samples,
        seed=config.seed,
        seconds=found.seconds,
    )


def default_budget(handle: ModelHandle) -> int:
    """Tokens per forward pass: enough to keep the device busy, few enough to keep attention and memory small."""
    return 256 if handle.device.type == "cpu" else 4096


def cost_of(prompt: TracePrompt, config: TraceConfig) -> int:
    """Tokens that a prompt's restores at one layer pass through the model."""
    starts = range(prompt.first, len(prompt.ids)) if config.positions == "all" else (prompt.last,)
    return config.n_samples * sum(len(prompt.ids) - start for start in starts)


def groups(prompts: Sequence[TracePrompt], config: TraceConfig, budget: int) -> Iterator[list[TracePrompt]]:
    """Prompts of like length whose restores at one layer together fit into the budget (one prompt at least)."""
    group: list[TracePrompt] = []
    tokens = 0
    for prompt in sorted(prompts, key=lambda p: (len(p.ids), p.index)):
        size = cost_of(prompt, config)
        if group and tokens + size > budget:
            yield group
            group, tokens = [], 0
        group.append(prompt)
        tokens += size
    if group:
        yield group


def _trace_group(
    handle: ModelHandle,
    group: Sequence[TracePrompt],
    config: TraceConfig,
    budget: int,
    between: Callable[[float], None],
) -> list[RequestTrace]:
    began, layers, mixing = time.perf_counter(), handle.n_layers, mixes(handle, group)
    with handle.lock, few_rows(handle), torch.inference_mode():
        runs = run_group(handle, group, config)
    corrupt = runs.p_corrupt.double().mean(dim=1).cpu().numpy()  # (R,)
    effects = [_untouched(prompt, config, layers) for prompt in group]
    work = restores(group, config, layers, whole=not handle.architecture.keeps_keys)
    done, total = 0, sum(len(rows) * (layers - start) for start, rows in work.items())
    for start, rows in sorted(work.items()):
        for batch in batches(rows, config.n_samples, budget, mixing):
            between(done / total)
            done += len(batch) * (layers - start)
            with handle.lock, few_rows(handle), torch.inference_mode():
                found = run_restores(handle, runs, batch, start, config, mixing)  # (J, S)
            for restore, value in zip(batch, found.double().mean(dim=1).tolist(), strict=True):
                effects[restore.prompt][restore.position, restore.layer] = value - corrupt[restore.prompt]
    if config.kind == "hidden":
        _at_the_top(group, config, runs, effects)
    seconds = (time.perf_counter() - began) / len(group)
    return [_result(handle, p, runs, row, seconds, effects[row]) for row, p in enumerate(group)]


def _untouched(prompt: TracePrompt, config: TraceConfig, layers: int) -> Floats:
    """(T, L) what is known without a run: nothing is corrupted before the subject; the rest is NaN."""
    effects = np.full((len(prompt.ids), layers), np.nan)
    if config.positions == "all":
        effects[: prompt.first] = 0.0
    return effects


def _at_the_top(group: Sequence[TracePrompt], config: TraceConfig, runs: Runs, effects: list[Floats]) -> None:
    """The last block's output decides its own position's answer, and no other."""
    for row, prompt in enumerate(group):
        open_ = np.isnan(effects[row][:, -1])
        if config.positions == "subject":
            open_ &= np.arange(len(prompt.ids)) == prompt.last
        effects[row][open_, -1] = 0.0
        if open_[-1]:
            effects[row][-1, -1] = float(runs.p_clean[row].double() - runs.p_corrupt[row].double().mean())


def _result(
    handle: ModelHandle, prompt: TracePrompt, runs: Runs, row: int, seconds: float, effects: Floats
) -> RequestTrace:
    def text(token: int) -> str:
        return str(handle.tokenizer.decode([token]))

    return RequestTrace(
        index=prompt.index,
        tokens=tuple(map(text, prompt.ids)),
        subject=(prompt.first, prompt.last),
        answer=prompt.title or text(int(runs.answers[row])),
        p_clean=float(runs.p_clean[row]),
        p_corrupt=float(runs.p_corrupt[row].double().mean()),
        seconds=seconds,
        effects=effects,
    )
