"""When a text says an accepted answer."""

import pytest

from goldenlayers_core.evaluation import accepts, normalise
from goldenlayers_core.evaluation.answers import cut_answer, same_answer


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (" The United  States.", "united states"),
        ("U.S. Virgin Islands", "us virgin islands"),
        ("J.R.R. Tolkien", "jrr tolkien"),
        ("O\u2019Neill", "oneill"),
        ("Rock-and-roll!", "rock and roll"),
        ("1,234 people", "1234 people"),
        ("3.14", "3.14"),
        ("8.", "8"),
        ("\uff32ome", "rome"),  # full-width R
        ("STRASSE", "strasse"),
        ("Stra\u00dfe", "strasse"),
        ("A", "a"),
        ("...", ""),
    ],
)
def test_normalise(text: str, plain: str) -> None:
    assert normalise(text) == plain


@pytest.mark.parametrize(
    ("answer", "aliases", "accepted"),
    [
        (" Rome.\n\nIt is", ("Rome",), True),
        ("Rome, the eternal city", ("Rome",), True),
        ("the city of Rome", ("Rome",), False),
        ("Romeo and Juliet", ("Rome",), False),
        ("Romania", ("Rome",), False),
        ("the United States of America", ("United States",), True),
        ("USA", ("United States", "U.S.A."), True),
        ("8.5 metres", ("8",), False),
        ("8,000", ("8",), False),
        ("Jean-Paul Sartre was", ("Jean Paul Sartre",), True),
        ("The capital of France is Rome. It", ("The capital of France is Rome.",), True),
        ("The capital of France is Paris", ("The capital of France is Rome.",), False),
        ("\u5df4\u9ece\u662f\u6cd5\u56fd", ("\u5df4\u9ece",), True),
        ("", ("Rome",), False),
        ("Rome", (), False),
        ("Rome", ("", "..."), False),
    ],
)
def test_accepts(answer: str, aliases: tuple[str, ...], accepted: bool) -> None:
    assert accepts(answer, aliases) is accepted


def test_same_answer() -> None:
    assert same_answer("Paris. It is large", "Paris, which is")
    assert not same_answer("Paris. It is", "Rome. It is")
    assert not same_answer("Paris", "Paris is the capital")
    assert same_answer("Paris", "Paris is the capital", ("Paris",))
    assert same_answer("the  city", "City.")


def test_cut_answer() -> None:
    assert cut_answer("\n\n Rome. \nThe Roman") == "Rome."
    assert cut_answer("  ") == ""
