"""What every result says of its arrays: 64-bit floats, in the shape that its fields declare."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenlayers_core.errors import GoldenLayersError

Floats = NDArray[np.float64]


def check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raises GoldenLayersError when an array has not the shape its result declares."""
    if array.shape != shape:
        raise GoldenLayersError(f"{name} has shape {array.shape}; {shape} was expected, which is a defect of ours.")
