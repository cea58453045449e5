"""One reading of many prompts equals asking one at a time, whatever their length, on every architecture row."""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from goldenlayers_core.editing import Edit, Factors, overlay
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.errors import Cancelled, RequestError
from goldenlayers_core.evaluation import Question, Reading, read
from goldenlayers_core.evaluation import read as read_function
from goldenlayers_core.evaluation.answers import cut_answer
from goldenlayers_core.evaluation.read import divergence
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.generate import greedy
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.tokens import encode_answer, encode_prompt
from goldenlayers_core.records import EditRequest
from tests.tiny import ROWS, tiny_handle

QUESTIONS = (
    Question("The capital of France is", "Rome", "Paris"),
    Question("Who wrote Hamlet? It was written by", "Mont Blanc in the Alps", "Shakespeare"),
    Question("The", "I", ""),
    Question("The language spoken in Brazil, and in Italy, and in Japan, is", "Japanese", "Portuguese"),
)


def random_edit(handle: ModelHandle, seed: int) -> Edit:
    generator = torch.Generator().manual_seed(seed)
    d_out, d_in = handle.matrix(handle.mlp_out(1)).shape
    left, right = (torch.randn(d, 1, generator=generator) for d in (d_out, d_in))
    request = EditRequest("c", "The capital of France is", "France", "Rome", "Paris")
    return make_edit(handle, request, "random", [Factors(1, left, right)], {})


def plain_log_p(handle: ModelHandle, ids: tuple[int, ...]) -> torch.Tensor:
    with torch.no_grad():
        out: torch.Tensor = handle.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(dim=1)
    return out


def plain_probability(handle: ModelHandle, prompt: str, answer: str) -> float:
    start, end = encode_prompt(handle.tokenizer, prompt), encode_answer(handle.tokenizer, prompt, answer)
    log_p = plain_log_p(handle, start + end)
    return math.exp(sum(float(log_p[len(start) + i - 1, token]) for i, token in enumerate(end)))


def assert_equal(one: Reading, other: Reading) -> None:
    assert one.view.answer == other.view.answer
    assert one.view.target_new_probability == pytest.approx(other.view.target_new_probability, rel=1e-5)
    np.testing.assert_allclose(one.log_p, other.log_p, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("row", ROWS)
def test_a_reading_equals_single_passes(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    for question, reading in zip(QUESTIONS, read(handle, QUESTIONS), strict=True):
        view = reading.view
        wanted = plain_probability(handle, question.prompt, question.target_new)
        assert view.target_new_probability == pytest.approx(wanted, rel=1e-5)
        if question.target_true:
            wanted = plain_probability(handle, question.prompt, question.target_true)
            assert view.target_true_probability == pytest.approx(wanted, rel=1e-5)
        else:
            assert math.isnan(view.target_true_probability)
        last = plain_log_p(handle, encode_prompt(handle.tokenizer, question.prompt))[-1]
        np.testing.assert_allclose(reading.log_p, last.float().numpy(), rtol=1e-5, atol=1e-5)
        best = last.topk(10)
        assert [t for t, _ in view.top_tokens] == [handle.tokenizer.decode([i]) for i in best.indices.tolist()]
        assert [p for _, p in view.top_tokens] == pytest.approx(best.values.exp().tolist(), rel=1e-5)
        assert view.answer == cut_answer(greedy(handle, [question.prompt], 10)[0])


@pytest.mark.parametrize("row", ["llama", "gpt2", "opt", "bloom", "gemma3"])
def test_every_question_under_its_own_edit(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    edits = [random_edit(handle, 1), None, random_edit(handle, 2), random_edit(handle, 1)]
    for question, edit, reading in zip(QUESTIONS, edits, read(handle, QUESTIONS, edits), strict=True):
        with overlay(handle, [edit] if edit else []):
            (alone,) = read(handle, [question])
        assert_equal(reading, alone)
    assert hooks_on(handle.model) == 0


def test_batches_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = tiny_handle("llama", torch.float64)
    together = read(handle, QUESTIONS)
    monkeypatch.setitem(read_function.__globals__, "TOKEN_BUDGET", 1)
    for one, other in zip(together, read(handle, QUESTIONS), strict=True):
        assert_equal(one, other)


def test_the_text_is_long_enough_for_a_long_answer() -> None:
    handle = tiny_handle("llama", torch.float64)
    prompt = QUESTIONS[0].prompt
    long = greedy(handle, [prompt], 40)[0]
    expected = "in the Alps, a mountain that rises in Europe"
    (reading,) = read(handle, [Question(prompt, expected=(expected,))])
    n_tokens = len(encode_answer(handle.tokenizer, prompt, expected)) + 2
    assert n_tokens > 10
    assert reading.view.answer == cut_answer(greedy(handle, [prompt], n_tokens)[0])
    assert cut_answer(long).startswith(reading.view.answer)


def test_divergence_in_nats() -> None:
    handle = tiny_handle("llama", torch.float64)
    before = read(handle, QUESTIONS)
    with overlay(handle, [random_edit(handle, 1)]):
        after = read(handle, QUESTIONS)
    assert divergence(before[0], before[0]) == 0.0
    p, q = (np.exp(r[0].log_p.astype(np.float64)) for r in (before, after))
    assert divergence(before[0], after[0]) == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-6)
    assert divergence(before[0], after[0]) > 1e-3


def test_no_questions_and_empty_prompts() -> None:
    handle = tiny_handle("llama")
    assert read(handle, ()) == ()
    assert math.isnan(read(handle, [Question("The", " ", "", ("", " "))])[0].view.target_new_probability)
    with pytest.raises(RequestError, match="has no tokens"):
        read(handle, [Question("")])
    with pytest.raises(RequestError, match="takes at most 128; shorten it"):
        read(handle, [Question("France " * 200)])


def test_a_cancel_is_felt_before_every_batch() -> None:
    handle = tiny_handle("llama")
    many = QUESTIONS * 40
    looks: list[int] = []
    read(handle, many, between=lambda: looks.append(1))
    assert len(looks) > 1

    def stop() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise Cancelled("enough")

    looks.clear()
    with pytest.raises(Cancelled):
        read(handle, many, between=stop)
    assert len(looks) == 2  # no batch ran after it
    assert hooks_on(handle.model) == 0


def test_a_reading_gives_way_before_every_pass() -> None:
    handle = tiny_handle("llama")
    passes: list[int] = []
    looks: list[int] = []
    with counted_passes(handle, passes):
        read(handle, QUESTIONS, between=lambda: looks.append(len(passes)))
    assert len(looks) > 5  # prompts, longer answers, a greedy token at a time
    assert max(after - before for before, after in itertools.pairwise(looks)) == 1


@contextmanager
def counted_passes(handle: ModelHandle, passes: list[int]) -> Iterator[None]:
    """One entry for each pass of the model's first block."""
    hook = handle.blocks[0].register_forward_hook(lambda *_: passes.append(1))
    try:
        yield
    finally:
        hook.remove()
