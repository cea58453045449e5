"""The same prompts, with the same seed, to the unedited model and to two stacks of edits."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

import pandas as pd

from goldenlayers_core.errors import ConfigError

LONGEST: Final = 200  # tokens


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a model goes on. Temperature 0 is greedy; above it tokens are drawn from softmax(logits / temperature)."""

    max_new_tokens: int = 40
    temperature: float = 0.0
    seed: int = 0
    chat: bool = False  # the prompt is put into the tokenizer's chat template, as a user's message

    def __post_init__(self) -> None:
        if not 1 <= self.max_new_tokens <= LONGEST:
            raise ConfigError(f"{self.max_new_tokens} tokens were asked for; give a whole number from 1 to {LONGEST}.")
        if not 0 <= self.temperature <= 2:
            raise ConfigError(f"The temperature is {self.temperature}; give a number from 0 (greedy) to 2.")
        if self.seed < 0:
            raise ConfigError(f"The seed is {self.seed}; give a whole number, 0 or larger.")


@dataclass(frozen=True)
class Side:
    """One way of asking: its name, and what was said to each prompt."""

    name: str  # "unedited", "stack A", "stack B"
    n_edits: int
    texts: tuple[str, ...]


@dataclass(frozen=True)
class SideBySide:
    """What each side said; the unedited model comes first."""

    model: str
    prompts: tuple[str, ...]
    sides: tuple[Side, ...]
    decoding: Decoding

    def to_frame(self) -> pd.DataFrame:
        """One row per prompt and side."""
        return pd.DataFrame(
            [
                {
                    "prompt": prompt,
                    "side": side.name,
                    "edits": side.n_edits,
                    "text": side.texts[place],
                    "same_as_unedited": side.texts[place] == self.sides[0].texts[place],
                }
                for place, prompt in enumerate(self.prompts)
                for side in self.sides
            ]
        )


def differing(base: str, other: str) -> tuple[tuple[str, bool], ...]:
    """The words of `other`, each with the white space behind it, and whether it is not in `base` at its place.

    The words common to both, in order (longest matching blocks), are the same; the others differ.
    """
    words, before = re.findall(r"\S+\s*|^\s+", other), re.findall(r"\S+", base)
    matcher = SequenceMatcher(None, before, [word.strip() for word in words], autojunk=False)
    same = {place for block in matcher.get_matching_blocks() for place in range(block.b, block.b + block.size)}
    return tuple((word, bool(word.strip()) and place not in same) for place, word in enumerate(words))
