"""Bytes to text, tolerant comparison, locating a subject."""

from datetime import date
from decimal import Decimal

import pytest

from goldenlayers_core.datasets.text import answer_key, clean, decode_text, fold, locate, scalar_text, shorten
from goldenlayers_core.errors import EncodingError

TEXT = 'prompt,subject,target_new\n"Zürich liegt in der","Zürich","Schweiz \u2013 ja"\n'
LATIN = "prompt;subject\nLa capitale de l'Algérie où naît;Algérie\n"


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (TEXT.encode("utf-8"), TEXT, "utf-8"),
        (TEXT.encode("utf-8-sig"), TEXT, "utf-8"),
        (TEXT.encode("utf-16"), TEXT, "utf-16-le"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT, "utf-16-be"),
        (TEXT.encode("utf-16-le"), TEXT, "utf-16-le"),
        (TEXT.encode("utf-16-be"), TEXT, "utf-16-be"),
        (LATIN.encode("latin-1"), LATIN, "latin-1"),
        ("the “quoted” café".encode("windows-1252"), "the “quoted” café", "windows-1252"),
        ("日本の首都は東京".encode(), "日本の首都は東京", "utf-8"),
        (b"", "", "utf-8"),
    ],
)
def test_text_in_every_allowed_encoding(data: bytes, text: str, encoding: str) -> None:
    assert decode_text(data) == (text, encoding)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"),
        (b"PK\x03\x04\x14\x00\x06\x00", "an Excel workbook"),
        (b"%PDF-1.7 stuff", "a PDF document"),
        (b"\x1f\x8b\x08\x00abc", "a gzip archive"),
        (bytes(range(256)) * 4, "not text"),
        (b"abc\x00\x00\x00\x01\x02\x03def", "not text"),
        (b"abc\x00def", "not text"),
        (b"\xff\xfeabc", "not text"),
        (b"\xef\xbb\xbfab\xff", "damaged UTF-8 at byte 3"),
        ("Zürich über Köln".encode()[:-1] + "ö".encode()[:1], "damaged UTF-8"),
        ("日本の首都は東京".encode()[:-1], "cut short"),
        (b"\xe9t\xe9 \x81\x8d", "not text in UTF-8, UTF-16 or Latin-1"),
        (b"\xe9\x01\x02\x03", "binary"),
    ],
)
def test_what_is_not_text_is_refused_in_one_sentence(data: bytes, part: str) -> None:
    with pytest.raises(EncodingError) as caught:
        decode_text(data)
    message = str(caught.value)
    assert part in message
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (2006, "2006"),
        (2006.0, "2006"),
        (2.5, "2.5"),
        (1e300, "1e+300"),
        (True, "true"),
        ("  a b ", "a b"),
        (date(2020, 1, 2), "2020-01-02"),
        (Decimal("1.50"), "1.50"),
        ([1], None),
        ({"a": 1}, None),
        (b"raw", None),
        pytest.param(10**5000, None, id="too long to print"),
    ],
)
def test_single_values_as_text(value: object, text: str | None) -> None:
    assert scalar_text(value) == text


def test_lone_surrogates_are_replaced_so_that_text_can_be_written() -> None:
    assert clean("a\ud800b").encode("utf-8").decode() == "a\ufffdb"
    assert clean("\U0001f1f8\U0001f1fe") == "\U0001f1f8\U0001f1fe"


@pytest.mark.parametrize(
    ("subject", "prompt", "found"),
    [
        ("Paris", "Paris is in", "Paris"),
        ("paris", "The river of Paris is", "Paris"),
        ("jane doe , 1st lady doe", "Dame Jane Doe, 1st Lady Doe (1850)", "Jane Doe, 1st Lady Doe"),
        ("josé  maria", "Where was Jose-Maria born?", "Jose-Maria"),
        ("Jose", "José was born in", "José"),
        ("l'oreal", "The owner of L\u2019Oréal is", "L\u2019Oréal"),
        ("art", "Bart is from", None),  # inside another word it is not the subject
        ("art", "Bart likes art", "art"),
        ("ART", "Bart is from", None),
        ("ART", "Bart likes art", "art"),
        ("C#", "the letter c is", None),
        ("strasse", "Die Straße ist", "Straße"),
        ("東京", "首都は東京です", "東京"),
        ("Rome", "Paris is in", None),
    ],
)
def test_the_subject_is_found_as_the_prompt_spells_it(subject: str, prompt: str, found: str | None) -> None:
    assert locate(subject, prompt) == found


def test_fold_and_answer_key() -> None:
    assert fold("M. Krishnan  Naïr!") == fold("m krishnan nair")
    assert answer_key("U.S.A.") == answer_key("usa")
    assert answer_key("C") != answer_key("C++")
    assert answer_key("C") == answer_key(" c ")


def test_shorten_keeps_one_line() -> None:
    assert shorten("a\n  b") == "a b"
    assert len(shorten("x" * 500, 40)) == 40
