"""Whether a model still writes as it did: perplexity of a fixed text, and the n-gram entropy of what it writes.

    perplexity = exp( -(1/n) sum_t log p(x_t | x_<t) )              of a text of n + 1 tokens
    H_n        = - sum over n-grams g of f(g) log2 f(g)             bits; f: share of the text's n-grams that are g
    fluency    = 1/3 H_2 + 2/3 H_3                                  bits; low where a model repeats itself

(Fluency as in Meng et al. 2022, section 4; EasyEdit's weights.) Everything is computed under whatever overlay is
active.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final

import torch

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.models.kept import last_position
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import encode_text
from goldenlayers_core.places import assets_folder

FLUENCY_TOKENS: Final = 64  # greedy tokens of a continuation
PERPLEXITY_WINDOW: Final = 512  # tokens read at once; longer texts are cut, and each piece begins anew
_WEIGHTS: Final = ((2, 1 / 3), (3, 2 / 3))


def ngram_entropy(units: Sequence[Hashable]) -> float:
    """1/3 H_2 + 2/3 H_3 of words or tokens, in bits; 0 for fewer than two of them."""
    return sum(weight * _entropy(units, n) for n, weight in _WEIGHTS)


def _entropy(units: Sequence[Hashable], n: int) -> float:
    """H_n in bits."""
    counts = Counter(tuple(units[i : i + n]) for i in range(len(units) - n + 1))
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values()) if counts else 0.0


def words_of(text: str) -> tuple[str, ...]:
    """The words and punctuation marks of a text, in lower case."""
    return tuple(re.findall(r"\w+|[^\w\s]", text.casefold()))


def fluency(handle: ModelHandle, prompts: Sequence[str], new_tokens: int = FLUENCY_TOKENS) -> float:
    """Mean n-gram entropy, in bits, of the words of each prompt's greedy continuation.

    Hold the handle's lock when an overlay is active; it is taken here otherwise. Raises RequestError for no prompts.
    """
    if not prompts:
        raise RequestError("There is no prompt whose continuation could be measured; give at least one.")
    texts = greedy(handle, prompts, new_tokens)
    return sum(ngram_entropy(words_of(text)) for text in texts) / len(texts)


def pieces(handle: ModelHandle, text: str, before: int = 0) -> list[tuple[int, ...]]:
    """The text's tokens in pieces of two at least, which the model takes with `before` tokens in front of each."""
    ids, size = encode_text(handle.tokenizer, text), min(PERPLEXITY_WINDOW, last_position(handle) + 1 - before)
    parts = (ids[start : start + size] for start in range(0, len(ids), size))
    return [part for part in parts if len(part) > 1]


def perplexity(handle: ModelHandle, text: str, prefix: str = "") -> float:
    """exp of the mean negative log-likelihood per token of a text; the first token of a piece is only read, and so is
    `prefix`, which stands before each piece.

    Hold the handle's lock when an overlay is active; it is taken here otherwise. Raises RequestError for a text of
    fewer than two tokens.
    """
    before = list(encode_text(handle.tokenizer, prefix)) if prefix else []
    read = pieces(handle, text, len(before))
    if not read:
        raise RequestError("The text has fewer than two tokens; give a longer one to compute a perplexity of.")
    total, count = 0.0, 0
    for ids in read:
        piece = torch.tensor([before + list(ids)], device=handle.device)
        with handle.lock, few_rows(handle), torch.inference_mode():
            logits = handle.model(input_ids=piece, use_cache=False).logits[0, len(before) : -1]
            log_p = logits.to(torch.float64 if logits.dtype == torch.float64 else torch.float32).log_softmax(dim=1)
            total -= float(log_p.gather(1, piece[0, len(before) + 1 :, None]).double().sum())
        count += piece.shape[1] - len(before) - 1
    return math.exp(total / count)


def neutral_text() -> str:
    """The bundled text whose perplexity is compared: about 120 words on a walk, written for this project."""
    return (assets_folder() / "texts" / "neutral.txt").read_text(encoding="utf-8").strip()
