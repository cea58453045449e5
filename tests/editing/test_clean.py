"""What the unedited model holds is the same in one pass and in several, between which others may have the model."""

import threading

import pytest
import torch

from goldenlayers_core.editing import clean
from goldenlayers_core.editing.rows import Row, edit_rows
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest
from tests.tiny import tiny_handle

LAYERS = (0, 1, 2)


def rows_of(handle: ModelHandle) -> tuple[Row, ...]:
    facts = (("The capital of France is", "France", "Rome"), ("The language spoken in Brazil is", "Brazil", "Japanese"))
    return tuple(
        row
        for i, (prompt, subject, new) in enumerate(facts)
        for row in edit_rows(handle, EditRequest("c", prompt, subject, new, ""), ("{}", "Yes. {}", "In Europe {}"), i)
    )


def is_free(handle: ModelHandle) -> bool:
    """Whether another thread could have the model now."""
    found: list[bool] = []

    def look() -> None:
        found.append(handle.lock.acquire(blocking=False))
        if found[0]:
            handle.lock.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("row", ["llama", "gpt2", "opt"])
def test_several_passes_give_what_one_gives(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = tiny_handle(row)
    rows, free = rows_of(handle), list[bool]()
    whole = clean.clean_states(handle, rows, LAYERS, ("mlp", "attention"))
    monkeypatch.setattr(clean, "_TOGETHER", {"cpu": 3 * whole.ids.shape[1]})
    parts = clean.clean_states(handle, rows, LAYERS, ("mlp", "attention"), between=lambda: free.append(is_free(handle)))
    assert free == [True] * 3  # 8 rows, 3 at a time
    for layer in LAYERS:
        one, other = whole.at(layer), parts.at(layer)
        torch.testing.assert_close(other.keys, one.keys, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(other.values, one.values, rtol=1e-5, atol=1e-6)
        for pair, same in zip(other.whole.pairs, one.whole.pairs, strict=True):
            torch.testing.assert_close(pair, same, rtol=1e-5, atol=1e-6)
        if one.whole.hidden is not None:
            torch.testing.assert_close(other.whole.hidden, one.whole.hidden, rtol=1e-5, atol=1e-6)
