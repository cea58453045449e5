"""Whether a model fits, as a picture."""

import dataclasses

import pytest

from goldenlayers_core.figures.memory import memory_bars
from goldenlayers_core.results.fit import GIB, Fit, Outline, Room
from goldenlayers_core.tasks.needs import precision_of
from tests.charts import shortcomings

OUTLINE = Outline(
    *("Eight", "llama", "Llama", ""),
    *(32, 4096, 14336, 4096, 1024, 128_256, 8_030_261_248, 525_336_576),
    *(False, "bfloat16", "", 0, "", 0, 0),
)


def made(free: int) -> Fit:
    rows = tuple(precision_of(OUTLINE, dtype, "cpu", free, free) for dtype in ("float32", "bfloat16", "float16"))
    return Fit(OUTLINE, "cpu", (Room("cpu", "Memory", free),), rows, "", 0, 0, "Eight does not fit: it takes 16.7 GiB.")


@pytest.mark.parametrize("free", [8 * GIB, 200 * GIB])
@pytest.mark.parametrize("dark", [False, True])
def test_weights_and_work_stand_on_each_other_and_a_line_says_what_is_free(free: int, dark: bool) -> None:
    found = made(free)
    drawn = memory_bars(found, dark)
    assert not list(shortcomings(drawn))
    weights, work = drawn.data
    assert list(weights.y) == ["float16", "bfloat16", "float32"]
    tops = [a + b for a, b in zip(weights.x, work.x, strict=True)]
    assert tops == pytest.approx([row.peak / GIB for row in found.precisions[::-1]])
    assert drawn.layout.shapes[0].x0 == free / GIB
    assert any(f"{free / GIB:.1f} GiB" in note.text for note in drawn.layout.annotations)
    assert "does not fit" in drawn.layout.meta["title"]


def test_the_memory_of_the_device_in_use_is_drawn() -> None:
    found = dataclasses.replace(
        made(8 * GIB), device="cuda:0", rooms=(Room("memory", "Memory", 8 * GIB), Room("cuda:0", "A GPU", 80 * GIB))
    )
    assert memory_bars(found).layout.shapes[0].x0 == 80
