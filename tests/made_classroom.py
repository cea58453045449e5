"""Runs of the classroom made of numbers chosen by hand."""

from collections.abc import Sequence

import numpy as np

from goldenlayers_core.results.learn.classroom import CLASSROOM_WAYS, PlantedRun

W, L = len(CLASSROOM_WAYS), 8


def run_of(planted: int, picks: Sequence[int], sweep: Sequence[float] | None = None, lga: float = 1.0) -> PlantedRun:
    """A run in which way w's largest number is at picks[w]; LGA's numbers are scaled by `lga`."""
    values = np.tile(np.linspace(0.1, 0.2, L), (W, 1))
    values[np.arange(W), list(picks)] = 1.0
    values[0] = np.where(np.arange(L) == picks[0], 0.5, lga)
    if sweep is not None:
        values[-1] = sweep
    return PlantedRun(
        planted=planted,
        model="Classroom",
        fingerprint=f"{planted:032d}",
        prompt="The home of Nadia Voss",
        subject="Nadia Voss",
        answer="Torvik",
        target_new="Kalsby",
        base_answer="Ostrand",
        p_base=0.002,
        p_planted=0.93,
        n_known=159,
        n_kept=158,
        window=2,
        aside=(0,),
        values=values,
        picks=tuple(picks),
    )


MIXED = run_of(4, (5, 1, 7, 4, 4, 4, 1), sweep=(0.5, 1, 1, 1, 1, 1, 1, 0.9), lga=-1.0)
