"""Real edits that come with the product, by the fingerprint of the weights: assets/evidence.parquet. No torch.

`python -m benchmarks.gather FOLDER FILE` makes the file. Without it, or with a damaged one, there is none.
"""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import pandas as pd

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.places import assets_folder
from goldenlayers_core.results.truth.measured import Measured, measured_from

FILE: Final = "evidence.parquet"


@dataclass(frozen=True, eq=False)
class Shipped:
    """What the file holds; or why it holds nothing, in one sentence."""

    measured: tuple[Measured, ...] = ()
    digest: str = ""  # of the file
    problem: str = ""

    def on(self, fingerprint: str) -> tuple[Measured, ...]:
        """What was measured on these weights."""
        return tuple(one for one in self.measured if one.fingerprint == fingerprint)


def shipped(file: Path | None = None) -> Shipped:
    """The evidence of a file (None: the product's own), read once for the same content."""
    path = file or assets_folder() / FILE
    try:
        about = path.stat()
        return _kept(path, about.st_size, about.st_mtime_ns)
    except OSError:
        return Shipped(problem=f"No real edits come with this copy: {FILE} is not in its assets folder.")


@lru_cache(maxsize=4)
def _kept(path: Path, _size: int, _changed: int) -> Shipped:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    try:
        return Shipped(measured_from(pd.read_parquet(io.BytesIO(content))), digest)
    except GoldenLayersError as error:
        return Shipped(digest=digest, problem=f"The real edits that come with this copy cannot be used. {error}")
    except Exception as error:  # whatever a damaged file makes of the reader
        said = f"The real edits that come with this copy cannot be read ({type(error).__name__}); fetch {FILE} anew."
        return Shipped(digest=digest, problem=said)
