"""Perplexity and n-gram entropy against their definitions, with and without an edit."""

import math

import pytest
import torch

from goldenlayers_core.editing.delta import Factors, make_edit
from goldenlayers_core.editing.overlay import overlay
from goldenlayers_core.errors import RequestError
from goldenlayers_core.evaluation.fluency import fluency, neutral_text, ngram_entropy, perplexity, words_of
from goldenlayers_core.records import EditRequest
from tests.tiny import LAYERS, ROWS, tiny_handle


def test_entropy_is_in_bits_and_weighs_bigrams_by_a_third():
    assert ngram_entropy("abcd") == pytest.approx(math.log2(3) / 3 + 2 * math.log2(2) / 3)
    assert ngram_entropy("aaaaaaaa") == 0
    once, twice = "abc", "ababab"
    half = [3 / 5, 2 / 5]
    bigrams = -sum(f * math.log2(f) for f in half)
    assert ngram_entropy(once) == pytest.approx(1 / 3)
    assert ngram_entropy(twice) == pytest.approx(bigrams / 3 + 2 * 1.0 / 3)
    assert ngram_entropy([]) == ngram_entropy(["one"]) == 0
    assert ngram_entropy(("one", "two")) == 0  # one bigram, no trigram


def test_words_are_parted_from_punctuation():
    assert words_of("The cat, the dog's!") == ("the", "cat", ",", "the", "dog", "'", "s", "!")


@pytest.mark.parametrize("row", ROWS)
def test_perplexity_is_the_exponential_of_the_models_own_loss(row):
    handle = tiny_handle(row, torch.float32)
    text = "The capital of France is Paris and the capital of Italy is Rome."
    ids = torch.tensor([handle.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        logits = handle.model(input_ids=ids, use_cache=False).logits[0, :-1].double()
    loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:])
    assert perplexity(handle, text) == pytest.approx(math.exp(float(loss)), rel=1e-4)


def test_a_text_beyond_the_models_length_is_read_in_pieces():
    handle = tiny_handle("gpt2")  # takes 128 tokens
    text = neutral_text()
    ids = handle.tokenizer(text)["input_ids"]
    assert len(ids) > 2 * 128
    total = count = 0.0
    for start in range(0, len(ids), 128):
        piece = torch.tensor([ids[start : start + 128]])
        if piece.shape[1] > 1:
            with torch.inference_mode():
                logits = handle.model(input_ids=piece).logits[0, :-1].double()
            total += float(torch.nn.functional.cross_entropy(logits, piece[0, 1:], reduction="sum"))
            count += piece.shape[1] - 1
    assert perplexity(handle, text) == pytest.approx(math.exp(total / count), rel=1e-4)


def test_both_are_computed_under_the_overlay_that_is_active():
    handle = tiny_handle("llama")
    request = EditRequest("1", "The capital of France is", "France", "Rome", "Paris")
    d_out, d_in = handle.matrix(handle.mlp_out(LAYERS - 1)).shape
    random = torch.Generator().manual_seed(0)
    factors = Factors(1, torch.randn(d_out, 1, generator=random), torch.randn(d_in, 1, generator=random))
    edit = make_edit(handle, request, "by hand", [factors], {})
    text, prompts = "Paris is the capital of France.", ["The capital of France is", "Who wrote"]
    before = perplexity(handle, text), fluency(handle, prompts)
    with handle.lock, overlay(handle, [edit]):
        after = perplexity(handle, text), fluency(handle, prompts)
    assert before != after
    assert (perplexity(handle, text), fluency(handle, prompts)) == before


def test_what_cannot_be_measured_is_refused():
    handle = tiny_handle("llama")
    with pytest.raises(RequestError, match="fewer than two tokens"):
        perplexity(handle, "a")
    with pytest.raises(RequestError, match="at least one"):
        fluency(handle, [])


def test_the_neutral_text_is_short_and_plain():
    words = neutral_text().split()
    assert 110 <= len(words) <= 130
    assert "\n" not in neutral_text()
