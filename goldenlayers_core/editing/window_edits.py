"""Edits that write into a window of layers: many facts as one, or each as an edit of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from goldenlayers_core.editing.clean import clean_states
from goldenlayers_core.editing.delta import Edit, Factors, make_edit, not_finite
from goldenlayers_core.editing.least_squares import Rule, WindowConfig, window_of
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.editing.rome import default_budget
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.editing.supplies import Supplies
from goldenlayers_core.editing.window import StepDone, Wanted, joined, sites_of, wanted, write
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.records import EditRequest

_CHUNK_TOKENS: Final = 2400  # of edit rows whose states are kept at one time


def write_batch(
    rule_of: Callable[[Any], Rule],
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layer: int,
    config: WindowConfig,
    supplies: Supplies,
    progress: StepDone | None = None,
) -> Edit:
    """All requests as one edit, by the rule that the method makes of its config.

    Raises EditError (layer out of range, numbers not finite, too many facts), RequestError, and whatever
    `progress(done, total, note)`, called after every step, raises.
    """
    handle.check_layer(layer)
    rule = rule_of(config)
    if not requests:
        raise EditError("No fact was given to write; give at least one request.")
    window, total = window_of(layer, config, handle.n_layers), len(requests) * config.steps
    start, parts, done = time.perf_counter(), [], 0
    for chunk in _chunks(handle, requests, supplies):
        rows = [row for i, request in enumerate(chunk) for row in edit_rows(handle, request, supplies.templates, i)]
        parts.append(_values(handle, rule, rows, window, config, _counted(progress, done * config.steps, total)))
        bad = next((r for r, failed in zip(chunk, parts[-1].values.failed, strict=True) if failed), None)
        if bad is not None:
            raise EditError(f"{bad.prompt!r}: {not_finite(handle, window[-1])}")
        done += len(chunk)
    aim, middle = joined(parts), time.perf_counter()

    def between(note: str) -> None:
        if progress:
            progress(total, total, note)

    written, missing = write(handle, rule, aim, supplies, False, between)
    stages = (
        (f"optimisation, {max(aim.values.steps)} steps", middle - start),
        (f"writing, {len(written)} layers", time.perf_counter() - middle),
    )
    notes = {
        "loss": sum(aim.values.loss) / len(requests),
        "steps": float(max(aim.values.steps)),
        "value_change": sum(map(aim.values.change, range(len(requests)))) / len(requests),
        "missing": missing,  # share of the value's change that the least squares left unwritten
    }
    factors = [Factors(at, w.left.mT, w.right.mT) for at, w in written.items()]
    keys = [(at, w.keys) for at, w in written.items()]
    return make_edit(handle, requests, rule.name, factors, asdict(config), stages, notes, keys=keys)


def write_many(
    rule_of: Callable[[Any], Rule],
    handle: ModelHandle,
    requests: Sequence[EditRequest],
    layers: Sequence[int],
    config: WindowConfig,
    supplies: Supplies,
    between: Callable[[], None] | None = None,
    token_budget: int | None = None,
) -> Iterator[tuple[int, tuple[Edit | str, ...]]]:
    """For each layer every request as an edit of its own, in the window around it; see `editing.many.edits_at`.

    One forward pass of the unedited model serves every window, values are optimised together, and the keys of all
    requests, each under its own edit, are read in one pass per layer of a window. Layers near an end of the model
    share a window, which is computed once.
    """
    rows = [row for i, request in enumerate(requests) for row in edit_rows(handle, request, supplies.templates, i)]
    rule = rule_of(config)

    def check(_done: int = 0, _total: int = 0, _note: str = "") -> None:
        if between:
            between()

    windows = {layer: window_of(layer, config, handle.n_layers) for layer in layers}
    ends, firsts = sorted({w[-1] for w in windows.values()}), sorted({w[0] for w in windows.values()})
    clean = clean_states(handle, rows, ends, sites_of(handle, rule), firsts, check)
    made: dict[tuple[int, ...], tuple[Edit | str, ...]] = {}
    for layer in layers:
        window = windows[layer]
        if window not in made:
            aim = wanted(handle, rows, clean, window, config, check, spared(token_budget or default_budget(handle)))
            made[window] = _each(handle, rule, requests, aim, config, supplies, check)
        yield layer, made[window]


def _values(
    handle: ModelHandle,
    rule: Rule,
    rows: Sequence[Row],
    window: Sequence[int],
    config: WindowConfig,
    step: StepDone | None,
) -> Wanted:
    with handle.lock, few_rows(handle):
        clean = clean_states(handle, rows, window[-1:], sites_of(handle, rule), window[:1])
    return wanted(handle, rows, clean, window, config, step, spared(default_budget(handle)))


def _each(
    handle: ModelHandle,
    rule: Rule,
    requests: Sequence[EditRequest],
    aim: Wanted,
    config: WindowConfig,
    supplies: Supplies,
    check: Callable[[], None],
) -> tuple[Edit | str, ...]:
    try:
        written, _ = write(handle, rule, aim, supplies, True, lambda _note: check())
    except EditError as error:
        return (str(error),) * len(requests)
    found: list[Edit | str] = []
    for e, request in enumerate(requests):
        if aim.values.failed[e]:
            found.append(str(not_finite(handle, aim.layers[-1])))
            continue
        notes = {"loss": aim.values.loss[e], "steps": aim.values.steps[e], "value_change": aim.values.change(e)}
        factors = [Factors(at, w.left[e][:, None], w.right[e][:, None]) for at, w in written.items()]
        keys = [(at, w.keys[e : e + 1]) for at, w in written.items()]
        try:
            found.append(make_edit(handle, request, rule.name, factors, asdict(config), notes=notes, keys=keys))
        except EditError as error:
            found.append(str(error))
    return tuple(found)


def _chunks(handle: ModelHandle, requests: Sequence[EditRequest], supplies: Supplies) -> Iterator[list[EditRequest]]:
    """Requests in groups whose states fit in memory together, one at least."""
    chunk: list[EditRequest] = []
    tokens = 0
    for request in requests:
        own = sum(len(row.ids) for row in edit_rows(handle, request, supplies.templates))
        if chunk and tokens + own > _CHUNK_TOKENS:
            yield chunk
            chunk, tokens = [], 0
        chunk.append(request)
        tokens += own
    if chunk:
        yield chunk


def _counted(progress: StepDone | None, offset: int, total: int) -> StepDone | None:
    """Progress of a chunk as progress of the whole."""
    if progress is None:
        return None
    report = progress
    return lambda done, _total, note: report(offset + done, total, note)


def window_method(
    name: str,
    title: str,
    description: str,
    config_class: type[Any],
    rule: Callable[[Any], Rule],
    literature: str,
) -> MethodInfo:
    """What a method of the family registers: `rule(config)` is all that it brings of its own."""

    def run(handle: ModelHandle, request: EditRequest, *rest: Any) -> Edit:
        return write_batch(rule, handle, [request], *rest)

    many, batch = partial(write_many, rule), partial(write_batch, rule)
    words = (name, title, description, config_class)
    return MethodInfo(*words, run, many, batch, layers_of=window_of, literature=literature)
