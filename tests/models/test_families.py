"""Every family beyond the first thirteen holds what is claimed of it (`make families` runs all tests on them all)."""

from pathlib import Path

import pytest

from goldenlayers_core.models.architectures import ARCHITECTURES, known_architectures
from tests.families import FAMILIES
from tests.models.verifying import CHECKS, applies
from tests.test_house import ROOT
from tests.tiny import EVERY, kind_of

PAGE = ROOT / "docs" / "models.md"


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft asks for the old name
@pytest.mark.parametrize(("name", "check"), [(n, c) for n in FAMILIES for c in CHECKS if applies(n, c)])
def test_holds(name: str, check: str, tmp_path: Path) -> None:
    CHECKS[check](name, tmp_path)


def test_every_row_has_a_tiny_model() -> None:
    assert {kind_of(name) for name in EVERY} == set(known_architectures())
    assert len(set(known_architectures())) == len(ARCHITECTURES)


def test_the_page_names_every_row_and_nothing_failed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [
        line for line in text.splitlines() if line.startswith("| ") and "| `" in line and "`model_type`" not in line
    ]
    assert len(rows) == len(EVERY)
    for row in ARCHITECTURES:
        assert any(f"| `{row.model_type}` |" in line and row.known_as in line for line in rows), row.model_type
    assert not any("| no |" in line for line in rows)
