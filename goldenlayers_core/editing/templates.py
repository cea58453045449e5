"""Context templates: short texts in the model's own voice, put before a prompt so that an edit holds in any context.

As in ROME (Meng et al. 2022): top-5 sampling from the seeds below, then ". " and the prompt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from goldenlayers_core.editing.onward import Onward, begin
from goldenlayers_core.editing.settings import check_settings, setting
from goldenlayers_core.editing.suffix import checked_logits
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.finite import top
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.tokens import encode_prompt, never_drawn
from goldenlayers_core.records import config_digest, digest_of

SEEDS: Final = ("The", "Therefore", "Because", "I", "You")


@dataclass(frozen=True, slots=True)
class TemplateConfig:
    """How many templates are sampled, how long they are, and from which seed."""

    n_templates: int = setting(5, "Templates", "Sampled texts, beside the bare prompt.", 0, 100, 1)
    length: int = setting(
        10, "Template length", "Tokens with the first word; half of the texts have half as many.", 2, 50, 1
    )
    top_k: int = setting(5, "Top k", "Each token is drawn from this many likeliest ones.", 1, 100, 1)
    seed: int = setting(0, "Seed", "Equal seeds give equal templates.", 0, 2**31 - 1, 1)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class MethodConfig:
    """What the settings of every method can do: they are checked, and say which context templates they want."""

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def templates(self) -> TemplateConfig:
        """None but the bare prompt."""
        return TemplateConfig(0)


def template_key(handle: ModelHandle, config: TemplateConfig) -> str:
    """Names the templates that `sample_templates` returns, for whoever keeps them."""
    return digest_of([handle.result_key, config_digest(config), "templates-1"])


def sample_templates(handle: ModelHandle, config: TemplateConfig) -> tuple[str, ...]:
    """ "{}" and then `n_templates` texts ending in ". {}"; each holds "{}" once and no other brace.

    A pure function of model, dtype and config: it draws from its own generator and leaves the global one alone. Raises
    EditError where the model's numbers are not finite.
    """
    if not config.n_templates:
        return ("{}",)
    seeds = [SEEDS[i % len(SEEDS)] for i in range(config.n_templates)]
    # ROME takes as many short texts (5 tokens) as long ones (10), each kind over all seeds in turn
    half = (config.n_templates + 1) // 2
    lengths = [config.length // 2 if i < half else config.length for i in range(config.n_templates)]
    with handle.lock, torch.no_grad(), few_rows(handle):
        rows = _sample(handle, seeds, lengths, config)
    return ("{}", *(f"{_clean(handle.tokenizer.decode(row))}. {{}}" for row in rows))


def _sample(
    handle: ModelHandle, seeds: Sequence[str], lengths: Sequence[int], config: TemplateConfig
) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    tokenizer = handle.tokenizer
    plain = [[int(i) for i in tokenizer(s, add_special_tokens=False)["input_ids"]] for s in seeds]
    special = never_drawn(tokenizer, handle.vocabulary_size)
    generator = torch.Generator().manual_seed(config.seed)
    begun, logits = begin(handle, [encode_prompt(tokenizer, s) for s in seeds])
    onward = Onward(handle, begun)
    while True:
        drawn = _draw(checked_logits(handle, logits).cpu(), special, config.top_k, generator)
        for row, length, token in zip(plain, lengths, drawn.tolist(), strict=True):
            if len(row) < length:
                row.append(token)
        if all(len(row) >= length for row, length in zip(plain, lengths, strict=True)):
            return plain
        logits = onward.after(drawn.tolist()).float()


def _draw(logits: Tensor, special: Tensor, top_k: int, generator: torch.Generator) -> Tensor:
    """(rows,) one token each, from the `top_k` likeliest that are not special."""
    values, indices = top(logits.index_fill(1, special, -torch.inf), top_k)
    chosen = torch.multinomial(values.softmax(dim=1), 1, generator=generator)
    return indices.gather(1, chosen)[:, 0]


def _clean(text: str) -> str:
    """One line without braces, so that "{}" stays the only place for a prompt."""
    return re.sub(r"\s+", " ", re.sub(r"[{}]", " ", text)).strip()
