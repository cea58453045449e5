"""One stored edit travelling through its model, on a prompt; computed once and kept."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from goldenlayers_core.attribution.travel import Spoken, changed, followed, relative_change, spoken, states
from goldenlayers_core.editing import Edit, get_method, overlay
from goldenlayers_core.errors import EditError, RequestError, StoreError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import encode_pair, subject_last
from goldenlayers_core.records import ModelSource, digest_of
from goldenlayers_core.results.edit.travel import Travel
from goldenlayers_core.subject import occurrences
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.edit.own_request import check_asked
from goldenlayers_core.tasks.serial import plain, restored

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

MOST_TOKENS: Final = 96
TRAVEL_VERSION: Final = "travel-1"
_KEPT: Final = "travels"
_ARRAYS: Final = ("change", "alone", "odds_before", "odds_after", "p_before", "p_after")


def travel(bench: "Workbench", model: ModelSource, edit_id: str, prompt: str, at: int | None = None) -> Travel:
    """What a stored edit changes of every hidden state on a prompt; the edits it was computed on lie below it, before
    and after. `at`: the character where the subject begins, where that is known.

    Raises EditError for an edit that acts at no layer, RequestError for a prompt that is empty or has more than
    MOST_TOKENS tokens, StoreError where an edit is gone.
    """
    check_asked(prompt)
    handle, edit = bench.model(model), open_edit(bench, edit_id)
    if not edit.layers:
        raise EditError(
            "An in-context edit is a text before the prompt and acts at no layer, so nothing travels; choose an edit "
            "that is written into a layer."
        )
    name = digest_of([handle.result_key, edit_id, edit.below, prompt, at, TRAVEL_VERSION])
    if name in bench.store.names(_KEPT):
        try:
            return bench.store.read_arrays(_KEPT, name, _restored)
        except StoreError:
            pass  # damaged: it is set aside, and computed again
    found = _computed(handle, edit, [open_edit(bench, earlier) for earlier in edit.below], prompt, at)
    content = {key: value for key, value in plain(found).items() if key not in _ARRAYS}
    arrays = {key: np.ascontiguousarray(getattr(found, key)) for key in _ARRAYS}
    bench.store.save_arrays(_KEPT, name, arrays, {"travel": json.dumps(content)})
    return found


def _restored(arrays: dict[str, NDArray[Any]], meta: Mapping[str, str]) -> Travel:
    return restored(Travel, {**json.loads(meta["travel"]), **{key: arrays[key] for key in _ARRAYS}})


def _computed(handle: ModelHandle, edit: Edit, below: list[Edit], prompt: str, at: int | None) -> Travel:
    fact = edit.fact
    targets = [target for target in (fact.target_new, fact.target_true) if target.strip()]
    ids, answers = encode_pair(handle.tokenizer, prompt, targets)
    if len(ids) > MOST_TOKENS:
        raise RequestError(
            f"The prompt has {len(ids)} tokens; this picture shows at most {MOST_TOKENS}, so shorten it."
        )
    new, old = answers[0][0], answers[-1][0]
    subject = _written_at(handle, edit, prompt, at, len(ids))
    with handle.lock, overlay(handle, below):
        clean = states(handle, ids)
        before = spoken(handle, clean, new)
        with overlay(handle, [edit]):
            edited = states(handle, ids)
        after = changed(before, spoken(handle, edited[edit.layer :], new), edit.layer)
        change = relative_change(clean, edited)
        alone = torch.full_like(change, torch.nan)
        if subject is not None:
            with overlay(handle, [edit], only_at=subject):
                alone = relative_change(clean, states(handle, ids))
        kept = followed(before, after, new, old)
    words = [str(handle.tokenizer.decode([token])) for token in ids]
    return Travel(
        model=handle.name,
        edit_id=edit.edit_id,
        method=edit.method,
        prompt=prompt,
        tokens=tuple(words),
        layers=edit.layers,
        n_below=len(below),
        subject=subject,
        new=str(handle.tokenizer.decode([new])),
        old=str(handle.tokenizer.decode([old])) if len(targets) > 1 else "",
        change=_array(change),
        alone=_array(alone),
        odds_before=_array(before.odds),
        odds_after=_array(after.odds),
        followed=tuple(str(handle.tokenizer.decode([token])) for token in kept),
        p_before=_array(before.last[:, kept].exp()),
        p_after=_array(after.last[:, kept].exp()),
        says=_says(handle, before, after),
        provenance={"dtype": handle.dtype_name, "device": str(handle.device), "code": TRAVEL_VERSION},
    )


def _written_at(handle: ModelHandle, edit: Edit, prompt: str, at: int | None, length: int) -> int | None:
    """The subject's last token, where the method writes there and the prompt has the subject."""
    if get_method(edit.method).kind != "weights" or not edit.fact.subject.strip():
        return None
    places = [start for start, _ in occurrences(edit.fact.subject, prompt)]
    if not places:
        return None
    start = at if at in places else places[0]
    written = next(prompt[a:b] for a, b in occurrences(edit.fact.subject, prompt) if a == start)
    return min(subject_last(handle.tokenizer, prompt, written, start), length - 1)


def _says(handle: ModelHandle, before: Spoken, after: Spoken) -> tuple[tuple[str, str], ...]:
    """The likeliest token at the last token after every layer, before and after the edit."""
    pairs = zip(*(said.last.argmax(dim=1).tolist() for said in (before, after)), strict=True)
    return tuple((str(handle.tokenizer.decode([a])), str(handle.tokenizer.decode([b]))) for a, b in pairs)


def _array(tensor: Tensor) -> NDArray[np.float64]:
    found: NDArray[np.float64] = tensor.double().cpu().numpy()
    return found
