"""Prompts, answers and subjects as tokens."""

import copy
from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import TemplateConfig, sample_templates
from goldenlayers_core.editing.estimate import SampleConfig, moments_of_samples
from goldenlayers_core.errors import RequestError
from goldenlayers_core.models.generate import first_answer, greedy
from goldenlayers_core.models.tokens import (
    encode_answer,
    encode_prompt,
    never_drawn,
    pad_left,
    pad_right,
    spaced,
    subject_last,
)
from tests.tiny import ROWS, tiny_handle, tokenizer


def test_one_space_before_the_answer_and_never_two():
    assert spaced("The capital is", "Rome") == " Rome"
    assert spaced("The capital is ", "Rome") == "Rome"
    assert spaced("The capital is", " Rome") == " Rome"
    assert spaced("", "Rome") == "Rome"


def test_special_tokens_that_a_model_has_no_logit_of_are_not_asked_for():
    handle = tiny_handle("llama")
    words = copy.deepcopy(handle.tokenizer)
    words.add_special_tokens({"additional_special_tokens": ["<image>"]})
    handle = replace(handle, tokenizer=words)
    assert max(words.all_special_ids) >= handle.vocabulary_size
    assert never_drawn(words, handle.vocabulary_size).tolist() == [0, 1, 2]
    assert sample_templates(handle, TemplateConfig(n_templates=2)) == sample_templates(
        tiny_handle("llama"), TemplateConfig(n_templates=2)
    )
    found = moments_of_samples(handle, [1], SampleConfig(n_tokens=64, length=16))[1]
    assert bool(found.factor.isfinite().all())


def test_prompt_and_answer_join_as_the_whole_text(bundled):
    prompt, answer = "The capital of France is", "Paris"
    joined = encode_prompt(bundled.tokenizer, prompt) + encode_answer(bundled.tokenizer, prompt, answer)
    assert joined == encode_prompt(bundled.tokenizer, "The capital of France is Paris")
    assert bundled.tokenizer.decode(list(joined)) == "The capital of France is Paris"


@pytest.mark.parametrize(
    ("prompt", "subject", "last"),
    [
        ("The capital of France is", "France", " France"),
        ("France has the capital", "France", "France"),
        ("Beats Music is owned by", "Beats Music", " Music"),
        ("The mother of Ludwig van Beethoven's father is", "Ludwig van Beethoven", " Beethoven"),
        ("Who wrote “Les Misérables”?", "Les Misérables", None),
    ],
)
def test_the_last_subject_token_is_found(bundled, prompt, subject, last):
    ids = encode_prompt(bundled.tokenizer, prompt)
    index = subject_last(bundled.tokenizer, prompt, subject)
    upto = bundled.tokenizer.decode(list(ids[: index + 1]))
    assert upto.rstrip("”'s?").endswith(subject) or subject in upto
    assert subject not in bundled.tokenizer.decode(list(ids[:index]))
    if last:
        assert bundled.tokenizer.decode([ids[index]]) == last


def test_a_subject_that_is_not_there_is_refused(bundled):
    with pytest.raises(RequestError, match=r"'Spain' is not in the prompt"):
        subject_last(bundled.tokenizer, "The capital of France is", "Spain")
    with pytest.raises(RequestError, match="not in the prompt"):
        subject_last(bundled.tokenizer, "The capital of France is", "")


def test_empty_texts_are_refused():
    with pytest.raises(RequestError, match="has no tokens"):
        encode_prompt(tokenizer(), "")
    with pytest.raises(RequestError, match="is empty"):
        encode_answer(tokenizer(), "The capital is", "  ")


def test_padding():
    assert pad_right([[1, 2], [3]], 9).tolist() == [[1, 2], [3, 9]]
    ids, mask = pad_left([[1, 2], [3]], 9)
    assert (ids.tolist(), mask.tolist()) == ([[1, 2], [9, 3]], [[1, 1], [0, 1]])


def test_greedy_text_does_not_depend_on_the_batch(bundled):
    prompts = [
        "The capital of France is",
        "The currency of Japan is the",
        "Hamlet was written by the playwright William",
    ]
    together = greedy(bundled, prompts, 6)
    alone = tuple(greedy(bundled, [p], 6)[0] for p in prompts)
    assert together == alone
    assert together[0].startswith(" Paris")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("row", ROWS)
def test_greedy_text_does_not_depend_on_the_batch_in_any_architecture(row, dtype):
    handle = tiny_handle(row, dtype)
    prompts = ["The capital of France is", "X", "Who wrote Hamlet? Shakespeare wrote Hamlet, and"]
    assert greedy(handle, prompts, 4) == tuple(greedy(handle, [p], 4)[0] for p in prompts)


def test_greedy_can_be_stopped_between_batches(bundled):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        greedy(bundled, ["The capital of France is"], between=stop)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" Paris.\n\nThe answer", "Paris"),
        (" Paris, France.", "Paris"),
        (" the Euro (EUR)", "the Euro"),
        (" bread and butter", "bread"),
        ("\n", ""),
    ],
)
def test_the_first_clause_is_the_answer(text, answer):
    assert first_answer(text) == answer
