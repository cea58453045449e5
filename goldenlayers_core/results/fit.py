"""What a model is and what it needs, told from its configuration alone, against the memory at hand."""

from dataclasses import dataclass
from typing import Final

import pandas as pd

MIB: Final = 2**20
GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Outline:
    """A model as its configuration describes it: sizes are counted, no weight was read."""

    name: str
    model_type: str  # as in config.json
    family: str  # the name people know; the model type where no row has one
    reason: str  # why it cannot be used here; "": it can
    n_layers: int
    width: int  # of the residual stream
    inner: int  # inputs of the MLP output matrix, of the keys
    query: int  # numbers of all queries of a token and layer
    keyvalue: int  # numbers of all keys of a token and layer; as many values
    vocabulary: int
    n_parameters: int  # tied ones once
    largest: int  # parameters of the largest tensor
    tied: bool  # the LM head is the embedding
    stored: str  # number format that the configuration names; "": it names none
    quantised: str  # how, where the weights are; "": they are not
    packed: int  # bytes of the weights in memory where they stay quantised; 0: they are plain numbers there
    licence: str  # as the model's own papers state it; "": they do not
    weights_here: int  # bytes of weight files on this machine; 0: none are here
    words_bytes: int  # of tokenizer.json; 0: it is not here

    @property
    def known(self) -> bool:
        """Whether it can be loaded here."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Need:
    """What one kind of work needs beside the weights."""

    name: str  # score, edit-aware, edit, sweep, trace, covariance
    title: str
    n_bytes: int
    tokens: int  # of the batch that decides it
    why: str = ""  # where it is more than a batch


@dataclass(frozen=True, slots=True)
class Precision:
    """The weights in one number format, and what work with them needs."""

    dtype: str
    weights: int  # bytes
    host: int  # bytes of memory while they are read: on a processor the weights' own
    peak: int  # bytes on the device at the most, of scoring and editing, with the weights
    process: int  # resident bytes of a process on a processor that does so, with its programs and the tokenizer
    needs: tuple[Need, ...]
    fits: bool


@dataclass(frozen=True, slots=True)
class Room:
    """A place that is to hold something, and what is free there."""

    name: str  # memory, disk, cuda:0
    title: str
    free: int  # bytes


@dataclass(frozen=True, slots=True)
class Fit:
    """Does it fit? In each number format, on the device that would be used."""

    outline: Outline
    device: str
    rooms: tuple[Room, ...]
    precisions: tuple[Precision, ...]
    proposed: str  # the largest number format whose weights and work fit; "": none does
    download: int  # bytes that would come over the network
    on_disk: int  # bytes that loading writes to the cache folder: a download, or a conversion
    sentence: str  # the answer

    def precision(self, dtype: str) -> Precision | None:
        """The row of a number format."""
        return next((row for row in self.precisions if row.dtype == dtype), None)


def fit_table(found: Fit) -> pd.DataFrame:
    """One row per number format and kind of work; bytes beside the weights, and of the weights."""
    return pd.DataFrame(
        [
            {
                "number format": row.dtype,
                "work": need.title,
                "weights (bytes)": row.weights,
                "work (bytes)": need.n_bytes,
                "tokens together": need.tokens,
            }
            for row in found.precisions
            for need in row.needs
        ]
    )
