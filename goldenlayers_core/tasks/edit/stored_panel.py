"""Blast radii on disk. No torch."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import digest_of
from goldenlayers_core.results.edit.panel import Answers, PanelPrompt, PanelResult, Pass, TopTokens
from goldenlayers_core.runtime import Store

PANEL_VERSION: Final = "panel-1"  # changes when a number, or the panel, would come out differently


def panel_name(fingerprint: str, dtype: str, edit_ids: Sequence[str]) -> str:
    """Under what the store keeps the blast radius of these edits, stacked in this order, on a model."""
    return digest_of([fingerprint, dtype, list(edit_ids), PANEL_VERSION])


def open_panel(store: Store, name: str) -> PanelResult:
    """A stored blast radius. Raises StoreError when it is missing or cannot be read."""
    content = store.load_json("panels", name)
    try:
        return PanelResult(
            **{
                **content,
                **{key: tuple(content[key]) for key in ("edit_ids", "names")},
                "prompts": tuple(PanelPrompt(**p) for p in content["prompts"]),
                "divergence": np.asarray(content["divergence"], dtype=np.float64),
                "tops_before": _tops(content["tops_before"]),
                "tops_after": _tops(content["tops_after"]),
                "answers": tuple(Answers(**a) for a in content["answers"]),
                "curve": tuple(Pass(**p) for p in content["curve"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored blast radius cannot be read ({error}); measure it again.") from error


def _tops(content: Sequence[Any]) -> tuple[TopTokens, ...]:
    return tuple(tuple((str(token), float(p)) for token, p in row) for row in content)
