"""A text as words, numbers and symbols, in every script."""

from fractions import Fraction

import pytest

from goldenlayers_core.texts import first_clause, spelled_plainly, words
from goldenlayers_core.texts.letters import letters
from goldenlayers_core.texts.words import ends_a_word


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("10,000", 10000),
        ("1,00,000", 100000),
        ("10 000", 10000),
        ("10\u202f000", 10000),
        ("10'000", 10000),
        ("1.000.000", 1000000),
        ("1.234,5", Fraction(12345, 10)),
        ("1,234.5", Fraction(12345, 10)),
        ("1.000", 1),
        ("3,14", Fraction(314, 100)),
        ("0,125", Fraction(1, 8)),
        (".5", Fraction(1, 2)),
        ("-5", -5),
        ("−5", -5),
        ("–5", -5),
        ("+5", 5),
        ("1/2", Fraction(1, 2)),
        ("½", Fraction(1, 2)),
        ("٣٫١٤", Fraction(314, 100)),
        ("१९६४", 1964),
        ("5 million", 5000000),
        ("3,5 Millionen", 3500000),
        ("5万", 50000),
        ("10:30", "10:30"),
        ("12.05.1964", "12.05.1964"),
        ("3.11.2", "3.11.2"),
    ],
)
def test_a_number_by_its_value(text: str, number: Fraction | str) -> None:
    (word,) = words(text).words
    assert (word.kind, word.value) == ("number", number)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("8.", "8"),
        ("1,2,3", "1 2 3"),
        ("5-10 years", "5 10 years"),
        ("3.14. It", "3.14 it"),
        ("10²", "10 ^ 2"),
        ("J. R. R. Tolkien", "jrr tolkien"),
        ("ए.पी.जे. अब्दुल", "एपीजे अब्दुल"),
        ("Ph.D.", "phd"),
        ("Node.js and Rome.It", "nodejs and rome it"),
        ("ASP.NET", "aspnet"),
        (".NET", ".net"),
        ("C-- and C-rich", "c -- and c rich"),
        ("AT&T", "at and t"),
        ('צה"ל', "צהל"),
        ("Łódź, Ærø, İzmir", "lodz aero izmir"),
        ("🎉 Rome", "rome"),
        ("🎉", "🎉"),
        ("ﾛｰﾏ", "ロ ー マ"),
        ("東 京", "東 京"),
        ("__Rome__ and *it*", "rome and it"),
    ],
)
def test_what_counts_of_a_text(text: str, plain: str) -> None:
    assert spelled_plainly(text) == plain


def test_marks_are_part_of_the_letter_or_may_be_left_out() -> None:
    assert letters("ü") == (("u", frozenset("\u0308")),)
    assert letters("й") == (("и\u0306", frozenset()),)
    assert letters("रो") == (("रो", frozenset()),)
    assert letters("ø") == (("o", frozenset("ø")),)
    assert letters("בּ") == (("ב", frozenset("\u05bc")),)


def test_where_a_word_of_a_script_without_spaces_ends() -> None:
    assert [place for place in range(1, 6) if ends_a_word("東京は日本", place)] == [2, 3, 5]
    assert ends_a_word("😀東京は", 3)  # places are characters, whatever they take in memory


@pytest.mark.parametrize(
    ("text", "clause", "name"),
    [
        (" J. K. Rowling. She wrote", "J. K. Rowling", "J. K. Rowling"),
        ("St. Louis, Missouri, which lies", "St. Louis, Missouri", "St. Louis"),
        ("Paris, the capital", "Paris", "Paris"),
        ("3.14, which", "3.14", "3.14"),
        ("bread and butter", "bread and butter", "bread"),
        ("東京は日本の", "東京", "東京"),
        ("\n", "", ""),
    ],
)
def test_the_clause_that_answers(text: str, clause: str, name: str) -> None:
    assert first_clause(text) == clause
    assert first_clause(text, at_names=True) == name
