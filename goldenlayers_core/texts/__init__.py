"""What of a text counts when two answers are compared (docs/judging.md): its words, numbers and telling symbols.

No torch; nothing of the project is imported here, so that readers of data sets and judges of answers share one rule.
"""

from typing import Final

from goldenlayers_core.texts.ends import agree_to_the_end, first_clause
from goldenlayers_core.texts.match import begins_with, goes_on_as_a_word, same_text, spelled_plainly
from goldenlayers_core.texts.words import Word, words

JUDGEMENT: Final = "answers-2"  # changes when any text would be judged otherwise; "answers-1" is what stored none

__all__ = [
    "JUDGEMENT",
    "Word",
    "agree_to_the_end",
    "begins_with",
    "first_clause",
    "goes_on_as_a_word",
    "same_text",
    "spelled_plainly",
    "words",
]
