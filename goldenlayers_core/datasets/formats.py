"""The formats that are read, and which of them some records are in. A new format is one file and one row here."""

from collections.abc import Mapping, Sequence
from typing import Any

from goldenlayers_core.datasets import (
    counterfact,
    counterfact_easyedit,
    golden_layers,
    knowedit_wiki,
    knowedit_wikibio,
    knowedit_zsre,
    known_facts,
    zsre_mend,
)
from goldenlayers_core.datasets.format import Format

FORMATS: tuple[Format, ...] = (
    golden_layers.FORMAT,
    counterfact.FORMAT,
    zsre_mend.FORMAT,
    knowedit_wikibio.FORMAT,
    known_facts.FORMAT,
    knowedit_zsre.FORMAT,
    knowedit_wiki.COUNTERFACT,
    knowedit_wiki.RECENT,
    counterfact_easyedit.FORMAT,
)
"""From the most particular to the most general: where two fit equally many records, the earlier one is taken."""


def detect(rows: Sequence[Mapping[str, Any]]) -> Format | None:
    """The format that most of the rows have the keys of; None where no row has the keys of any."""
    counts = [0] * len(FORMATS)
    for row in rows:
        for place, candidate in enumerate(FORMATS):
            if candidate.fits(row):
                counts[place] += 1
                break
    best = max(range(len(FORMATS)), key=lambda place: counts[place])
    return FORMATS[best] if counts[best] else None
