"""Datasets: files in any published format to requests, every record accounted for. No torch, nothing heavy at import.

    open_dataset  read_file  read_bytes      from a name, a path, bytes
    read_apart  Reading  outline_apart       in a process of its own, with limits on time and memory
    catalogue                                what is known by name
    read_table  guess_mapping                any table, for a mapping that a person corrects
    proposed_subjects                        for a file that names none, for a person to confirm
    split_proxy                              proxy dataset and test set

A format is one row in `formats.FORMATS`: how its records are recognised, and where its fields are.
"""

from goldenlayers_core.datasets.apart import Reading, is_quick, outline_apart, read_apart
from goldenlayers_core.datasets.catalogue import CatalogueEntry, catalogue, open_dataset
from goldenlayers_core.datasets.formats import FORMATS
from goldenlayers_core.datasets.mapping import ColumnMapping, guess_mapping
from goldenlayers_core.datasets.outline import Outline
from goldenlayers_core.datasets.proposals import proposed_subjects
from goldenlayers_core.datasets.reading import read_bytes, read_file
from goldenlayers_core.datasets.split import split_proxy
from goldenlayers_core.datasets.table import Table, read_table
from goldenlayers_core.datasets.text import MAX_BYTES, MAX_RECORDS, decode_text

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_RECORDS",
    "CatalogueEntry",
    "ColumnMapping",
    "Outline",
    "Reading",
    "Table",
    "catalogue",
    "decode_text",
    "guess_mapping",
    "is_quick",
    "open_dataset",
    "outline_apart",
    "proposed_subjects",
    "read_apart",
    "read_bytes",
    "read_file",
    "read_table",
    "split_proxy",
]
