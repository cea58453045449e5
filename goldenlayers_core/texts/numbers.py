"""Numbers by value: sign, thousands, decimal point, in the digits of any script.

    10,000   10 000   10'000   1.000.000   10٬000   1,00,000     groups of digits
    3.14   3,14   3٫14   .5                                       a decimal point or comma
    1/2                                                             a fraction
    5 million   5万                                                  a word for a power of ten

One point is a decimal point, one comma before exactly three digits parts thousands ("1.250" is less than "1,250"). A
hyphen or minus is a sign where no letter or digit stands before it.
"""

import unicodedata
from fractions import Fraction
from typing import Final

import regex

_GROUPED: Final = (
    r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?|[1-9]\d{0,2}(?:'\d{3})+(?:[.,]\d+)?"
    r"|[1-9]\d{0,2}(?:[    ]\d{3})+(?!\d)(?:[.,]\d+(?!\d))?|[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?"
    r"|[1-9]\d{0,2}(?:\.\d{3})+,\d+"
)
_PLAIN: Final = r"\d+/\d+(?![/\d])|(?<!\d,)\d+,\d+(?!\d|,\d)|\d+(?:\.\d+)?(?!\d|\.\d)|\.\d+|\d+"
PATTERN: Final = (
    rf"(?P<sign>(?<![\p{{L}}\p{{M}}\p{{N}})\]])[+\-–])?"
    rf"(?P<digits>(?:{_GROUPED})(?![\d]|[.,]\d)|\d+(?:[.:]\d+){{2,}}|\d+:\d+|{_PLAIN})"
)
_POWERS: Final = {
    **{word: 10**power for word, power in (("hundred", 2), ("thousand", 3), ("billion", 9), ("trillion", 12))},
    **dict.fromkeys(("million", "millions", "millionen", "millones", "millón", "milioni", "milhões"), 10**6),
    **dict.fromkeys(("千", "천"), 10**3),
    **dict.fromkeys(("万", "萬", "만"), 10**4),
    **dict.fromkeys(("億", "亿", "억"), 10**8),
    **dict.fromkeys(("兆", "조"), 10**12),
    "lakh": 10**5,
    "crore": 10**7,
}
POWER: Final = regex.compile(rf"(?i)\s?(?P<power>{'|'.join(sorted(_POWERS, key=len, reverse=True))})(?![\p{{Latin}}])")
_WESTERN: Final = str.maketrans({"٬": ",", "٫": "."})


def western(text: str) -> str:
    """`text` with the digits of every script as 0 to 9, and Arabic separators as a comma and a point."""
    if text.isascii():
        return text
    digits = (str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text.translate(_WESTERN))
    return "".join(digits)


def value(sign: str, digits: str, power: str = "") -> Fraction | str:
    """What a match of `PATTERN` says; what has several points or colons (a date, a version, a time) is compared as
    written."""
    if ":" in digits or (digits.count(".") > 1 and "," not in digits and not _is_grouped(digits)):
        return digits
    plain = regex.sub(r"['\s]", "", digits)
    if "/" in plain:
        upper, lower = (int(part) for part in plain.split("/"))
        found = Fraction(upper, lower) if lower else Fraction(0)
    else:
        found = Fraction(_decimal(plain))
    found *= _POWERS.get(power.casefold(), 1)
    return -found if sign in ("-", "–") and sign else found


def _is_grouped(digits: str) -> bool:
    return regex.fullmatch(r"[1-9]\d{0,2}(?:\.\d{3}){2,}", digits) is not None


def _decimal(digits: str) -> str:
    """Digits with at most one point, the decimal one."""
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and point >= 0:
        group = "," if comma < point else "."
        return digits.replace(group, "").replace(",", ".")
    if digits.count(".") > 1:
        return digits.replace(".", "")
    if comma >= 0:
        thousands = regex.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}", digits)
        return digits.replace(",", "" if thousands else ".")
    return digits
