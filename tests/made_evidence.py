"""A small made-up table of real edits, as it comes with the product."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from goldenlayers_core.results import Floats


def rows(
    scores: Floats,
    fingerprint: str = "f" * 32,
    data: str = "bundled",
    part: str = "proxy",
    way: str = "ROME, identity",
    locality: Mapping[int, float] | None = None,
) -> pd.DataFrame:
    """One row per request and layer of (Q, L) scores; `locality` by layer where it matters."""
    queries, layers = scores.shape
    layer = np.tile(np.arange(layers), queries)
    return pd.DataFrame(
        {
            "model": "made up",
            "fingerprint": fingerprint,
            "data": data,
            "part": part,
            "way": way,
            "position": np.repeat(np.arange(queries), layers),
            "request": np.repeat([f"{data}-{part}-{q}" for q in range(queries)], layers),
            "layer": layer,
            "score": scores.ravel().astype(np.float32),
            "rewrite": 1.0,
            "rephrase": np.nan,
            "locality": [(locality or {}).get(int(at), 0.5) for at in layer],
            "portability": np.nan,
            "judgement": "answers-2",
        }
    )


def peaked(queries: int, layers: int, best: int, apart: float = 0.4, noise: float = 0.05, seed: int = 0) -> Floats:
    """(Q, L) scores of which layer `best` is the best by `apart`, with some noise."""
    scores = 0.3 + np.random.default_rng(seed).normal(0, noise, (queries, layers))
    scores[:, best] += apart
    return scores


def write(file: Path, *tables: pd.DataFrame) -> Path:
    """The tables as one file."""
    pd.concat(tables, ignore_index=True).to_parquet(file, index=False)
    return file


def none(patch: pytest.MonkeyPatch) -> None:
    """No real edits come with the product."""
    patch.setattr("goldenlayers_core.tasks.shipped_evidence.FILE", "/nowhere/evidence.parquet")


def only(patch: pytest.MonkeyPatch, file: Path, *tables: pd.DataFrame) -> None:
    """These real edits come with the product, and no others."""
    patch.setattr("goldenlayers_core.tasks.shipped_evidence.FILE", str(write(file, *tables)))
