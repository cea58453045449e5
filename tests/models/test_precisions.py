"""Every precision gives what plain float32 gives of the same weights, to its own rounding, and ends in no traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel

from goldenlayers_core.editing import overlay
from goldenlayers_core.editing.estimate import SampleConfig, moments_of_samples
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from tests.editing.test_export import stack_of, written
from tests.editing.test_overlay import IDS, logits
from tests.models.errors import CASES, HEADING, MEASURES, ROWS, error, half, inserted, most, pair_of
from tests.test_house import ROOT

PAGE = ROOT / "docs" / "models.md"
Pair = tuple[ModelHandle, ModelHandle]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Pair]:
    home, found = tmp_path_factory.mktemp("precisions"), dict[tuple[str, str], Pair]()

    def pair(precision: str, row: str) -> Pair:
        if (precision, row) not in found:
            found[precision, row] = pair_of(precision, row, home)
        return found[precision, row]

    return pair


@pytest.mark.parametrize("measure", list(MEASURES))
@pytest.mark.parametrize(("precision", "row"), CASES)
def test_errors(pairs: Callable[[str, str], Pair], precision: str, row: str, measure: str) -> None:
    one, other = pairs(precision, row)
    digest = weights_digest(one.model)
    assert MEASURES[measure](one, other) < most(precision, measure)
    assert weights_digest(one.model) == digest
    assert not hooks_on(one.model)
    assert not any(t.requires_grad for t in (*one.model.parameters(), *one.model.buffers()))


def test_an_error_is_seen() -> None:
    assert error([1.0, 2.0], [1.0, 2.2]) == pytest.approx(0.2 / 5.84**0.5)
    assert error([float("nan"), 1.0], [float("nan"), 1.0]) == 0.0
    assert not error([1.0, float("nan")], [1.0, 2.0]) < 1.0


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft asks for the old name
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("row", ROWS)
def test_merges_and_adapters(row: str, precision: str, tmp_path: Path) -> None:
    handle, _ = half(row, precision)
    edits, bound = stack_of(handle), 2 * most(precision, "logits")
    with overlay(handle, edits):
        wanted = logits(handle).float()
    folder = written(handle, "merged", edits, tmp_path / "merged")
    assert json.loads((folder / "config.json").read_text())["dtype"] == precision
    again = type(handle.model).from_pretrained(folder, dtype=handle.dtype).eval()
    with torch.no_grad():
        assert error(again(input_ids=IDS).logits.float(), wanted) < bound
    adapter = written(handle, "peft", edits, tmp_path / "adapter")
    over = PeftModel.from_pretrained(half(row, precision)[0].model, adapter).eval()
    with torch.no_grad():
        assert error(over(input_ids=IDS).logits.float(), wanted) < bound


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_key_covariances_are_summed_in_float32(precision: str) -> None:
    found = moments_of_samples(half("llama", precision)[0], [1], SampleConfig(n_tokens=256, length=16))[1]
    assert found.second.dtype == torch.float32
    assert bool(found.factor.isfinite().all())


def test_the_page_says_what_was_measured_of_every_precision() -> None:
    text = PAGE.read_text(encoding="utf-8").split(HEADING)[1]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]
    for precision, row in zip(dict.fromkeys(p for p, _ in CASES), rows, strict=True):
        for measure, number in zip(MEASURES, row[1:], strict=True):
            assert float(number) <= most(precision, measure), (precision, measure)


def test_the_section_takes_its_own_place() -> None:
    page = "# One\n\nText.\n"
    once = inserted(page, f"{HEADING}\n\nNew.\n")
    assert once == f"# One\n\nText.\n\n{HEADING}\n\nNew.\n"
    assert inserted(once, f"{HEADING}\n\nNewer.\n") == once.replace("New.", "Newer.")
    assert inserted(f"{once}\n## Last\n", f"{HEADING}\n\nX.\n").endswith("X.\n\n## Last\n")
