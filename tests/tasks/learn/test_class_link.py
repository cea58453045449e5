"""A class guesses: every guess counts once, nobody's name is kept, and only its opener puts and tells questions."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.results.learn.question import Question
from goldenlayers_core.tasks.learn.class_link import LETTERS, MOST_CLASSES, Classes, tab_name

QUESTION = Question(
    "first", "Which word comes next?", ("Paris", "Rome", "Oslo"), (1,), "It says Rome at 60 %.", "about"
)

KEY = "only the opener has it"


class Clock:
    """Seconds that move when they are told to."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def classes(tmp_path: Path) -> Classes:
    return Classes(tmp_path / "classes")


def test_a_class_from_its_link_to_its_end(classes: Classes, tmp_path: Path) -> None:
    code = classes.open("know", "a model", 45, KEY)
    assert len(code) == 6
    assert set(code) <= set(LETTERS)
    classes.ask(code, KEY, QUESTION)
    classes.ask(code, KEY, QUESTION)  # the page runs again
    for tab, option in (("a", 0), ("b", 1), ("a", 1), ("c", 2)):  # a thinks again
        classes.guess(code, 0, tab, option)
    found = classes.find(code)
    assert found is not None
    assert len(found.asked) == 1
    assert found.asked[0].counts == (0, 2, 1)
    assert "Rome at 60" not in (tmp_path / "classes" / f"{code}.json").read_text()  # nothing tells before it is told
    classes.reveal(code, KEY, QUESTION)
    with pytest.raises(ConfigError, match="revealed before this guess"):
        classes.guess(code, 0, "d", 0)
    told = classes.find(code)
    assert told is not None
    frame = told.to_frame()
    assert frame["guesses"].tolist() == [0, 2, 1]
    assert frame["right"].tolist() == [False, True, False]
    classes.end(code, KEY)
    assert classes.find(code) is None
    assert not list((tmp_path / "classes").iterdir())


def test_a_room_that_guesses_in_the_same_second_loses_no_guess(classes: Classes, tmp_path: Path) -> None:
    code = classes.open("know", "", 45, KEY)
    classes.ask(code, KEY, QUESTION)

    def guess(learner: int) -> None:
        Classes(tmp_path / "classes").guess(code, 0, f"tab-{learner}", learner % 3)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(guess, range(60)))
    found = classes.find(code)
    assert found is not None
    assert found.asked[0].counts == (20, 20, 20)


def test_only_its_opener_puts_and_tells(classes: Classes) -> None:
    code = classes.open("know", "", 45, KEY)
    for step in (
        lambda: classes.ask(code, "another", QUESTION),
        lambda: classes.reveal(code, "another", QUESTION),
        lambda: classes.end(code, "another"),
    ):
        with pytest.raises(ConfigError, match="opened in another browser"):
            step()
    classes.ask(code, KEY, QUESTION)
    for place, option in ((1, 0), (-1, 0), (0, 3), (0, -1)):
        with pytest.raises(ConfigError, match="not asked in the class"):
            classes.guess(code, place, "a", option)


def test_a_class_is_found_again_with_its_key_alone(classes: Classes, tmp_path: Path) -> None:
    classes.open("know", "", 15, "another")
    short, long = classes.open("know", "", 15, KEY), classes.open("lga", "", 90, KEY)
    (tmp_path / "classes" / "ABCDEF.json").write_text("[]")
    found = Classes(tmp_path / "classes").led_with(KEY)  # the program was started anew
    assert found is not None
    assert found.code == long
    classes.end(long, KEY)
    found = classes.led_with(KEY)
    assert found is not None
    assert found.code == short
    assert classes.led_with("nobody's") is None


@pytest.mark.parametrize("code", ["", "ABCDEF", "../../x", "abc\x00de", "A" * 5000, "ÄÖÜABC"])
def test_a_code_that_somebody_made_up_opens_nothing(classes: Classes, tmp_path: Path, code: str) -> None:
    classes.open("know", "", 45, KEY)
    before = sorted((tmp_path / "classes").iterdir())
    assert classes.find(code) is None
    with pytest.raises(ConfigError, match="There is no class"):
        classes.guess(code, 0, "a", 0)
    assert sorted((tmp_path / "classes").iterdir()) == before


def test_a_class_ends_with_its_time(tmp_path: Path) -> None:
    clock = Clock()
    classes = Classes(tmp_path, clock)
    code = classes.open("know", "", 45, KEY)
    clock.now += 45 * 60 + 1
    assert classes.find(code) is None
    classes.open("know", "", 45, KEY)
    assert not (tmp_path / f"{code}.json").exists()  # nothing of it is left


def test_bounds(classes: Classes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of 15, 45, 90, 180"):
        classes.open("know", "", 1, KEY)
    for _ in range(MOST_CLASSES):
        code = classes.open("know", "", 15, KEY)
    with pytest.raises(ConfigError, match="50 classes are open"):
        classes.open("know", "", 15, KEY)
    (tmp_path / "classes" / f"{code}.json").write_text("[]")
    assert classes.find(code) is None  # damaged: gone, and no traceback
    classes.open("know", "", 15, KEY)


def test_the_file_names_nobody(classes: Classes, tmp_path: Path) -> None:
    code = classes.open("know", "", 45, KEY)
    classes.ask(code, KEY, QUESTION)
    tab = tab_name()
    classes.guess(code, 0, tab, 1)
    content = json.loads((tmp_path / "classes" / f"{code}.json").read_text())
    assert content["class"]["asked"][0]["guesses"] == {tab: 1}
    assert KEY not in json.dumps(content)
