"""What a merged checkpoint kept of its edits. No torch."""

from dataclasses import dataclass

from goldenlayers_core.results.formats import percent

_WHOLE = 0.99  # of the change in its own direction: less is said to be lost


@dataclass(frozen=True, slots=True)
class MergedMatrix:
    """One changed matrix, as it was written."""

    layer: int
    wanted: float  # Frobenius norm of the change that was wanted
    survived: float  # norm of (merged - base), both rounded to the dtype written, over it
    aligned: float  # <merged - base, change> / |change|^2: the share of the change that is there, in its own direction


@dataclass(frozen=True, slots=True)
class MergedAnswer:
    """One fact's prompt, asked once more of the checkpoint as it was read back."""

    prompt: str
    target_new: str
    edited: str  # greedy answer of the model with the edits laid over it
    merged: str  # of the checkpoint
    same: bool


@dataclass(frozen=True)
class MergeReport:
    """What rounding left of the change, and what the checkpoint answers."""

    dtype: str  # that was written
    matrices: tuple[MergedMatrix, ...]
    answers: tuple[MergedAnswer, ...]
    not_asked: str = ""  # why the checkpoint was not read back
    quantised: str = ""  # how the model's own weights are quantised: the checkpoint's are not

    @property
    def is_whole(self) -> bool:
        """Whether (nearly) all of every change is in the checkpoint."""
        return all(matrix.aligned >= _WHOLE for matrix in self.matrices)

    @property
    def lines(self) -> tuple[str, ...]:
        """One line per matrix and answer, and the way out where something was lost."""
        kept = (
            f"Layer {m.layer}: {percent(m.aligned)} of the change is there in its own direction after rounding to "
            f"{self.dtype}; what was written is {percent(m.survived)} as large as what was wanted."
            for m in self.matrices
        )
        heard = (
            f"{a.prompt} → {a.merged!r} read back from the folder, "
            + ("as with the edits laid over the model." if a.same else f"but {a.edited!r} with the edits laid over.")
            for a in self.answers
        )
        plain = (
            (f"The model is quantised ({self.quantised}); the checkpoint holds plain numbers, {self.dtype}.",)
            if self.quantised
            else ()
        )
        asked = (f"The checkpoint was not asked: {self.not_asked}",) if self.not_asked else heard
        lost = () if self.is_whole else ("Written as float32 the checkpoint keeps all of it, at twice the size.",)
        return (*plain, *kept, *asked, *lost)
