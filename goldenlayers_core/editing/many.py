"""Many edits: every request at a layer, by the method's own batched way where it has one, else one after another."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest

Outcome = Edit | str  # the edit, or why there is none


def edits_at(
    handle: ModelHandle,
    method: MethodInfo,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    config: Any,
    supplies: Supplies,
    between: Callable[[], None] | None = None,
    token_budget: int | None = None,
) -> Iterator[tuple[int, tuple[Outcome, ...]]]:
    """For each of `layers`, in that order, the edit of every request at it, computed on the unedited model.

    Raises RequestError for a request that cannot be edited at any layer, and whatever `between`, called between steps,
    raises. An edit that failed at one layer is a sentence.
    """
    if method.run_many is not None:
        yield from method.run_many(handle, requests, layers, config, supplies, between, token_budget)
        return

    def step(_done: int, _total: int, _note: str) -> None:
        if between:
            between()

    for layer in layers:
        found: list[Outcome] = []
        for request in requests:
            try:
                found.append(method.run(handle, request, layer, config, supplies, step))
            except EditError as error:
                found.append(str(error))
        yield layer, tuple(found)
