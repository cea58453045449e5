"""Differences word by word, and what a decoding may be."""

import pytest

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.results.edit.sides import Decoding, Side, SideBySide, differing


def marked(base: str, other: str) -> str:
    """The words that differ in brackets."""
    return "".join(f"[{word.strip()}]" if is_new else word for word, is_new in differing(base, other))


@pytest.mark.parametrize(
    ("base", "other", "expected"),
    [
        ("Paris is in France.", "Paris is in France.", "Paris is in France."),
        ("Paris is in France.", "Rome is in Italy.", "[Rome]is in [Italy.]"),
        ("a b c", "a x b c", "a [x]b c"),
        ("a b c", "a c", "a c"),
        ("", "all new", "[all][new]"),
        ("something", "", ""),
        ("the cat\nsat", "the dog\nsat", "the [dog]sat"),
    ],
)
def test_words_not_in_the_base_are_marked(base: str, other: str, expected: str) -> None:
    assert marked(base, other) == expected


def test_nothing_of_the_text_is_lost() -> None:
    text = "  Two  spaces,\na line\n\nand the end. "
    assert "".join(word for word, _ in differing("other words", text)) == text


@pytest.mark.parametrize(
    "settings", [{"max_new_tokens": 0}, {"max_new_tokens": 1000}, {"temperature": 3}, {"seed": -1}]
)
def test_a_decoding_outside_its_limits_is_one_sentence(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="give a"):
        Decoding(**settings)  # type: ignore[arg-type]


def test_the_table_has_every_prompt_and_side() -> None:
    sides = (Side("unedited", 0, ("a", "b")), Side("stack A", 2, ("a", "c")))
    frame = SideBySide("tiny", ("one", "two"), sides, Decoding()).to_frame()
    assert list(frame["side"]) == ["unedited", "stack A"] * 2
    assert list(frame["same_as_unedited"]) == [True, True, True, False]
