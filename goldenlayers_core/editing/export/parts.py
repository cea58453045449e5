"""What an edit is made of, and how an export format says what it can hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from goldenlayers_core.editing.delta import Edit
from goldenlayers_core.editing.overlay import checked
from goldenlayers_core.errors import EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.experts import Out
from goldenlayers_core.results.edit.merge import MergedMatrix

Part = Literal["change", "gate", "codebook", "prefix"]
PARTS: Final[Mapping[Part, str]] = {
    "change": "a change of weights",
    "gate": "a change that acts only at some tokens",
    "codebook": "a codebook",
    "prefix": "a text before every prompt",
}
EVERYTHING: Final[tuple[Part, ...]] = tuple(PARTS)


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One way to take edits away."""

    name: str
    title: str
    purpose: str  # one sentence for the screen
    holds: tuple[Part, ...]
    suffix: str  # of its file; "" for a folder
    by_module: bool = False  # names the matrix it changes as a module of a plain transformers model
    held: str = ""  # what it holds, where that is not the edit itself
    files: Callable[[ModelHandle, Sequence[Edit], str], dict[str, bytes]] | None = None  # by name in file or folder
    write: Callable[[ModelHandle, Sequence[Edit], Path, str], tuple[MergedMatrix, ...]] | None = None
    """Where it is too large for `files`: into an empty folder, in a dtype by name."""

    @property
    def holds_words(self) -> str:
        """What it can hold, in words."""
        if self.held:
            return self.held
        return "any edit" if set(self.holds) == set(EVERYTHING) else " or ".join(PARTS[part] for part in self.holds)


def parts_of(edit: Edit) -> tuple[Part, ...]:
    """What an edit is made of."""
    found: dict[Part, bool] = {
        "change": any(not f.threshold for f in edit.factors),
        "gate": any(f.threshold > 0 for f in edit.factors),
        "codebook": bool(edit.codebooks),
        "prefix": bool(edit.prefix),
    }
    return tuple(part for part, there in found.items() if there)


def check_held(wanted: ExportFormat, handle: ModelHandle, edits: Sequence[Edit]) -> None:
    """Raises EditError: no edit, one that comes twice or is of another model, or one that the format cannot hold."""
    if not edits:
        raise EditError("There is no edit to export; make or open one first.")
    if len(set(edits)) < len(edits):
        twice = next(edit for i, edit in enumerate(edits) if edit in edits[:i])
        raise EditError(f"The edit of {twice.fact.prompt!r} was given twice; give each edit once.")
    for edit in edits:
        checked(handle, edit)
        fused = [layer for layer in edit.layers if isinstance(handle.mlp_out(layer), Out)]
        if wanted.by_module and fused:
            raise EditError(
                f"{wanted.title} changes modules, and the experts of layer {fused[0]} of {handle.name} are one "
                "parameter; export a merged checkpoint, a LoRA adapter or a Golden Layers file."
            )
        lost = next((part for part in parts_of(edit) if part not in wanted.holds), None)
        if lost is not None:
            raise EditError(
                f"{wanted.title} holds only {wanted.holds_words}, and the edit of {edit.fact.prompt!r} "
                f"({edit.method}) is {PARTS[lost]}; export it as a Golden Layers file or a Python snippet."
            )
