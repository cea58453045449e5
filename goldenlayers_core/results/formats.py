"""How numbers and short texts are written, on pages, in figures and in reports alike. No torch.

Shares and probabilities: `percent`. Everything else: `number`, with its unit after it.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

import pandas as pd

NOT_ASKED: Final = "not asked"
MINUS, TIMES = "\u2212", "\u00d7"  # by code: in the source they look like - and x
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def capital(text: str) -> str:
    """As at the beginning of a sentence."""
    return f"{text[:1].upper()}{text[1:]}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; "" of none."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def spaced(text: str) -> str:
    """Words that were stored with "50%", as they are written now: "50 %"."""
    return re.sub(r"(?<=\d)%", " %", text)


def clean(text: str) -> str:
    """`text` on one line: runs of white space and control characters become one space."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())


def shorten(text: str, length: int) -> str:
    """`text` on one line, at most `length` characters, the cut shown by an ellipsis."""
    line = clean(text)
    return line if len(line) <= length else line[: max(length - 1, 1)].rstrip() + "…"


def with_gaps(table: pd.DataFrame, words: str = NOT_ASKED) -> pd.DataFrame:
    """The table, which says what its gaps (NaN) are called wherever it is written as text."""
    table.attrs["gaps"] = words
    return table


def gaps_of(table: pd.DataFrame) -> str:
    """What a table's gaps are called; "" where it does not say."""
    return str(table.attrs.get("gaps", ""))


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, for people: 0.0123, 1,230, powers of ten."""
    if not math.isfinite(value):
        return "not a number"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        body = f"{abs(value):,.{places}f}"
        body = body.rstrip("0").rstrip(".") if "." in body else body
    else:
        mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
        body = power if mantissa == "1" else f"{mantissa}{TIMES}{power}"
    return MINUS + body if value < 0 else body


def multiple(ratio: float) -> str:
    """A ratio that is compared with 1, two decimals below 10: "1.00 times", which looks like no count."""
    return f"{f'{ratio:.2f}' if 0.005 <= ratio < 9.995 else number(ratio)} times"


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage, one decimal below 10 %; nearly 0 and nearly 1 are said in words."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    text = f"{100 * share:.1f}" if share < 0.0995 else f"{100 * share:.0f}"
    return text.removesuffix(".0") + " %"
