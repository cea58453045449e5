import pytest

from goldenlayers_core.figures.text import (
    capital,
    counted,
    escape,
    layer_list,
    listed,
    number,
    percent,
    plain,
    row_labels,
    shorten,
    wrap,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (12.0, "12"),
        (1234.5, "1,234"),
        (0.0123456, "0.0123"),
        (-4.0, "\u22124"),
        (1.5e-5, "1.5\u00d710⁻⁵"),
        (1e-5, "10⁻⁵"),
        (-2.5e9, "\u22122.5\u00d710⁹"),
        (float("nan"), "not a number"),
    ],
)
def test_numbers_for_people(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (0.0001, "under 0.1 %"),
        (0.005, "0.5 %"),
        (0.08, "8 %"),
        (0.999, "over 99 %"),
    ],
)
def test_shares(share, text):
    assert percent(share) == text


def test_wrapping_escapes_each_line_and_never_cuts_an_entity():
    text = "a & b < c > d " * 20
    lines = wrap(text, 30).split("<br>")
    assert plain("<br>".join(lines)) == text.strip()
    for line in lines:
        assert len(plain(line)) <= 30
        assert "<" not in line


def test_a_word_longer_than_the_line_is_broken():
    assert all(len(line) <= 10 for line in wrap("x" * 95, 10).split("<br>"))


def test_templates_are_disarmed():
    assert "%{" not in escape("%{meta.alt} 100%{")


def test_shorten_keeps_what_fits():
    assert shorten("a\nb\t c", 10) == "a b c"
    assert shorten("abcdefgh", 5) == "abcd…"


def test_labels_keep_the_words_that_differ():
    countries = ["France", "Germany", "Japan", "Peru"]
    labels = row_labels([f"The official language of the country {name} is" for name in countries], 18)
    for label, name in zip(labels, countries, strict=True):
        assert name in label
        assert len(label) <= 19


def test_labels_of_equal_empty_and_endless_prompts():
    assert row_labels(["The capital of"] * 2, 20) == ["The capital of"] * 2
    assert row_labels([""], 20) == [""]
    (label,) = row_labels(["x" * 10_000], 20)
    assert len(label) <= 20
    assert row_labels([], 20) == []


def test_words_in_a_row_and_at_the_beginning_of_a_sentence():
    assert [listed(words) for words in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == ["", "a", "a and b", "a, b and c"]
    assert [capital(text) for text in ("", "LGA", "the line check")] == ["", "LGA", "The line check"]


def test_lists_and_counts():
    assert layer_list((3,)) == "layer 3"
    assert layer_list((0, 1, 29)) == "layers 0, 1 and 29"
    assert layer_list(tuple(range(9))) == "layers 0, 1, 2, … (9 in all)"
    assert counted(1, "request") == "1 request"
    assert counted(5000, "request") == "5,000 requests"
