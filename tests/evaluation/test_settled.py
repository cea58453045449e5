"""An answer is settled only when nothing that may follow can change the verdict on the whole text."""

import random

import pytest

from goldenlayers_core.evaluation.answers import accepts, cut_answer, same_answer
from goldenlayers_core.evaluation.settled import same_settled, settled

TEXTS = (
    " Rome. It is a city",
    " the city of Rome, Italy",
    " Romeo and Juliet",
    " a Rome-based one",
    " U.S. Open winner",
    " US dollars",
    " 1,000 years",
    " 1964, in May",
    " 19 64",
    " Rome.com is",
    "\n\nRome",
    " Paris\nRome",
    " The United States of America",
    " O'Brien, he said",
    " the",
    " A",
    " Paris and Rome",
)
ALIASES = (("Rome",), ("Paris", "the city of Paris"), ("US",), ("1000",), ("1964",), ("United States",), ("O'Brien",))


@pytest.mark.parametrize("aliases", ALIASES)
def test_what_is_settled_holds_for_the_whole_text(aliases: tuple[str, ...]) -> None:
    decided = 0
    for text in TEXTS:
        for cut in range(1, len(text) + 1):
            found = settled(text[:cut], aliases)
            whole = accepts(cut_answer(text), aliases)
            if found is not None:
                decided += 1
                assert found == whole, (text[:cut], text, aliases)
        assert settled(text, aliases, ended=True) == accepts(cut_answer(text), aliases)
    assert decided > 50


def test_the_same_answer_is_settled_truly() -> None:
    decided = 0
    for before in TEXTS:
        for after in TEXTS:
            for aliases in ((), ("Rome",), ("Paris",)):
                said = cut_answer(before)
                whole = same_answer(said, cut_answer(after), aliases)
                for cut in range(1, len(after) + 1):
                    found = same_settled(said, after[:cut], aliases)
                    if found is not None:
                        decided += 1
                        assert found == whole, (before, after[:cut], aliases)
    assert decided > 500


def test_random_words() -> None:
    generator = random.Random(0)
    pieces = [" the", " Rome", " a", "me", ".", ", ", " Paris", "-", "'s", " in", "\n", " U", ".S", " Ro"]
    for _ in range(2000):
        text = "".join(generator.choices(pieces, k=6))
        cut = generator.randrange(1, len(text) + 1)
        for aliases in (("Rome",), ("Paris", "Romes"), ("US",)):
            found = settled(text[:cut], aliases)
            assert found is None or found == accepts(cut_answer(text), aliases), (text[:cut], text, aliases)


def test_usual_answers_need_no_more_text() -> None:
    assert settled(" Rome, ", ("Rome",)) is True
    assert settled(" Rome. The", ("Rome",)) is True
    assert settled(" Paris", ("Rome",)) is False
    assert settled(" Rome", ("Rome",)) is None
    assert settled(" the", ("Rome",)) is None
    assert same_settled("Dublin.", " Cork", ("Dublin",)) is False
    assert same_settled("Dublin.", " Dublin, the", ("Dublin",)) is True
