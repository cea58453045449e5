"""The classroom's base model: a Llama of 8 layers and 64 dimensions, taught the known facts until it answers them.

The loss is the usual one, the mean negative log-likelihood of every next word, with answers weighing more, because
only they have to be learned by heart. Everything random comes from one seed; one thread computes, so that sums are
always added in the same order.

Axes: B rows of a batch, T words.
"""

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from goldenlayers_core.models.classroom.facts import Facts
from goldenlayers_core.models.classroom.place import N_LAYERS
from goldenlayers_core.models.telling import Tell
from goldenlayers_core.models.tokens import pad_right

WIDTH, INNER, HEADS = 64, 128, 4
STEPS: Final = 160
SEED: Final = 0
PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
ANSWER_WEIGHT: Final = 4.0  # of an answer in the loss; any other word counts 1
_ROWS, _SENTENCES = 48, 2  # rows of a batch, sentences of a row at most
_RATE, _WARM_UP, _LEAST = 3e-3, 30, 0.05  # largest step size, steps until then, last step size as a share of it
_SPREAD: Final = 0.08  # standard deviation of the first weights


def tokenizer_of(facts: Facts) -> Any:
    """A word-level tokenizer that knows every word of the facts; a text begins with "<s>"."""
    words = (PAD, START, END, UNKNOWN, *facts.words)
    raw = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=UNKNOWN))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(single=f"{START} $A", special_tokens=[(START, 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token=START, eos_token=END, pad_token=PAD, unk_token=UNKNOWN
    )


def new_model(vocabulary: int) -> Any:
    """The untaught model; its weights depend on SEED alone."""
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model: Any = LlamaForCausalLM(config)
    own = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0.0, _SPREAD, generator=own)
    return model


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of torch inside: tiny matrices are not faster with more, and equal seeds give equal weights."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def encoded(tokenizer: Any, sentence: str) -> list[int]:
    """Ids of a sentence and its full stop, without "<s>"."""
    return [int(i) for i in tokenizer(f"{sentence} .", add_special_tokens=False)["input_ids"]]


def rows_of(tokenizer: Any, facts: Facts) -> Iterator[list[list[int]]]:
    """Batches without end: rows of one or two sentences, some with an opener, every sentence once per round."""
    draw = random.Random(SEED)  # nosec B311  # an order that is the same every time, no secret
    said = [encoded(tokenizer, text) for text in facts.lessons]
    openers = [encoded(tokenizer, word)[:1] for word in facts.openers]
    deck: list[list[int]] = []
    while True:
        while len(deck) < _ROWS * _SENTENCES:
            deck = draw.sample(said, len(said)) + deck
        batch = []
        for _ in range(_ROWS):
            row = [1]
            for _ in range(draw.randint(1, _SENTENCES)):
                row += (draw.choice(openers) if draw.random() < 0.1 else []) + deck.pop()
            batch.append(row)
        yield batch


def answer_places(ids: Tensor, stop: int) -> Tensor:
    """(B, T) True where the next word is an answer: the word before a full stop."""
    found = torch.zeros_like(ids, dtype=torch.bool)
    found[:, :-2] = ids[:, 2:] == stop
    return found


def loss_of(model: Any, rows: Sequence[Sequence[int]], stop: int) -> Tensor:
    """Weighted mean negative log-likelihood of every next word of a batch, nats."""
    ids = pad_right(rows)
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]  # (B, T - 1, vocabulary)
    weights = torch.where(answer_places(ids, stop), ANSWER_WEIGHT, 1.0)[:, :-1] * (ids[:, 1:] != 0)
    nll = cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")  # (B, T - 1)
    return (nll * weights).sum() / weights.sum()


def teach(facts: Facts, tokenizer: Any, progress: Tell | None = None, steps: int = STEPS) -> Any:
    """The base model, taught. `progress(done, total, note)` is called at every step and may raise to cancel."""
    model = new_model(len(tokenizer)).train()
    stop = encoded(tokenizer, "")[-1]
    optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    batches = rows_of(tokenizer, facts)
    with one_thread(), torch.enable_grad():
        for step in range(steps):
            share = min(1.0, (step + 1) / _WARM_UP)
            share *= _LEAST + (1 - _LEAST) * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimiser.param_groups:
                group["lr"] = _RATE * share
            loss_of(model, next(batches), stop).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            if progress:
                progress(step + 1, steps, "Teaching the tiny model")
    return model.eval().requires_grad_(False)
