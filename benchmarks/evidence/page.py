"""docs/evidence.md: tables, and sentences that say no more than their intervals do."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.evidence.carried import MARGINS, across_data, across_ways, how_many
from benchmarks.evidence.judged import (
    EARLIER,
    SWEEP,
    Judged,
    ceiling,
    choices,
    judged,
    level_layers,
)
from benchmarks.evidence.raced import search
from benchmarks.evidence.tables import PROBES, Edits, Estimates, Place, Sweep
from benchmarks.evidence.words import FEW, GOAL_WORDS, GOALS, HEAD, PICKS, TITLES, heading, interval, number
from goldenlayers_core.results.layer_stack import spans


def page(edits: Edits, estimates: Estimates, pictures: Sequence[str] = ()) -> str:
    """The whole text; `pictures` are files beside it."""
    shown = [f"![Score of real edits by layer, and what was picked]({name})\n" for name in pictures]
    parts = [HEAD, *shown, *measured(edits), *picks(edits, estimates), *by_metric(edits, estimates)]
    parts += [*across_data(edits), *across_ways(edits), *how_many(edits), *search(edits, estimates)]
    parts += goals(edits, estimates)
    return "\n".join(parts) + "\n"


def measured(edits: Edits) -> Iterator[str]:
    """What the tables hold."""
    yield "## What was measured\n"
    yield "| model | data | way of editing | proxy requests | test requests | edits | seconds per edit |"
    yield "|---|---|---|---|---|---|---|"
    total = 0
    for place in edits.places():
        proxy, test = edits.sweep(place, "proxy"), edits.sweep(place, "test")
        n = sum(one.score.size for one in (proxy, test) if one is not None)
        total += n
        seconds = np.mean([one.seconds_per_edit for one in (proxy, test) if one is not None])
        counts = " | ".join(str(len(one.requests)) if one is not None else "-" for one in (proxy, test))
        yield f"| {place.model} | {place.data} | {place.way} | {counts} | {n:,} | {seconds:.2f} |"
    yield f"\n{total:,} edits in all. Models: " + "; ".join(
        f"{model} is {TITLES.get(model, model)}, weights {fingerprint[:8]}"
        for model, fingerprint in edits.fingerprints.items()
    )
    yield ""


def rows_of(edits: Edits, estimates: Estimates, place: Place) -> tuple[str, list[Judged]] | None:
    """(what they were judged on, every way judged) at a place; None where nothing was chosen there."""
    proxy, test = edits.chosen_on(place), edits.sweep(place, "test")
    if proxy is None:
        return None
    made = choices(place, proxy, estimates)
    if test is not None:
        return f"{len(proxy.requests)} proxy and {len(test.requests)} test requests", [judged(test, c) for c in made]
    made = [choice for choice in made if choice.way != SWEEP]
    return f"chosen and judged on the same {len(proxy.requests)} proxy requests", [judged(proxy, c) for c in made]


def picks(edits: Edits, estimates: Estimates) -> Iterator[str]:
    """The main table, one per place, with a sentence on each."""
    yield "## What each way picks, and what that is worth\n"
    for place in (*edits.together(), *edits.places()):
        found = rows_of(edits, estimates, place)
        if found is None:
            continue
        words, rows = found
        sweep = edits.sweep(place, "test") or edits.sweep(place, "proxy")
        assert sweep is not None
        yield f"### {TITLES.get(place.model, place.model)}, {place.data}, {place.way} ({words})\n"
        yield level_sentence(sweep) + " " + verdicts(rows, len(sweep.requests)) + "\n"
        yield from heading(PICKS)
        for row in rows:
            yield _row(row)
        best = sweep.score.max(axis=1).mean()
        yield f"| each request's own best layer | - | - | {best:.3f} | 0 | - | - | - |"
        yield f"| *the true layer means* | - | - | - | - | - | *{number(ceiling(sweep.score))}* | - |\n"


def level_sentence(sweep: Sweep) -> str:
    """The best fixed layer and what cannot be told apart from it."""
    means = sweep.score.mean(axis=0)
    best = sweep.layers[int(means.round(9).argmax())]
    level = level_layers(sweep)
    others = [layer for layer in level if layer != best]
    tail = f"cannot be told apart from {spans(tuple(others))}" if others else "is ahead of every other layer"
    return f"The best fixed layer is {best} ({means.max():.3f}); on {len(sweep.requests)} requests it {tail}."


def verdicts(rows: Sequence[Judged], n: int) -> str:
    """Who is level with the best layer and who is behind it."""
    if n < FEW:
        return f"{n} requests are too few to tell the ways apart."
    level = [f"{row.choice.way} ({row.choice.layer})" for row in rows if row.level]
    behind = [
        f"{row.choice.way} ({row.choice.layer}, {row.behind[0]:.2f} [{row.behind[1]:.2f}, {row.behind[2]:.2f}])"
        for row in rows
        if not row.level
    ]
    said = [f"Level with it: {'; '.join(level)}." if level else "No way picks a layer that is level with it."]
    if behind:
        said.append(f"Behind it: {'; '.join(behind)}.")
    return " ".join(said)


def _row(row: Judged) -> str:
    one = row.choice
    stability = "-" if one.stability is None else f"{one.stability:.0%}"
    cells = [one.way, str(one.layer), stability, f"{row.score:.3f}", interval(row.regret), interval(row.behind)]
    cells.append(number(row.spearman.get("score")))
    cells.append("-" if one.seconds is None or not np.isfinite(one.seconds) else f"{one.seconds:,.0f}")
    return "| " + " | ".join(cells) + " |"


def by_metric(edits: Edits, estimates: Estimates) -> Iterator[str]:
    """Spearman of each estimate with each metric."""
    yield "## Which metric an estimate follows (Spearman over layers)\n"
    yield "| model | data | way of editing | estimate | score | rewrite | rephrase | locality | portability |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for place in (*edits.together(), *edits.places()):
        for row in (rows_of(edits, estimates, place) or ("", []))[1]:
            if row.spearman and row.choice.way != SWEEP:
                numbers = " | ".join(number(row.spearman.get(name)) for name in ("score", *PROBES))
                yield f"| {place.model} | {place.data} | {place.way} | {row.choice.way} | {numbers} |"
    yield ""


def goals(edits: Edits, estimates: Estimates) -> Iterator[str]:
    """What was aimed at, and what each estimate reaches: with each way of editing, and with both."""
    yield "## Goals, and what is reached\n"
    yield GOAL_WORDS + "\n"
    tables: dict[str, dict[str, list[tuple[Judged, Judged | None]]]] = {}
    for place in edits.places():
        if not place.way.startswith("ROME") or edits.sweep(place, "test") is None:
            continue
        rows = (rows_of(edits, estimates, place) or ("", []))[1]
        simple = next((row for row in rows if row.choice.way == EARLIER), None)
        for row in rows:
            for name in ("ROME, both", place.way):
                tables.setdefault(name, {}).setdefault(row.choice.way, []).append((row, simple))
    if not tables:
        yield "No test part has been swept yet.\n"
        return
    for name, table in tables.items():
        yield f"### {name}\n"
        yield from heading(GOALS)
        yield from (_reached(way, found) for way, found in table.items())
        yield ""


def _reached(way: str, found: Sequence[tuple[Judged, Judged | None]]) -> str:
    """One way of choosing, over all the places that have it."""
    n = len(found)
    near, far = (sum(row.behind[0] <= margin for row, _ in found) for margin in MARGINS)
    high = sum(row.spearman.get("score", -1) >= 0.9 for row, _ in found)
    level = sum(row.level for row, _ in found)
    worse = sum(simple is not None and row.behind[0] > simple.behind[0] + 1e-9 for row, simple in found)
    mean = np.mean([row.behind[0] for row, _ in found])
    ranked = f"{high} of {n}" if found[0][0].choice.means is not None else "-"
    counts = " | ".join(f"{count} of {n}" for count in (near, far, level, worse))
    return f"| {way} | {n} | {ranked} | {counts} | {mean:.3f} |"
