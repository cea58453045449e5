"""Datasets: files in any published format to requests, every record accounted for. No torch, nothing heavy at import.

    open_dataset  read_file  read_bytes      from a name, a path, bytes
    catalogue                                what is known by name
    read_table  guess_mapping                any table, for a mapping that a person corrects
    split_proxy                              proxy dataset and test set

A format is one file (see `counterfact.py`) and one row in `formats.FORMATS`.
"""

from goldenlayers_core.datasets.catalogue import CatalogueEntry, catalogue, open_dataset
from goldenlayers_core.datasets.formats import FORMATS
from goldenlayers_core.datasets.mapping import ColumnMapping, guess_mapping
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
    "Table",
    "catalogue",
    "decode_text",
    "guess_mapping",
    "open_dataset",
    "read_bytes",
    "read_file",
    "read_table",
    "split_proxy",
]
