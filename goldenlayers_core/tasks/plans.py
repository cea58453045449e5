"""A run in parts that any scheduler can do: its plan, one shard of it, and what is missing of it.

Results go into the store under the keys of the single process, so that it does not matter who did what, twice or not
at all yet: a shard does what is missing of its parts, and a merge is the command itself, which finds everything there.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from goldenlayers_core import __version__
from goldenlayers_core.errors import ConfigError, NoPartsError
from goldenlayers_core.records import EditRequest, digest_of
from goldenlayers_core.runtime import Progress, now
from goldenlayers_core.tasks.kinds import Kind, function
from goldenlayers_core.tasks.parts import Part, deal
from goldenlayers_core.tasks.plan_cost import TABLE, Rate, Work, parts_key, rate_of
from goldenlayers_core.tasks.plan_file import Plan

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle
    from goldenlayers_core.tasks.workbench import Workbench

_SHOWN = 8  # part numbers in a sentence


@dataclass(frozen=True)
class Batch:
    """Requests that a single process does at once, and the work of it, counted."""

    requests: tuple[int, ...]  # places in the list; () where the work is about layers alone
    layers: tuple[int, ...]  # () where one pass does all layers
    tokens: int
    start: Work  # before the first layer
    each: tuple[Work, ...]  # per layer; or a single one


class Parted(Protocol):
    """Work that has parts: what a wing tells of its own."""

    handle: "ModelHandle"
    question: Any  # as asked, with everything settled that could be chosen otherwise later
    requests: tuple[EditRequest, ...]  # that can be done, each content once
    n_skipped: int
    key: str  # under which results are kept
    code: str  # version of the code that makes them
    dataset: str  # in words
    assumptions: tuple[str, ...]  # of the counted work, one sentence each

    def batches(self) -> Sequence[Batch]:
        """Every batch of a single process that has nothing yet, in its order."""

    def done(self, parts: Sequence[Part]) -> list[bool]:
        """Whether the store has everything of each part."""

    def measure(self, part: Part, progress: Progress) -> int:
        """Put a part's results into the store; how many were computed."""


def parted(bench: "Workbench", kind: Kind, question: Any, progress: Progress) -> Parted:
    """The work of a question, opened. Raises NoPartsError for a kind that has none."""
    if not kind.parts:
        raise NoPartsError(kind.whole or f"Work of the kind {kind.name} has no parts; run it in one process.")
    found: Parted = function(kind.parts)(bench, question, progress)
    return found


def make_plan(bench: "Workbench", kind: Kind, question: Any, progress: Progress) -> tuple[Plan, Rate]:
    """The plan of a question, and the rate its seconds are by. Raises a GoldenLayersError of one sentence."""
    import torch

    work = parted(bench, kind, question, progress)
    handle = work.handle
    device, threads = handle.device.type, torch.get_num_threads()
    rate = rate_of(bench.store, kind.name, handle.result_key, device, threads, _data_of(work.question))
    parts = tuple(
        Part(
            index,
            batch.requests,
            batch.layers,
            batch.tokens,
            _rounded(rate.seconds(batch.start)),
            tuple(_rounded(rate.seconds(each)) for each in batch.each),
        )
        for index, batch in enumerate(work.batches())
    )
    plan = Plan(
        kind=kind.name,
        question=json.loads(json.dumps(work.question.to_params())),
        model=handle.name,
        fingerprint=handle.fingerprint,
        result_key=handle.result_key,
        key=work.key,
        code=work.code,
        program=__version__,
        dataset=work.dataset,
        requests=tuple(r.digest for r in work.requests),
        skipped=work.n_skipped,
        parts=parts,
        assumptions=(*work.assumptions, rate.source),
        created=now(),
    )
    return plan, rate


def _data_of(question: Any) -> str:
    """What its requests, or its text, are from: however many of them."""
    choice = getattr(question, "choice", None)
    return str(question.source if choice is None else choice.dataset)


def _rounded(seconds: float) -> float:
    return float(f"{seconds:.4g}")


def open_work(bench: "Workbench", kind: Kind, plan: Plan, progress: Progress) -> Parted:
    """The work of a plan on this machine. Raises ConfigError where weights, code, device or data are others."""
    question = kind.question.from_params(plan.question)
    handle = bench.model(question.model, progress)
    if handle.fingerprint != plan.fingerprint:
        raise ConfigError(
            f"The plan is for weights {plan.fingerprint[:8]} and {question.model.source!r} here has "
            f"{handle.fingerprint[:8]}; give this machine the same model, or make the plan anew."
        )
    if handle.result_key != plan.result_key:
        keys = (plan.result_key, handle.result_key)
        words = ["-".join(key.removeprefix(f"{plan.fingerprint}-").split("-")[:2]) for key in keys]
        if words[0] == words[1]:
            raise ConfigError(
                f"The plan is for another tokenizer than lies beside the weights of {question.model.source!r} here; "
                "give this machine the same model, or make the plan anew."
            )
        raise ConfigError(
            f"The plan is for {words[0]} and this machine computes in {words[1]}; make the plan where its shards run, "
            "or fix --device and --dtype in it."
        )
    work = parted(bench, kind, question, progress)
    if work.code != plan.code or __version__ != plan.program:
        raise ConfigError(
            f"The plan was made by version {plan.program} ({plan.code}) and this is version {__version__} "
            f"({work.code}); use one version everywhere, or make the plan anew."
        )
    ours = tuple(r.digest for r in work.requests)
    if ours != plan.requests:
        n = len(set(plan.requests) - set(ours))
        raise ConfigError(
            f"The data changed since the plan was made: {n} of its {len(plan.requests)} requests are not in "
            f"{work.dataset} now, which has {len(ours)}; bring the data back, or make the plan anew."
        )
    if work.key != plan.key:
        raise ConfigError("The plan's settings mean something else here than where it was made; make the plan anew.")
    return work


@dataclass(frozen=True)
class ShardDone:
    """What a shard did."""

    n_parts: int
    n_computed: int  # results that were not in the store
    seconds: float


def run_shard(bench: "Workbench", kind: Kind, plan: Plan, index: int, n_shards: int, progress: Progress) -> ShardDone:
    """Do what the store lacks of one shard's parts. Raises a GoldenLayersError; what was finished is stored."""
    if not 0 <= index < n_shards:
        raise ConfigError(f"Shard {index} of {n_shards} was asked for; --index counts from 0 to {n_shards - 1}.")
    mine = deal(plan.parts, n_shards)[index]
    began = time.perf_counter()
    if not mine:
        return ShardDone(0, 0, 0.0)
    work = open_work(bench, kind, plan, progress)
    computed = do_parts(bench, kind, plan, work, mine, progress, f"Shard {index} of {n_shards}")
    return ShardDone(len(mine), computed, time.perf_counter() - began)


def do_parts(
    bench: "Workbench",
    kind: Kind,
    plan: Plan,
    work: Parted,
    parts: Sequence[Part],
    progress: Progress,
    words: str = "Parts of the plan",
    each: int = 1,
) -> int:
    """Do what the store lacks of some parts, `each` units of progress long; how many results were computed.

    What was finished is stored.
    """
    counted, computed, total = work.batches(), 0, each * len(parts)
    for n, (part, there) in enumerate(zip(parts, work.done(parts), strict=True)):
        progress.update(each * n, total, words)
        if there:
            continue
        start, spent = time.perf_counter(), time.process_time()
        made = work.measure(part, progress.part(each * n, each, total))
        if made:
            seconds = (time.perf_counter() - start, time.process_time() - spent)
            _keep(bench, work, kind, plan, part, counted[part.index], made, seconds)
        computed += made
    progress.update(total, total, words)
    return computed


def _keep(
    bench: "Workbench",
    work: Parted,
    kind: Kind,
    plan: Plan,
    part: Part,
    batch: Batch,
    computed: int,
    seconds: tuple[float, float],
) -> None:
    """One row of what a part took, for the merged run and for the next plan's estimate."""
    each = [batch.each[batch.layers.index(layer)] for layer in part.layers] or list(batch.each)
    all_ = sum(each, batch.start)
    share = computed / max(len(part.requests) * part.n_layers, 1) if part.requests else computed / part.n_layers
    device, (wall, processor) = work.handle.device.type, seconds
    row = {
        "request": digest_of([plan.digest, part.index, part.layers]),
        "plan": plan.digest,
        "model": work.handle.result_key,
        "data": _data_of(work.question),
        "computed": computed,
        "tokens": batch.tokens,
        "gflop": all_.gflop * min(share, 1.0),
        "calls": all_.calls * min(share, 1.0),
        "wall": wall,
        "seconds": processor if device == "cpu" else wall,
    }
    bench.store.append_rows(TABLE, parts_key(kind.name, device), pd.DataFrame([row]))


def check_whole(plan: Plan, work: Parted) -> None:
    """Raises ConfigError, naming the parts, where the store lacks some of the plan's results."""
    missing = [part.index for part, there in zip(plan.parts, work.done(plan.parts), strict=True) if not there]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise ConfigError(
            f"{len(missing)} of the {len(plan.parts)} parts of this {plan.kind} are not in the store yet (part "
            f"{', '.join(map(str, missing[:_SHOWN]))}{more}); run the shards again, which skip what is there, and "
            "merge then."
        )


def spent_on(bench: "Workbench", plan: Plan, device: str) -> tuple[float, int]:
    """(seconds, results) that shards of this plan computed, all together."""
    rows = bench.store.read_rows(TABLE, parts_key(plan.kind, device))
    mine = rows[rows["plan"] == plan.digest] if len(rows) else rows
    return (float(mine["wall"].sum()), int(mine["computed"].sum())) if len(mine) else (0.0, 0)


def with_costs(found: Any, seconds: float, computed: int, **more: Any) -> Any:
    """A merged result, with what its shards spent in place of what reading it took; as it is where they spent none."""
    return dataclasses.replace(found, seconds=seconds, n_computed=computed, **more) if computed else found
