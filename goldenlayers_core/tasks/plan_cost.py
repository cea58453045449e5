"""What the parts of a plan cost: work counted from shapes, and rates by which it takes time. No torch.

    seconds = start + sum over parts of ( gflop x seconds per GFLOP + calls x seconds per call )

Work is counted, not measured: multiply-adds of the matrices that a pass goes through, twice, and passes of a batch
through one block, which is what small models spend their time on. Rates are those of the parts that were measured in
this store, as a multiple of the stated ones: of the same data where there are any, which decide how many passes an
edit takes; where none was measured, the stated ones as they are. On a processor the rates are of processor seconds,
which other programs lengthen least, and threads are taken to share them evenly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from goldenlayers_core.runtime import Store

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle

TABLE: Final = "parts"
_ENOUGH: Final = 3  # measured parts that a rate needs, where they are of other data
_COUNT: Final = 2  # version of how work is counted: rates of another one do not fit
_PER_PASS: Final[dict[str, int]] = {"cpu": 256, "cuda": 8192}


@dataclass(frozen=True, slots=True)
class Work:
    """An amount of work, whoever does it."""

    gflop: float = 0.0
    calls: float = 0.0  # passes of a batch through one block

    def __add__(self, other: "Work") -> "Work":
        return Work(self.gflop + other.gflop, self.calls + other.calls)

    def times(self, factor: float) -> "Work":
        """So many times as much."""
        return Work(self.gflop * factor, self.calls * factor)


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model decides how much work a pass is."""

    layers: int
    block: int  # weights of a block
    head: int  # weights of the LM head
    inner: int  # width of the keys: of the input of the MLP output matrix
    per_pass: int  # tokens that go through a block at one time, about
    n_bytes: int  # of all weights in memory


def shape_of(handle: "ModelHandle") -> Shape:
    """The shape of a loaded model, whose blocks are alike."""
    return Shape(
        handle.n_layers,
        handle.n_block_parameters,
        handle.hidden_size * handle.vocabulary_size,
        handle.shape(handle.mlp_out(0))[1],
        _PER_PASS.get(handle.device.type, _PER_PASS["cuda"]),
        handle.n_bytes,
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """Seconds for work, and where they are from."""

    start: float  # seconds of a process before its first part: imports, model, data
    gflop: float  # seconds per GFLOP; on a processor, of one thread
    call: float  # seconds per call, likewise
    source: str  # one sentence
    measured: bool  # in this store
    threads: int = 1  # of a process

    def seconds(self, work: Work) -> float:
        """Of a process that has its device, or its threads, to itself."""
        return (self.gflop * work.gflop + self.call * work.calls) / self.threads


STATED: Final[dict[str, tuple[float, float, float]]] = {  # device -> start, per GFLOP, per call
    "cpu": (8.0, 0.0117, 0.0015),
    "cuda": (20.0, 0.0001, 0.0004),
}
_WHERE: Final = {
    "cpu": "two cores of a shared virtual machine (docs/scaling.md)",
    "cuda": "a guess of 10 TFLOP/s and 0.4 ms per block, measured nowhere yet",
}


def stated(device: str, threads: int = 1) -> Rate:
    """The rate where nothing was measured here; another kind of device counts as a GPU."""
    name = device if device in STATED else "cuda"
    return Rate(*STATED[name], f"The rates are stated ones: {_WHERE[name]}.", False, threads if name == "cpu" else 1)


def parts_key(kind: str, device: str) -> str:
    """Under what the store keeps measured parts."""
    return f"{kind}-{device}-{_COUNT}"


def rate_of(store: Store, kind: str, result_key: str, device: str, threads: int, data: str) -> Rate:
    """The rate of a kind of work on this model: by its own measured parts, of this data where there are any,
    else by those of other models, else stated."""
    base, rows = stated(device, threads), store.read_rows(TABLE, parts_key(kind, device))
    if not len(rows):
        return base
    own = rows[rows["model"] == result_key]
    used, whose = own[own["data"] == data], "of this model on this data"
    if not len(used):
        used, whose = (own, "of this model") if len(own) >= _ENOUGH else (rows, "of other models")
        if len(used) < _ENOUGH:
            return base
    factor = fitted(base, used)
    n = f"{len(used)} part{'s' if len(used) > 1 else ''}"
    words = f"The rates were measured on {n} {whose} in this store: {factor:.2f} times the stated ones."
    return Rate(base.start, factor * base.gflop, factor * base.call, words, True, base.threads)


def fitted(base: Rate, rows: pd.DataFrame) -> float:
    """By how much measured parts took longer than the base says: their sums, so that long parts count most."""
    said = base.gflop * rows["gflop"].sum() + base.call * rows["calls"].sum()
    return float(rows["seconds"].sum() / said) if said > 0 else 1.0


def slowest(shards: Sequence[float], rate: Rate) -> float:
    """Seconds until the last of several processes that start together is ready."""
    return rate.start + max(shards, default=0.0)
