"""A text as words, numbers and symbols, in every script, with what stands between them.

Scripts that part words are split at what is no letter; of scripts that do not, every character is a word of its own
here, and ICU's dictionaries say where words end. Punctuation only parts. A dot joins where it abbreviates ("U.S.",
"J. R. R.", "Node.js") and counts where a name begins with it (".NET"); a symbol counts where it is part of a name
("C++", "A*", "O-").
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Final, Literal

import regex
from icu4py.breakers import WordBreaker

from goldenlayers_core.texts.letters import Letter, letters, prepared
from goldenlayers_core.texts.numbers import PATTERN, POWER, value, western

_SCX: Final = "".join(
    rf"\p{{scx={script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar", "Javanese")
)
SPACELESS: Final = regex.compile(rf"(?V1)[[\p{{L}}\p{{Nl}}\p{{So}}]&&[{_SCX}\u3005-\u3007\u30fc]]")
_UNPARTED: Final = rf"(?:[[\p{{L}}\p{{Nl}}]&&[{_SCX}\u3005-\u3007\u30fc]]\p{{M}}*)"
_LETTER: Final = rf"(?:[[\p{{L}}\p{{Nl}}\p{{No}}]--[{_SCX}\u3005-\u3007\u30fc]]\p{{M}}*)"
_JOINED: Final = (  # what joins two letters of one word
    r"(?:'(?=[\p{L}])|(?<=\p{Hebrew})[\"\u05f3\u05f4](?=\p{Hebrew})"
    r"|\.(?=\p{Ll})|(?<=\p{Lu}\p{M}*)\.(?=\p{Lu})|(?<=(?<!\p{L})\p{L}{2})\.(?=\p{Lu}(?!\p{L}))|(?<=[\p{Lo}&&[\p{Arabic}\p{Hebrew}\p{Indic}]])\.(?=\p{Lo}))"
).replace(r"\p{Indic}", r"\p{Devanagari}\p{Bengali}\p{Tamil}\p{Telugu}")
_TOKEN: Final = regex.compile(
    rf"(?V1)(?P<initials>(?<![\p{{L}}\p{{M}}\p{{N}}']){_LETTER}\.(?:\s?{_LETTER}\.)+(?:{_LETTER}(?![\p{{L}}\p{{M}}.]))?)"
    rf"|{PATTERN}"
    rf"|(?P<unparted>{_UNPARTED})"
    rf"|(?P<word>(?:(?<![\p{{L}}\p{{M}}\p{{N}}.])\.(?=\p{{L}}))?{_LETTER}(?:{_JOINED}?{_LETTER})*)"
    rf"|(?P<grade>(?<=(?<!\p{{L}}\p{{M}}*)\p{{L}}{{1,2}})--?(?![\p{{L}}\p{{N}}\-])(?!\s*[\p{{N}}]))"
    rf"|(?P<symbol>[+#*^&@%\p{{Sc}}\u2605\u2606\u266d\u266e\u00b0]+)"
    rf"|(?P<other>[\p{{S}}\p{{M}}])"
)
_EMPHASIS: Final = regex.compile(r"(?<![\p{L}\p{N}*_])(\*{1,3}|_{1,3})(?=\S)(.+?)(?<=\S)\1(?![\p{L}\p{N}*_])")
_OPENED: Final = regex.compile(r"^\s*(?:\*{1,3}|_{1,3}|#{1,6}(?=\s))(?=\s*[\p{L}\p{N}])")


@dataclass(frozen=True)
class Word:
    """One word, number or symbol of a prepared text."""

    kind: Literal["word", "number", "symbol"]
    text: str  # as it stands there
    letters: tuple[Letter, ...]  # of a word
    value: Fraction | str  # of a number; a symbol as written
    start: int
    end: int
    glued: bool  # nothing stands between it and the one before
    is_spaceless: bool  # of a script that does not part words

    @property
    def plain(self) -> str:
        """Lower case without the marks that may be left out; a number by its value."""
        if self.kind == "word":
            return "".join(base for base, _ in self.letters)
        return decimal(self.value) if isinstance(self.value, Fraction) else self.value


@dataclass(frozen=True)
class Words:
    """A text and its words."""

    text: str  # prepared
    words: tuple[Word, ...]

    def gap(self, place: int) -> str:
        """What stands before word `place`; behind the last one for the number of words."""
        start = self.words[place - 1].end if place else 0
        return self.text[start : self.words[place].start if place < len(self.words) else len(self.text)]


def decimal(number: Fraction) -> str:
    """A number with as many decimals as it has; one that never ends as a fraction."""
    if number.denominator == 1:
        return str(number.numerator)
    shown = f"{float(number):.12f}".rstrip("0")
    return shown if Fraction(shown) == number else f"{number.numerator}/{number.denominator}"


@lru_cache(maxsize=4096)
def words(text: str) -> Words:
    """The words of a text. Symbols that are part of no name (bullets, emoji) count only where nothing else is."""
    shown = western(prepared(_unmarked(text)))
    found: list[Word] = []
    end, decorations = 0, []
    while match := _TOKEN.search(shown, end):
        kind = match.lastgroup or ""
        stop = match.end()
        glued = bool(found) and match.start() == found[-1].end
        if kind == "other":
            decorations.append(Word("symbol", match.group(), (), match.group(), match.start(), stop, glued, False))
            end = stop
            continue
        if match["digits"]:
            power = POWER.match(shown, stop)
            stop = power.end() if power else stop
            amount = value(match["sign"] or "", match["digits"], power["power"] if power else "")
            found.append(Word("number", shown[match.start() : stop], (), amount, match.start(), stop, glued, False))
        elif kind in ("symbol", "grade"):
            found.append(Word("symbol", match.group(), (), match.group(), match.start(), stop, glued, False))
        else:
            spelled = regex.sub(r"(?<!^)[.'\"\s\u05f3\u05f4]", "", match.group())
            found.append(
                Word("word", match.group(), letters(spelled), "", match.start(), stop, glued, kind == "unparted")
            )
        end = stop
    return Words(shown, tuple(_with_and(found) or decorations))


def _unmarked(text: str) -> str:
    """Without the marks of emphasis that surround words, and without one that is still open at the beginning."""
    if "*" not in text and "_" not in text and "#" not in text:
        return text
    return _OPENED.sub("", _EMPHASIS.sub(r"\2", text))


def _with_and(found: list[Word]) -> list[Word]:
    """ "&" between words is the word "and"."""
    if len(found) < 2:
        return found
    return [
        Word("word", w.text, letters("and"), "", w.start, w.end, w.glued, False) if w.value == "&" else w for w in found
    ]


def ends_a_word(text: str, place: int) -> bool:
    """Whether a word of a script without spaces ends before character `place`, by ICU's dictionaries."""
    return place in _ends(text)


@lru_cache(maxsize=1024)
def _ends(text: str) -> frozenset[int]:
    return frozenset(accumulate(len(part) for part in WordBreaker(text, "en")))
