"""Text from a model, greedy or sampled, batched, by transformers' own generation."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessorList

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.finite import Watched
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.kept import forget, last_position
from goldenlayers_core.models.products import few_rows
from goldenlayers_core.models.shortage import spared
from goldenlayers_core.models.tokens import encode_prompt, pad_left
from goldenlayers_core.results.edit.sides import Decoding
from goldenlayers_core.texts import first_clause


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
    start, most = 0, spared(token_budget)
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * (len(encoded[order[stop]]) + max_new_tokens) <= most:
            # a row of padding in float64 is a row of NaN in some architectures (transformers 5, eager attention)
            if handle.dtype == torch.float64 and len(encoded[order[stop]]) != len(encoded[order[start]]):
                break
            stop += 1
        chosen, start = order[start:stop], stop
        if between:
            between()
        ids, mask = pad_left([encoded[i] for i in chosen], fill=int(config.pad_token_id or 0))
        with handle.lock, torch.inference_mode():
            written = generated(handle, ids, mask, config)
        for i, row in zip(chosen, written, strict=True):
            texts[i] = str(handle.tokenizer.decode(row, skip_special_tokens=True))
    return tuple(texts)


def continued(handle: ModelHandle, prompts: Sequence[str], decoding: Decoding, prefix: str = "") -> tuple[str, ...]:
    """Each prompt's continuation, all in one batch, without special tokens; `prefix` stands before every prompt.

    The same seed and the same prompts draw the same random numbers, whatever lies over the model, and no other random
    number of this process is touched. Hold the handle's lock when an overlay is active; it is taken here otherwise.
    Raises RequestError for an empty prompt, one that is longer than the model takes, and a chat template that the
    tokenizer does not have.
    """
    rows = [_row(handle, prefix + prompt, decoding.chat) for prompt in prompts]
    most = last_position(handle) + 1 - decoding.max_new_tokens
    for prompt, row in zip(prompts, rows, strict=True):
        if len(row) > most:
            raise RequestError(
                f"The prompt that begins {prompt[:40]!r} has {len(row):,} tokens and {handle.name} takes at most "
                f"{most:,} before {decoding.max_new_tokens} new ones; shorten it."
            )
    config = generation_config(handle, decoding.max_new_tokens)
    if decoding.temperature > 0:
        config.do_sample, config.temperature, config.top_k, config.top_p = True, decoding.temperature, 0, 1.0
    ids, mask = pad_left(rows, fill=int(config.pad_token_id or 0))
    devices = [handle.device] if handle.device.type == "cuda" else []
    with handle.lock, torch.inference_mode(), few_rows(handle), torch.random.fork_rng(devices=devices):
        torch.manual_seed(decoding.seed)
        found = generated(handle, ids, mask, config)
    return tuple(str(handle.tokenizer.decode(row, skip_special_tokens=True)) for row in found)


def generated(handle: ModelHandle, ids: Tensor, mask: Tensor, config: GenerationConfig) -> list[list[int]]:
    """The tokens that follow each row of (B, T) ids, by `config` alone.

    transformers fills what a configuration leaves open from the checkpoint's own (a repetition penalty, suppressed or
    forced tokens, a least length), which is put aside meanwhile. Hold the handle's lock. Raises NotFiniteError.
    A model with running states, which padding would enter, writes padded rows one by one.
    """
    if not handle.architecture.keeps_keys and not bool(mask.all()):
        alone = [(row[real.bool()][None], real[real.bool()][None]) for row, real in zip(ids, mask, strict=True)]
        return [generated(handle, *row, config)[0] for row in alone]
    forget(handle)
    model = handle.model
    own, model.generation_config = model.generation_config, GenerationConfig()
    try:
        out = model.generate(
            input_ids=ids.to(handle.device),
            attention_mask=mask.to(handle.device),
            generation_config=config,
            logits_processor=LogitsProcessorList([Watched()]),
        )
    finally:
        model.generation_config = own
    tokens: list[list[int]] = out[:, ids.shape[1] :].tolist()
    return tokens


def _row(handle: ModelHandle, prompt: str, is_chat: bool) -> tuple[int, ...]:
    """Token ids of a prompt, or of a chat in which it is the user's message."""
    if not is_chat:
        return encode_prompt(handle.tokenizer, prompt)
    if not getattr(handle.tokenizer, "chat_template", None):
        raise RequestError(f"{handle.name} has no chat template; ask it without one.")
    messages = [{"role": "user", "content": prompt}]
    text = handle.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return tuple(int(i) for i in handle.tokenizer(text, add_special_tokens=False)["input_ids"])


def generation_config(handle: ModelHandle, max_new_tokens: int) -> GenerationConfig:
    """Greedy decoding with this model's own end-of-text tokens, and nothing else of its generation configuration."""
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
    return first_clause(continuation, at_names=True)
