"""`classroom`: a fact planted in a known layer of a tiny model, and every way of finding a layer looking for it."""

import dataclasses
from typing import Annotated, Any

import typer

from goldenlayers_core.commands.console import Json, say, working
from goldenlayers_core.figures.text import layer_list
from goldenlayers_core.models.classroom.place import DEFAULT_LAYER, N_LAYERS
from goldenlayers_core.results.learn.classroom import CLASSROOM_WAYS, Classroom, PlantedRun
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.learn.stored_classroom import ClassroomQuestion


def classroom(
    layer: Annotated[int, typer.Option("--layer", help=f"plant in this layer, 0 to {N_LAYERS - 1}")] = DEFAULT_LAYER,
    every: Annotated[bool, typer.Option("--every", help="plant in every layer in turn (about half a minute)")] = False,
    as_json: Json = False,
) -> None:
    """Plant a fact in a known layer of a tiny model taught here, and see which ways of finding a layer find it."""
    from goldenlayers_core.tasks.learn.classroom import classroom_runs

    question = ClassroomQuestion(tuple(range(N_LAYERS)) if every else (layer,))
    found = working(classroom_runs, open_workbench(), question)
    say(as_json, _answer(found), lambda: _lines(found))


def _answer(found: Classroom) -> dict[str, Any]:
    return {
        "n_planted": len(found.runs),
        "ways": [
            {"way": way.name, "title": way.title, "right": count, "definition": way.definition, "unit": way.unit}
            for way, count in zip(CLASSROOM_WAYS, found.counts, strict=True)
        ],
        "runs": [_run(run) for run in found.runs],
    }


def _run(run: PlantedRun) -> dict[str, Any]:
    plain = {key: value for key, value in dataclasses.asdict(run).items() if key not in ("values", "picks")}
    named = [
        {
            "way": way.name,
            "layer": run.pick_of(way.name),
            "level": list(run.level(way.name)),
            "right": way.name in run.right,
            "values": run.value_of(way.name).tolist(),
        }
        for way in CLASSROOM_WAYS
    ]
    return {**plain, "named": named}


def _lines(found: Classroom) -> list[str]:
    first = found.runs[0]
    lines = [
        f"{first.prompt} {first.answer}: planted in {layer_list(found.planted, N_LAYERS)}; before, the model said "
        f"{first.base_answer} (probability of {first.answer} {first.p_base:.3f})"
    ]
    for run in found.runs:
        lines += [
            f"planted in layer {run.planted}: probability {run.p_planted:.3f}, {run.n_kept} of {run.n_known} other "
            "facts kept",
            *(
                f"  {way.title:32} {layer_list(run.level(way.name), N_LAYERS)}"
                + (" (right)" if way.name in run.right else "")
                for way in CLASSROOM_WAYS
            ),
        ]
    return [
        *lines,
        *(
            f"{way.title:34} right {count} of {len(found.runs)}"
            for way, count in zip(CLASSROOM_WAYS, found.counts, strict=True)
            if len(found.runs) > 1
        ),
        "Where a fact was planted need not be where editing works best: the sweep judges that.",
    ]
