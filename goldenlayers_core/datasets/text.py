"""Bytes to text, and the plain facts about text that every reader shares."""

import math
import re
import unicodedata
from typing import Any

from goldenlayers_core.errors import EncodingError
from goldenlayers_core.subject import occurrences

MAX_BYTES = 64 * 2**20
"""Largest file that is read, in bytes."""

MAX_RECORDS = 200_000
"""Most records that are read from one file."""

MAX_COLUMNS = 2_000
"""Most columns of a table."""

MAX_CELLS = 6_000_000
"""Most cells of a table, empty ones and the values of lists included."""

_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
)
_QUOTES = " \t\n\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb\u201e\u300c\u300d\u300e\u300f\u3002"
_STOPS = re.compile(r"\.(?!\d)")
_ADVICE = "save it as UTF-8 text (CSV, TSV, JSON, JSON lines) or as Parquet"


def decode_text(data: bytes) -> tuple[str, str]:
    """The text in `data` and its encoding: "utf-8", "utf-16-le", "utf-16-be", "latin-1" or "windows-1252".

    A byte order mark decides first, then UTF-8, then UTF-16 by where the zero bytes stand, then Latin-1 (as web
    browsers do, read as Windows-1252 where it holds that set's quotation marks).
    Raises EncodingError for anything that is not text, and for UTF-8 that is cut short or damaged.
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            raise EncodingError(f"The file is {kind}, not text; {_ADVICE}.")
    if data.startswith(b"\xef\xbb\xbf"):
        return _utf8(data[3:]), "utf-8"
    if data.startswith(b"\xff\xfe"):
        return _utf16(data[2:], "utf-16-le")
    if data.startswith(b"\xfe\xff"):
        return _utf16(data[2:], "utf-16-be")
    if b"\x00" in data:
        # Western text in UTF-16 has a zero in every other byte: the odd ones in little-endian order.
        odd = data[1::2].count(0)
        even = data[0::2].count(0)
        return _utf16(data, "utf-16-le" if odd > even else "utf-16-be")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _single_byte(data)


def _utf8(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(f"The file is damaged UTF-8 at byte {error.start + 1}; {_ADVICE}.") from error
    if "\x00" in text:
        raise EncodingError(f"The file holds zero bytes and is not text; {_ADVICE}.")
    return text


def _utf16(data: bytes, encoding: str) -> tuple[str, str]:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise EncodingError(f"The file is neither UTF-8 nor complete UTF-16, so it is not text; {_ADVICE}.") from error
    letters = sum(c.isalnum() or c.isspace() for c in text[:4096])
    if "\x00" in text or letters * 4 < len(text[:4096]):
        raise EncodingError(f"The file is binary, not text; {_ADVICE}.")
    return text, encoding


def _single_byte(data: bytes) -> tuple[str, str]:
    lenient = data.decode("utf-8", "replace")
    broken = lenient.count("\ufffd")
    whole = sum(not c.isascii() for c in lenient) - broken
    if whole > broken:  # Latin-1 rarely forms valid multi-byte characters, so this was UTF-8
        raise EncodingError(f"The file is damaged UTF-8 or cut short in the middle of a character; {_ADVICE}.")
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in set(data)):
        raise EncodingError(f"The file is binary, not text; {_ADVICE}.")
    if not any(0x80 <= byte <= 0x9F for byte in set(data)):
        return data.decode("latin-1"), "latin-1"
    try:
        return data.decode("windows-1252"), "windows-1252"
    except UnicodeDecodeError as error:
        raise EncodingError(f"The file is not text in UTF-8, UTF-16 or Latin-1; {_ADVICE}.") from error


def clean(text: str) -> str:
    """`text` without surrounding white space and without lone surrogates (JSON allows them, UTF-8 cannot hold them)."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.strip()


def scalar_text(value: Any) -> str | None:
    """A single value as text; "" for None, NaN and infinities; None for lists, mappings and bytes."""
    if isinstance(value, str):
        return clean(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() < 4096 else None  # Python refuses to print longer ones
    if isinstance(value, list | tuple | dict | set | bytes | bytearray):
        return None
    return clean(str(value))  # dates and decimals from Parquet


def kind_of(value: Any) -> str:
    """What `value` is, in a word for a person."""
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "empty" if value is None else "binary data"


def shorten(text: str, width: int = 60) -> str:
    """`text` on one line, at most `width` characters, for a message."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 3] + "..."


def fold(text: str) -> str:
    """`text` for comparison: case, accents, punctuation and white space do not count."""
    if text.isascii():
        return "".join(c for c in text.lower() if c.isalnum())
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if c.isalnum())


def answer_key(text: str) -> str:
    """What two spellings of one answer share: `fold`, but of short ones only the case ("C" is not "C++")."""
    folded = fold(text)
    return folded if len(folded) > 2 else " ".join(text.casefold().split())


def written_key(text: str) -> str:
    """What two spellings of one answer share if nothing but their writing differs: case, white space, Unicode form,
    quotation marks around it and full stops that are no decimal points. Signs, accents and symbols tell apart."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    if "." in plain:
        plain = _STOPS.sub("", plain)
    return " ".join(plain.strip(_QUOTES).split())


def locate(subject: str, prompt: str) -> str | None:
    """`subject` as `prompt` spells it where it first stands free (`goldenlayers_core.subject`), else None."""
    return next((prompt[start:end] for start, end in occurrences(subject, prompt)), None)
