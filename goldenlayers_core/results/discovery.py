"""What an examination of an unknown architecture found: a proposed row, check by check."""

from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

Outcome = Literal["yes", "no", "-"]
CHECKS: Final = (
    "loads",
    "LGA",
    "edit-aware",
    "trace",
    "lens",
    "value",
    "overlay",
    "sweep",
    "exports",
)  # docs/models.md


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of a proposed row on the model itself."""

    check: str  # one of CHECKS
    outcome: Outcome  # "-": not made
    said: str  # what was compared, in words; and how far apart it was, relative


@dataclass(frozen=True, slots=True)
class Discovery:
    """A proposed row of a model whose architecture has none."""

    name: str  # of the model
    source: str  # what it was loaded by
    model_type: str
    columns: tuple[tuple[str, str], ...]  # (column of the row, its value in words)
    remarks: tuple[str, ...]  # what the row leaves out, each a sentence
    findings: tuple[Finding, ...]
    python: str  # the row as a contribution would have it
    accepted: str  # the text of the file that makes the row usable, see models.accepted

    @property
    def holds(self) -> bool:
        """Whether no check failed: only such a row can be accepted."""
        return all(found.outcome != "no" for found in self.findings)


def columns_table(found: Discovery) -> pd.DataFrame:
    """One row per column of the proposed row."""
    return pd.DataFrame(found.columns, columns=["Column", "Value"])


def findings_table(found: Discovery) -> pd.DataFrame:
    """One row per check."""
    return pd.DataFrame(
        [(one.check, one.outcome.replace("-", "not made"), one.said) for one in found.findings],
        columns=["Check", "Holds", "What was compared"],
    )
