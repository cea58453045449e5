"""Where a stack acts, on any prompt: the lens without and with its edits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenlayers_core.attribution.logit_lens import NOT_A_SUM, logit_lens
from goldenlayers_core.editing import overlay
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import encode_pair
from goldenlayers_core.records import ModelSource
from goldenlayers_core.results.edit.lens import LensResult
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.edit.own_request import check_asked

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench


def lens(
    bench: "Workbench", model: ModelSource, edit_ids: Sequence[str], prompt: str, new: str, old: str
) -> LensResult:
    """Old and new target through the layers, before and after the edits, stacked.

    Raises RequestError for an empty prompt or target, and for targets that begin with the same token.
    """
    check_asked(prompt, what="the beginning of a sentence that the answers complete")
    handle = bench.model(model)
    first, other = _first_tokens(handle, prompt, new, old)
    if first == other:
        raise RequestError(
            f"The targets {new!r} and {old!r} begin with the same token, so the lens cannot tell them apart; give two "
            "that begin differently."
        )
    edits = [open_edit(bench, edit_id) for edit_id in edit_ids]
    before = logit_lens(handle, prompt, first, other, (new, old))
    with handle.lock, overlay(handle, edits):
        after = logit_lens(handle, prefix_of(edits) + prompt, first, other, (new, old))
    told = before.has_contributions and after.has_contributions
    return LensResult(
        model=handle.name,
        prompt=prompt,
        tokens=tuple(str(handle.tokenizer.decode([token])) for token in (first, other)),  # type: ignore[arg-type]
        before=before,
        after=after,
        layers=tuple(sorted({layer for edit in edits for layer in edit.layers})),
        n_edits=len(edits),
        why_not="" if told else NOT_A_SUM,
        provenance={"dtype": handle.dtype_name, "device": str(handle.device)},
    )


def _first_tokens(handle: ModelHandle, prompt: str, new: str, old: str) -> tuple[int, int]:
    for which, target in (("new", new), ("old", old)):
        if not target.strip():
            raise RequestError(f"The {which} target is empty; write at least one word.")
    _, (first, other) = encode_pair(handle.tokenizer, prompt, (new, old))
    return first[0], other[0]
