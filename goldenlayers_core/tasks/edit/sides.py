"""The same prompts, with the same seed, to the unedited model and to stacks of stored edits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenlayers_core.editing import overlay
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.generate import continued
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.edit.sides import Decoding, Side, SideBySide
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.edit.own_request import MOST_PROMPTS, check_asked

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def side_by_side(
    bench: "Workbench",
    model: ModelSource,
    stacks: Sequence[tuple[str, Sequence[str]]],
    prompts: Sequence[str],
    decoding: Decoding,
) -> SideBySide:
    """Every prompt to the unedited model, then to each (name, edit ids). Raises RequestError and EditError."""
    if not prompts or len(prompts) > MOST_PROMPTS:
        raise RequestError(f"{len(prompts)} prompts came; give 1 to {MOST_PROMPTS}.")
    for prompt in prompts:
        check_asked(prompt, "A prompt")
    handle = bench.model(model)
    sides = [Side("unedited", 0, continued(handle, prompts, decoding))]
    for name, edit_ids in stacks:
        edits = [open_edit(bench, edit_id) for edit_id in edit_ids]
        with handle.lock, overlay(handle, edits):
            sides.append(Side(name, len(edits), continued(handle, prompts, decoding, prefix_of(edits))))
    return SideBySide(handle.name, tuple(prompts), tuple(sides), decoding)
