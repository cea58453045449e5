"""When a text says an accepted answer."""

import pytest

from goldenlayers_core.evaluation import accepts, normalise
from goldenlayers_core.evaluation.answers import cut_answer, is_long, same_answer, says, written_on
from goldenlayers_core.results import View
from goldenlayers_core.texts import same_text


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


@pytest.mark.parametrize(
    ("answer", "alias", "accepted"),
    [
        # an article goes in front, nowhere else
        ("Serie B", "Serie A", False),
        ("Vitamin C", "Vitamin A", False),
        ("Hepatitis B", "Hepatitis A", False),
        ("the Serie A", "Serie A", True),
        ("Eiffel Tower, in Paris", "the Eiffel Tower", True),
        ("A lion, which", "lion", True),
        ("la tour Eiffel", "tour Eiffel", True),
        ("l'Italie", "Italie", True),
        ("der Rhein", "Rhein", True),
        ("Los Angeles", "Angeles", False),
        ("El Salvador", "Salvador", False),
        # numbers by value
        ("5", "-5", False),
        ("-5 degrees", "5", False),
        ("\u22125 degrees", "-5", True),
        ("1.25 metres", "125", False),
        ("10,000 people", "10000", True),
        ("10 000", "10000", True),
        ("1,00,000 rupees", "100000", True),
        ("1.000.000", "1000000", True),
        ("3,5 Millionen", "3,5", False),
        ("5 million", "5,000,000", True),
        ("\u0661\u0669\u0666\u0664", "1964", True),
        ("1964, in May", "1964", True),
        ("10:30", "10", False),
        ("1/2", "1", False),
        ("5.0", "5", True),
        # symbols that tell names apart
        ("C++", "C", False),
        ("C", "C++", False),
        ("C#", "C++", False),
        ("C++ and Java", "C++", True),
        ("F# is", "F", False),
        ("NET", ".NET", False),
        (".NET Core", ".NET", True),
        ("A* search", "A", False),
        ("O-", "O+", False),
        ("+", "+", True),
        ("++", "+", False),
        ("?", "?", True),
        ("**Paris** is", "Paris", True),
        ("Slavic## Slavic", "Slavic", True),  # noise, no name
        ("Vitamin B12", "Vitamin B", False),
        # abbreviations
        ("U.S. troops", "US", True),
        ("U.S.A.", "US", False),
        ("J. K. Rowling", "JK Rowling", True),
        # where a word ends
        ("Romania", "Roma", False),
        ("Rome, Italy.", "Rome", True),
        ("Rome-based", "Rome", True),
        ("Guinea-Bissau", "Guinea", False),
        ("$5", "5", True),
        ("$5", "\u20ac5", False),
        ("\u6771\u4eac\u306f\u65e5\u672c", "\u6771\u4eac", True),
        ("\u6771\u4eac\u90fd", "\u6771\u4eac", True),  # the prefecture of that name
        ("\u5317\u4eac\u5e02", "\u5317\u4eac", True),  # the city of that name
        ("\u65e5\u672c\u8a9e", "\u65e5\u672c", False),  # Japanese, not Japan
        ("\u7f8e\u56fd\u4eba", "\u7f8e\u56fd", False),  # an American, not America
        ("\u5df4\u9ece\u4f4d\u4e8e\u6cd5\u56fd", "\u5df4\u9ece", True),
        ("\uc11c\uc6b8\uc740", "\uc11c\uc6b8", True),
        ("\uc11c\uc6b8\uc758", "\uc11c\uc6b8", True),
        ("\uc11c\uc6b8\ub300\ud559\uad50", "\uc11c\uc6b8", False),
        (
            "\u0e01\u0e23\u0e38\u0e07\u0e40\u0e17\u0e1e\u0e40\u0e1b\u0e47\u0e19",
            "\u0e01\u0e23\u0e38\u0e07\u0e40\u0e17\u0e1e",
            True,
        ),
        ("\u0e01\u0e32\u0e41\u0e1f", "\u0e01\u0e32", False),
        ("Ankara'd\u0131r.", "Ankara", True),
        # marks
        ("\u0930\u093e\u092e", "\u0930\u094b\u092e", False),
        ("\u0930\u094b\u092e \u092e\u0947\u0902", "\u0930\u094b\u092e", True),
        ("\u0e1b\u0e39\u0e19\u0e32", "\u0e1b\u0e35\u0e19\u0e32", False),
        ("Zurich", "Z\u00fcrich", True),
        ("Z\u00farich", "Z\u00fcrich", False),
        ("Lodz", "\u0141\u00f3d\u017a", True),
        ("\u0645\u062d\u0645\u062f", "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", True),
        ("\u043c\u043e\u0438", "\u043c\u043e\u0439", False),
    ],
)
def test_every_kind_of_spelling(answer: str, alias: str, accepted: bool) -> None:
    assert accepts(answer, (alias,)) is accepted


@pytest.mark.parametrize(
    ("answer", "alias", "against", "accepted"),
    [
        ("Bar", "B\u00e4r", "Bar", False),
        ("B\u00e4r", "B\u00e4r", "Bar", True),
        ("Bar", "Bar", "B\u00e4r", True),
        ("B\u00e4r", "Bar", "B\u00e4r", False),
        ("Zurich", "Z\u00fcrich", "Bern", True),
        ("\u0639\u0644\u0645", "\u0639\u064e\u0644\u064e\u0645", "\u0639\u0650\u0644\u0652\u0645", True),
    ],
)
def test_a_mark_counts_where_only_it_tells_two_answers_apart(
    answer: str, alias: str, against: str, accepted: bool
) -> None:
    assert accepts(answer, (alias,), (against,)) is accepted


@pytest.mark.parametrize(
    ("true", "new", "same"),
    [
        ("100", "-100", False),
        ("125", "1.25", False),
        ("B\u00e4r", "Bar", False),
        ("C++ language", "C# language", False),
        ("Paris", " paris ", True),
        ("The Beatles", "Beatles", True),
        ("U.S.", "US", True),
        ("+", "-", False),
        ("Serie A", "Serie", False),
        ("10,000", "10000", True),
    ],
)
def test_a_new_target_that_says_the_true_one(true: str, new: str, same: bool) -> None:
    assert same_text(true, new) is same
    assert same_text(new, true) is same


@pytest.mark.parametrize(
    ("answer", "aliases", "on"),
    [
        ("Aluminum, a metal", ("Al",), True),
        ("Romania", ("Roma",), True),
        ("C++ is", ("C",), True),
        ("Al is", ("Al",), False),
        ("Gold", ("Al",), False),
        ("Alan", ("Al", "Alan"), False),
        ("the New Yorker", ("New York",), True),
        ("", ("Al",), False),
    ],
)
def test_an_answer_that_is_written_on(answer: str, aliases: tuple[str, ...], on: bool) -> None:
    assert written_on(answer, aliases) is on


LONG = " ".join(["one two three four five six seven eight nine ten"] * 9)


@pytest.mark.parametrize(
    ("answer", "long"), [(LONG, True), ("Paris\nFrance", True), (" Paris \n", False), ("Rome", False)]
)
def test_long_answers_are_judged_by_their_tokens(answer: str, long: bool) -> None:
    assert is_long(answer) is long
    nan = float("nan")
    for agreement, right in ((1.0, long), (0.99, False), (nan, False)):
        assert says(View("one two three", 0.5, nan, (), agreement), (answer,)) is right
    assert says(View("Rome, the", nan, nan, (), nan), (LONG, "Rome"))
