"""One changed bit in any stored file: what is opened is as it was, or a sentence; never other numbers."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.errors import StoreError
from goldenlayers_core.runtime import RunManifest, Store, now

N_FLIPS = 60  # per file; `make torture` tries thousands


def filled(root: Path) -> Store:
    """A store with a file of every kind."""
    store = Store(root)
    numbers = np.random.default_rng(0).normal(size=(6, 4))
    frame = pd.DataFrame({"request": list("abcdef"), "value": list(numbers), "said": ["Paris", "Rome"] * 3})
    store.append_rows("scores", "key", frame)
    run = RunManifest("score-1", "score", "A run", now(), "m", "f" * 32, "d", "e" * 32, 6, "{}", 1.5)
    store.save_run(run, {"scores": frame.drop(columns="value").assign(x=numbers[:, 0])}, {"report": "[1, 2, 3.5]"})
    store.save_json("cards", "card", {"layer": 3, "share": 0.25, "words": ["Zürich", "東京"]})
    store.save_arrays("edits", "edit", {"left": numbers, "right": numbers.astype(np.float32)}, {"layer": "3"})
    return store


def seen(store: Store) -> dict[str, Any]:
    """Everything in it, as plain values; a sentence where something cannot be opened."""

    def told(read: Any) -> Any:
        try:
            return read()
        except StoreError as error:
            return error

    def run() -> Any:
        found = store.load_run("score-1")
        return found.manifest, found.frames["scores"].to_dict("list"), dict(found.texts)

    def arrays() -> Any:
        found, meta = store.load_arrays("edits", "edit")
        return {name: (array.dtype.str, array.tolist()) for name, array in found.items()}, meta

    def rows() -> Any:
        found = store.read_rows("scores", "key")
        return [] if found.empty else [(r.request, tuple(r.value), r.said) for r in found.itertuples()]

    return {
        "run": told(run),
        "listed": told(store.runs),
        "rows": told(rows),
        "json": told(lambda: store.load_json("cards", "card")),
        "arrays": told(arrays),
    }


def lost(value: Any) -> bool:
    """Whether something is a sentence, or gone."""
    return isinstance(value, StoreError) or value in ((), [])


@pytest.mark.parametrize("kind", ["tables", "manifest.json", "frames", "texts", "cards", "edits", "store.json"])
def test_no_changed_bit_is_silent(tmp_path: Path, kind: str) -> None:
    whole = seen(filled(tmp_path / "whole"))
    (file,) = (
        f for f in (tmp_path / "whole").rglob("*") if f.is_file() and kind in f.as_posix() and f.name != "tables"
    )
    data, random = file.read_bytes(), np.random.default_rng(1)
    noticed = 0
    for bit in random.choice(8 * len(data), size=min(N_FLIPS, 8 * len(data)), replace=False).tolist():
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "whole", copy)
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        (copy / file.relative_to(tmp_path / "whole")).write_bytes(bytes(changed))
        try:
            found = seen(Store(copy))
        except StoreError:  # a store of a version that does not exist
            noticed += 1
        else:
            silent = [name for name in whole if found[name] != whole[name] and not lost(found[name])]
            assert not silent, (kind, bit, silent)
            noticed += found != whole
        shutil.rmtree(copy)
    assert noticed or kind == "store.json"


def test_no_changed_bit_of_a_description_is_silent(tmp_path: Path) -> None:
    """Every bit of it: also of the name under which it holds its own digest."""
    whole = seen(filled(tmp_path))["arrays"]
    (file,) = (tmp_path / "objects" / "edits").glob("*.safetensors")
    data, store = file.read_bytes(), Store(tmp_path)
    silent, noticed = [], 0
    for bit in range(64, 8 * (8 + int.from_bytes(data[:8], "little"))):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        file.write_bytes(bytes(changed))  # what was set aside, is there again
        try:
            arrays, meta = store.load_arrays("edits", "edit")
        except StoreError:
            noticed += 1
            continue
        if ({name: (array.dtype.str, array.tolist()) for name, array in arrays.items()}, meta) != whole:
            silent.append(bit)
    assert not silent
    assert noticed
