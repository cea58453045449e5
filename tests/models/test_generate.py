"""Sampled and greedy text: the same seed draws the same numbers, and no other random number is touched."""

import json
from pathlib import Path

import pytest
import torch

from goldenlayers_core.errors import RequestError
from goldenlayers_core.evaluation import Question, read
from goldenlayers_core.evaluation.fluency import fluency
from goldenlayers_core.evaluation.writing import Writing
from goldenlayers_core.models import load_model
from goldenlayers_core.models.generate import continued, greedy
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.results.edit.sides import Decoding
from tests.tiny import save_tiny, tiny_handle

PROMPTS = ("The capital of France is", "Who wrote")


def test_greedy_is_what_greedy_says() -> None:
    handle = tiny_handle("llama")
    assert continued(handle, PROMPTS[:1], Decoding(8)) == greedy(handle, PROMPTS[:1], 8)


def test_a_prompt_of_one_token_goes_on_from_nothing_that_was_asked_before() -> None:
    """RecurrentGemma's states lie in its modules, and transformers begins anew only where there are several tokens."""
    handle, fresh = (tiny_handle("recurrent_gemma", torch.float64) for _ in range(2))
    assert len(encode_prompt(handle.tokenizer, "The")) == 1
    with torch.no_grad():
        handle.model(input_ids=torch.tensor([encode_prompt(handle.tokenizer, PROMPTS[0])]))
    assert greedy(handle, ["The"], 8) == greedy(fresh, ["The"], 8)


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


OWN_HABITS = {
    "repetition_penalty": 50.0,
    "no_repeat_ngram_size": 1,
    "min_new_tokens": 6,
    "min_length": 40,
    "suppress_tokens": list(range(3, 150)),
    "begin_suppress_tokens": [150, 151],
    "bad_words_ids": [[200]],
    "forced_bos_token_id": 260,
    "forced_eos_token_id": 2,
    "do_sample": True,
    "temperature": 9.0,
    "num_beams": 3,
}


def test_a_checkpoints_own_habits_leak_into_no_answer(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    plain = load_model(str(folder), "cpu", "float64")
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(config | OWN_HABITS))
    handle = load_model(str(folder), "cpu", "float64", cache=tmp_path / "cache")
    assert handle.model.generation_config.repetition_penalty == 50.0
    before = handle.model.generation_config
    for ask in (
        lambda h: greedy(h, PROMPTS, 12),
        lambda h: continued(h, PROMPTS[:1], Decoding(12)),
        lambda h: continued(h, PROMPTS[:1], Decoding(12, temperature=0.7, seed=3)),
        lambda h: [r.view.answer for r in read(h, [Question(p) for p in PROMPTS])],
        lambda h: fluency(h, PROMPTS[:1], 12),
        lambda h: [m["fluency"] for m in Writing(h, PROMPTS[:1], 300).unedited([0])],
    ):
        assert ask(handle) == ask(plain)
    assert handle.model.generation_config is before
    ids = torch.tensor([encode_prompt(handle.tokenizer, PROMPTS[0])])
    leaky = handle.model.generate(ids, max_new_tokens=12, do_sample=False)[0, ids.shape[1] :]
    assert handle.tokenizer.decode(leaky, skip_special_tokens=True) != greedy(handle, PROMPTS[:1], 12)[0]


def test_end_tokens_are_the_checkpoints_own() -> None:
    handle = tiny_handle("llama", torch.float64)
    ids = encode_prompt(handle.tokenizer, PROMPTS[0])
    first = int(handle.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
    handle.model.generation_config.eos_token_id = [2, first]
    assert greedy(handle, PROMPTS[:1], 8)[0] == handle.tokenizer.decode([first])
