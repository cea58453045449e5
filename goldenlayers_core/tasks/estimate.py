"""What a plan will cost, before it is run, with every assumption. No torch."""

from typing import TYPE_CHECKING, Any, Final

from goldenlayers_core.tasks.parts import deal
from goldenlayers_core.tasks.plan_cost import Rate, Shape, shape_of
from goldenlayers_core.tasks.plan_file import Plan

if TYPE_CHECKING:
    from goldenlayers_core.models import ModelHandle

_SHARDS: Final = (1, 2, 4, 8, 64, 512)
_PER_RESULT: Final[dict[str, int]] = {  # bytes per request and layer, rows and run together; measured for the first two
    "sweep": 2000,
    "score": 300,
    "trace": 300,
}
_PER_REPORT: Final = 30_000  # bytes of one edit with its probes, before and after
_PER_FILE: Final = 20_000  # bytes of a file of rows beside them
_MOST_FILES: Final = 64  # of rows, before they are merged
_PROCESS: Final = 450 * 2**20  # bytes of a process before its model: Python, torch, transformers
_STATES: Final = 0.5  # of the weights' bytes, for hidden states, gradients and what the allocator keeps


def estimated(plan: Plan, rate: Rate, handle: "ModelHandle") -> dict[str, Any]:
    """Seconds by number of shards, and bytes in memory and in the store, as JSON; `handle` is of the plan's model."""
    shape = shape_of(handle)
    shards = []
    for n in _SHARDS:
        dealt = [sum(part.cost for part in shard) for shard in deal(plan.parts, n)]
        busy = sum(1 for seconds in dealt if seconds)
        shards.append({"shards": n, "seconds": rate.start + max(dealt), "all": sum(dealt) + busy * rate.start})
        if busy < n:
            break
    device = handle.device.type
    alone = "its GPU" if device != "cpu" else f"{rate.threads} cores for its threads"
    return {
        "shards": shards,
        "bytes_stored": _stored(plan, shape),
        "bytes_in_memory": int(shape.n_bytes * (1 + _STATES)) + _PROCESS,
        "measured_here": rate.measured,
        "assumptions": [
            *plan.assumptions,
            f"A process takes {rate.start:g} s to start: imports, model, data.",
            f"{rate.gflop:.3g} s per GFLOP and {rate.call:.3g} s per pass of a batch through a block, of a process "
            f"that has {alone} to itself.",
            f"All processes run at once, each on a device like this one ({device}, {handle.dtype_name}).",
            f"In memory: the weights, {_STATES:.0%} of them for states, and {_PROCESS // 2**20} MiB of programs; on "
            "one machine the weights are read from the same file and count once.",
        ],
    }


def _stored(plan: Plan, shape: Shape) -> int:
    """Bytes in the store, about: of the rows and of the run."""
    layers = sum(part.n_layers for part in plan.parts)
    if plan.kind == "covariance":
        return 2 * shape.inner**2 * layers  # half of a symmetric float32 matrix
    each = _PER_REPORT
    if plan.kind in _PER_RESULT:
        each = _PER_RESULT[plan.kind] * max((len(part.layers) for part in plan.parts), default=0)
        each = each or _PER_RESULT[plan.kind] * shape.layers
    return len(plan.requests) * each + _PER_FILE * min(layers, _MOST_FILES)


def estimate_lines(content: dict[str, Any]) -> list[str]:
    """The same for a person."""
    memory, stored = content["bytes_in_memory"] / 2**30, content["bytes_stored"] / 2**20
    return [
        "About how long it takes:",
        *(
            f"  {row['shards']:4} shards: {_long(row['seconds'])} until the last is ready; together {_long(row['all'])}"
            for row in content["shards"]
        ),
        f"  {memory:.1f} GiB of memory a process, {stored:.1f} MiB in the store",
        "This stands on:",
        *(f"  {sentence}" for sentence in content["assumptions"]),
    ]


def _long(seconds: float) -> str:
    """Seconds in the unit that fits."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
