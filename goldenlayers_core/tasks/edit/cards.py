"""What the bench shows of stored edits, without torch: their cards, and the runs that measured them."""

import json
from typing import TYPE_CHECKING, Any

from goldenlayers_core.errors import StoreError
from goldenlayers_core.results.edit.stack import EditCard

if TYPE_CHECKING:
    from goldenlayers_core.runtime import Store

FORMATS = ("golden-layers-edit-2",)


def edit_card(store: "Store", edit_id: str) -> EditCard:
    """A stored edit as the bench lists it. Raises StoreError when it is missing or of another format."""
    arrays, meta = store.load_arrays("edits", edit_id)
    if meta.get("format") not in FORMATS:
        raise StoreError(
            f"The edit {edit_id} is of the format {meta.get('format')!r} and this program reads {FORMATS[0]!r}; make "
            "the edit again."
        )
    layers = {int(name.rpartition(".")[2]) for name in arrays if name.startswith(("left.", "book."))}
    written = [name for name in arrays if not name.startswith("keys.")]
    return EditCard(
        edit_id=edit_id,
        method=meta["method"],
        facts=tuple((f["prompt"], f["subject"], f["target_new"]) for f in json.loads(meta["facts"])),
        layers=tuple(sorted(layers)),
        rank=sum(int(arrays[name].shape[1]) for name in written if name.startswith("left.")),
        entries=sum(len(arrays[name]) for name in written if name.startswith("book.radii.")),
        prefix=meta.get("prefix", ""),
        weight_change=float(meta["weight_change"]),
        n_bytes=sum(int(arrays[name].nbytes) for name in written) + len(meta.get("prefix", "").encode()),
        fingerprint=meta["fingerprint"],
        below=tuple(json.loads(meta.get("below", "[]"))),
    )


def edit_of_run(store: "Store", run_id: str) -> str:
    """The id of the edit that a run measured. Raises StoreError when the run is gone or measured none."""
    text = store.load_run(run_id).texts.get("report")
    if text is None:
        raise StoreError(f"The run {run_id} holds no edit report; choose a run of kind edit.")
    report: dict[str, Any] = json.loads(text)
    return str(report["edit_id"])
