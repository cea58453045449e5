"""Sampled and greedy text: the same seed draws the same numbers, and no other random number is touched."""

import pytest
import torch

from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.generate import continued, greedy
from goldenlayers_core.results.edit.sides import Decoding
from tests.tiny import tiny_handle

PROMPTS = ("The capital of France is", "Who wrote")


def test_greedy_is_what_greedy_says() -> None:
    handle = tiny_handle("llama")
    assert continued(handle, PROMPTS[:1], Decoding(8)) == greedy(handle, PROMPTS[:1], 8)


def test_a_seed_decides_and_the_process_keeps_its_own_numbers() -> None:
    handle = tiny_handle("llama")
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one = continued(handle, PROMPTS, Decoding(8, temperature=1.0, seed=1))
    assert torch.equal(torch.rand(3), expected)
    assert continued(handle, PROMPTS, Decoding(8, temperature=1.0, seed=1)) == one
    assert continued(handle, PROMPTS, Decoding(8, temperature=1.0, seed=2)) != one


def test_a_prefix_stands_before_every_prompt() -> None:
    handle = tiny_handle("llama")
    whole = continued(handle, ["Rome. The capital of France is"], Decoding(8))
    assert continued(handle, PROMPTS[:1], Decoding(8), prefix="Rome. ") == whole


def test_a_chat_template_is_applied_without_a_second_set_of_special_tokens() -> None:
    handle = tiny_handle("llama")
    with pytest.raises(RequestError, match="has no chat template"):
        continued(handle, PROMPTS, Decoding(4, chat=True))
    handle.tokenizer.chat_template = "<s>{% for m in messages %}{{ m.content }}{% endfor %} So"
    try:
        ids = handle.tokenizer("<s>The capital of France is So", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            out = handle.model.generate(torch.tensor([ids]), max_new_tokens=4, do_sample=False, pad_token_id=0)
        said = handle.tokenizer.decode(out[0, len(ids) :], skip_special_tokens=True)
        assert continued(handle, PROMPTS[:1], Decoding(4, chat=True)) == (said,)
    finally:
        handle.tokenizer.chat_template = None


def test_a_prompt_that_leaves_no_room_is_one_sentence() -> None:
    with pytest.raises(RequestError, match="takes at most 120 before 8 new ones; shorten it"):
        continued(tiny_handle("llama"), ["word " * 200], Decoding(8))
