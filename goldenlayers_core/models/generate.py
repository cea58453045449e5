"""Greedy text from a model, batched, by transformers' own generation."""

from collections.abc import Callable, Sequence

import torch
from transformers import GenerationConfig

from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.tokens import encode_prompt, pad_left


def greedy(
    handle: ModelHandle,
    prompts: Sequence[str],
    max_new_tokens: int = 12,
    token_budget: int = 1024,
    between: Callable[[], None] | None = None,
) -> tuple[str, ...]:
    """Each prompt's greedy continuation of at most `max_new_tokens` tokens, without special tokens.

    Prompts are bucketed by length into batches of at most `token_budget` tokens; `between` is called before each batch
    (it may raise to cancel). Hold the handle's lock when an overlay is active; it is taken here otherwise.
    """
    encoded = [encode_prompt(handle.tokenizer, p) for p in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(encoded[i]))
    texts = [""] * len(prompts)
    config = generation_config(handle, max_new_tokens)
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * (len(encoded[order[stop]]) + max_new_tokens) <= token_budget:
            # a row of padding in float64 is a row of NaN in some architectures (transformers 5, eager attention)
            if handle.dtype == torch.float64 and len(encoded[order[stop]]) != len(encoded[order[start]]):
                break
            stop += 1
        chosen, start = order[start:stop], stop
        if between:
            between()
        ids, mask = pad_left([encoded[i] for i in chosen], fill=int(config.pad_token_id or 0))
        with handle.lock, torch.inference_mode():
            out = handle.model.generate(
                input_ids=ids.to(handle.device), attention_mask=mask.to(handle.device), generation_config=config
            )
        for i, row in zip(chosen, out[:, ids.shape[1] :].tolist(), strict=True):
            texts[i] = str(handle.tokenizer.decode(row, skip_special_tokens=True))
    return tuple(texts)


def generation_config(handle: ModelHandle, max_new_tokens: int) -> GenerationConfig:
    """Greedy decoding with this model's own end-of-text tokens."""
    own = handle.model.generation_config
    end = own.eos_token_id if own.eos_token_id is not None else handle.tokenizer.eos_token_id
    first = end[0] if isinstance(end, list) else end
    pad = handle.tokenizer.pad_token_id
    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=end,
        pad_token_id=pad if pad is not None else first if first is not None else 0,
    )


def first_answer(continuation: str) -> str:
    """The part of a continuation that answers: up to the first line break or end of a clause, without outer space."""
    line = continuation.strip().split("\n", 1)[0]
    for mark in (". ", ", ", "; ", " and ", " (", "! ", "? "):
        line = line.split(mark, 1)[0]
    return line.strip().rstrip(".,;!?").strip()
