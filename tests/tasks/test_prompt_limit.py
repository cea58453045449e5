"""One limit and one sentence for every prompt that a person writes, before any model is loaded."""

from pathlib import Path

import pytest

from goldenlayers_core.errors import RequestError
from goldenlayers_core.records import MAX_PROMPT, ModelSource
from goldenlayers_core.results.edit.sides import Decoding
from goldenlayers_core.tasks import open_workbench
from goldenlayers_core.tasks.edit.lens import lens
from goldenlayers_core.tasks.edit.own_request import free_request
from goldenlayers_core.tasks.edit.sides import side_by_side
from goldenlayers_core.tasks.learn.know import speak

NONE = ModelSource("a-model-that-is-not-here")


def asked(way: str, prompt: str, root: Path) -> object:
    bench = open_workbench(root)
    if way == "edit":
        return free_request(prompt, "France", "Rome")
    if way == "lens":
        return lens(bench, NONE, (), prompt, "Rome", "Paris")
    if way == "side by side":
        return side_by_side(bench, NONE, (), (prompt,), Decoding())
    return speak(bench, NONE, prompt)


@pytest.mark.parametrize("way", ["edit", "lens", "side by side", "lesson"])
@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("France " * MAX_PROMPT, r"rompt has \d+,\d+ characters; write at most 2,000\."),
        (" \n", "rompt is empty; write"),
    ],
)
def test_every_way_to_ask_refuses_in_the_same_words(way: str, prompt: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=words):
        asked(way, prompt, tmp_path)
