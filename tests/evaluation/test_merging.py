"""A prompt whose last token merges with an answer: numbers are of the joined text, greedy text of the prompt."""

import dataclasses
import math
from functools import cache

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from goldenlayers_core.attribution.requests import prepare
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.evaluation.asked import asked_of, question_of
from goldenlayers_core.evaluation.lines import Lines
from goldenlayers_core.evaluation.measure import Tokens, look, numbers, verdict
from goldenlayers_core.evaluation.read import Question, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.joining import joined
from goldenlayers_core.models.tokens import encode_prompt, encode_text
from goldenlayers_core.records import EditRequest, Probe
from tests.tiny import CONFIGS, ROWS, tiny_handle
from tests.tokenizers import made

REQUEST = EditRequest(
    "1", "The capital of Spider-", "Spider", "Man", "Rome", locality=(Probe("In Spider-", ("Man",), "locality"),)
)


@cache
def handle() -> ModelHandle:
    """A tiny model behind a tokenizer that makes one token of "-M"."""
    tokenizer = made("byte BPE, Llama 3")
    config = AutoConfig.for_model("llama", **{**CONFIGS["llama"], "vocab_size": len(tokenizer)})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float64)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=0.25)
    return dataclasses.replace(tiny_handle("llama"), model=model.eval().requires_grad_(False), tokenizer=tokenizer)


def log_p(model: ModelHandle, ids: tuple[int, ...], begin: int) -> float:
    """Of the tokens from `begin` on, nats, by one plain forward pass."""
    with torch.inference_mode():
        table = model.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(dim=1)
    return float(sum(table[i - 1, ids[i]] for i in range(begin, len(ids))))


def test_probabilities_are_those_of_the_joined_text() -> None:
    tokenizer = handle().tokenizer
    whole = [encode_text(tokenizer, text) for text in ("The capital of Spider-Man", "The capital of Spider-Rome")]
    alone = encode_prompt(tokenizer, REQUEST.prompt)
    border = len(alone) - 1
    assert whole[0][border] != alone[-1]  # "-M"
    (seen,) = read(handle(), [Question(REQUEST.prompt, "Man", "Rome")])
    p = (seen.view.target_new_probability, seen.view.target_true_probability)
    torch.testing.assert_close(
        torch.tensor(p).log().tolist(), [log_p(handle(), ids, border) for ids in whole], rtol=1e-4, atol=1e-4
    )
    assert seen.tokens[0] == int(handle().model(input_ids=torch.tensor([alone])).logits[0, -1].argmax())


@pytest.mark.parametrize("row", ROWS)
def test_every_architecture_reads_the_joined_text(row: str) -> None:
    model = tiny_handle(row)
    ends = (
        ("The capital of France is ", "Paris"),
        ("Who wrote (", "Hamlet"),
        ("In Japan-", "Rome"),
        ("日本の", "京都"),
    )
    seen = read(model, [Question(prompt, answer) for prompt, answer in ends])
    for (prompt, answer), reading in zip(ends, seen, strict=True):
        ids, begin = encode_text(model.tokenizer, joined(prompt, answer)), encode_text(model.tokenizer, prompt.rstrip())
        assert ids[: len(begin)] == begin
        wanted = log_p(model, ids, len(begin))
        assert math.log(reading.view.target_new_probability) == pytest.approx(wanted, abs=1e-3)


def test_a_sweep_measures_the_same() -> None:
    before = read(handle(), [question_of(REQUEST, probe) for probe in REQUEST.probes])
    asked = asked_of(handle(), REQUEST, before)
    lines = Lines(handle(), [one.ask for one in asked], 4096)
    tokens, found = Tokens(asked), {}
    for b, bucket in enumerate(lines.buckets):
        seen = look(lines, b, lines.unedited(bucket, (0,)), tokens, None)
        for q, one in enumerate(asked):
            if (q, one.rest) in seen.likeliest:
                found[q] = (numbers(q, one, seen, seen), verdict(handle(), q, one, seen, frozenset())[1])
                assert (q in seen.next_token) == (one.probe.kind == "locality")
    assert [one.rest for one in asked] == [encode_prompt(handle().tokenizer, REQUEST.prompt)[-1:]] * 2
    view = before[0].view
    assert found[0][0]["p_new"] == pytest.approx(view.target_new_probability, rel=1e-4)
    assert found[0][0]["p_true"] == pytest.approx(view.target_true_probability, rel=1e-4)
    said = handle().tokenizer.decode(list(before[0].tokens), skip_special_tokens=True)
    assert found[0][1]
    assert said.startswith(found[0][1])


def test_scores_and_edits_read_the_joined_text() -> None:
    tokenizer = handle().tokenizer
    (pair,) = prepare(handle(), [REQUEST], ["Rome"])
    assert pair.prompt + pair.new == encode_text(tokenizer, "The capital of Spider-Man")
    assert pair.prompt + pair.old == encode_text(tokenizer, "The capital of Spider-Rome")
    rows = edit_rows(handle(), REQUEST, ("{}", "Once. {}"))
    for row, before in zip(rows, ("", "Once. "), strict=False):
        assert row.ids + row.answer[-1:] == encode_text(tokenizer, f"{before}The capital of Spider-Man")
        assert row.lookup < row.wanted[0] + 1
        assert "er" in tokenizer.decode([row.ids[row.lookup]])
