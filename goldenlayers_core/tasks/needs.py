"""How much memory work takes, counted from a model's sizes. No torch.

Numbers that a token leaves in a layer, for a gated MLP (width d, inner m, queries q, keys and values kv each):

    forward and gradient   2 d + 4 q + 4 m          residual states; q, k, v, attention's output; gate, act, up, product
    LGA besides            6 d + 3 q + 4 kv + 4 m   inputs of the matrices, and gradients of two parts until the third
    edit-aware besides     2 d                      gradients at the matrix that is edited
    states kept            d + 2 kv                 what enters a layer, and its keys and values

A place that goes through the LM head leaves its logits four times in float32: logits, probabilities, gradient and one
on the way. docs/memory.md holds the predictions against measured peaks.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from goldenlayers_core.results.fit import MIB, Need, Outline, Precision

PROGRAMS: Final = 450 * MIB  # of a process with Python, torch and transformers, before its model; docs/memory.md
BYTES: Final = MappingProxyType({"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2})
_WORDS_BASE, _WORDS_TIMES, _PER_WORD = 15 * MIB, 9.7, 1024  # of a tokenizer: by its file, else by its words
_LOGITS: Final = 4  # float32 copies of the logits of a place in the LM head
_KEPT_COPIES: Final = 3  # of a trace's states: as they are kept, cut for a batch, and moved to its right end
_EDIT_TOKENS: Final = 30  # of the suffixes of one edit, with its templates
_EDIT_PLACES: Final = 48  # of its probes before and after that are read in the LM head
_PLACES: Final = 4  # tokens of probes for each that is read in the LM head
_SAMPLE: Final = 80  # tokens of a sample that covariances are estimated on


@dataclass(frozen=True, slots=True)
class Budgets:
    """Tokens of a batch by kind of work: what the work itself takes where nothing else is asked for."""

    score: int
    edit_aware: int
    value: int
    trace: int
    swept: int  # of probes, and of edit rows, whose states are kept
    samples: int  # drawn at one time
    logits: int  # formed at one time for the scores


BUDGETS: Final = MappingProxyType(
    {
        "cpu": Budgets(96, 192, 192, 256, 2400, 128, 2**22),
        "cuda": Budgets(4096, 4096, 4096, 4096, 2400, 512, 2**25),
    }
)


def words_need(outline: Outline) -> int:
    """Bytes of the tokenizer in memory, about."""
    by_file = int(_WORDS_TIMES * outline.words_bytes)
    return _WORDS_BASE + (by_file or _PER_WORD * outline.vocabulary)


def needs_of(outline: Outline, dtype: str, device: str) -> tuple[Need, ...]:
    """What each kind of work takes beside the weights, on a kind of device (cpu or cuda)."""
    budget, number = BUDGETS.get(device, BUDGETS["cuda"]), BYTES[dtype]
    passed = number * outline.n_layers * (2 * outline.width + 4 * outline.query + 4 * outline.inner)  # of a token
    watched = 6 * outline.width + 3 * outline.query + 4 * outline.keyvalue + 4 * outline.inner
    scored = passed + number * outline.n_layers * watched
    kept = number * outline.n_layers * (outline.width + 2 * outline.keyvalue)
    head = 4 * _LOGITS * outline.vocabulary  # of a place

    def need(name: str, title: str, tokens: int, n_bytes: float, why: str = "") -> Need:
        return Need(name, title, int(n_bytes), tokens, why)

    places = min(budget.score, max(1, budget.logits // max(outline.vocabulary, 1)))
    one = _EDIT_TOKENS * passed + _EDIT_PLACES * head
    probed = passed + number * outline.n_layers * 2 * outline.width + head / _PLACES
    square = 4 * outline.inner**2
    copies = 2 if device == "cpu" else 1
    drawn = budget.samples * (3 * 4 * outline.vocabulary + _SAMPLE * (kept - number * outline.n_layers * outline.width))
    return (
        need("score", "LGA", budget.score, budget.score * scored + places * head),
        need("edit-aware", "Edit-aware analysis", budget.edit_aware, budget.edit_aware * probed),
        need("edit", "One edit (ROME)", _EDIT_TOKENS, one),
        need(
            "sweep",
            "Sweep",
            budget.swept,
            budget.swept * 2 * kept + budget.value * (passed + head / _PLACES),
            f"states of {budget.swept:,} tokens of probes and as many of edits are kept",
        ),
        need("trace", "Causal trace", budget.trace, budget.trace * (_KEPT_COPIES * kept + head / 16)),
        need(
            "covariance",
            "Covariances of all layers",
            budget.samples,
            copies * outline.n_layers * square + drawn,
            f"{outline.n_layers} matrices of {outline.inner:,} x {outline.inner:,} float32 stay: "
            f"{outline.n_layers * square / 2**30:.1f} GiB"
            + (", while they are made twice as much" if copies > 1 else ""),
        ),
    )


def precision_of(outline: Outline, dtype: str, device: str, room: int, memory: int) -> Precision:
    """The weights in a number format on a kind of device, against `room` bytes there and `memory` of the machine's."""
    weights = outline.packed or outline.n_parameters * BYTES[dtype]
    needs = needs_of(outline, dtype, device) if outline.known else ()
    work = max((need.n_bytes for need in needs if need.name in ("score", "edit")), default=0)
    peak = weights + work
    host = weights if device == "cpu" else outline.largest * BYTES[dtype]
    process = PROGRAMS + words_need(outline) + peak
    needed = peak if device != "cpu" else peak + words_need(outline)
    return Precision(dtype, weights, host, peak, process, needs, needed <= room and host <= memory)
