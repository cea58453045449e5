"""In-context editing is asking the prefixed prompt, wherever a question is put; and what every method has in common."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from goldenlayers_core.editing import Edit, Supplies, get_method, methods, overlay, sample_templates
from goldenlayers_core.editing.in_context import InContextConfig, in_context
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import RequestError
from goldenlayers_core.evaluation import Question, evaluate_edit, read
from goldenlayers_core.evaluation.sweep import UNEDITED, SweptPair, sweep
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import EditRequest, Probe
from tests.tiny import ROWS, tiny_handle

FRANCE = EditRequest(
    case_id="france",
    prompt="The capital of France is",
    subject="France",
    target_new="Rome",
    target_true="Paris",
    rephrases=(Probe("The capital city of France is", ("Rome",), "rephrase"),),
    locality=(Probe("The capital of Japan is", ("Tokyo",), "locality"), Probe("The Eiffel Tower is", (), "locality")),
)
JAPAN = EditRequest("japan", "Japan has the capital", "Japan", "Mont Blanc", "Tokyo")
SUPPLIES = Supplies(("{}", "Therefore it rises. {}"))
MEMORIES = ("ft-m", "grace", "wise", "ice")


def few_steps(name: str, count: int) -> object:
    config = get_method(name).config_class()
    return replace(config, steps=count) if hasattr(config, "steps") else config


def test_it_is_a_text() -> None:
    handle = tiny_handle("llama")
    edit = in_context(handle, FRANCE, 7, InContextConfig(), SUPPLIES)  # a layer that is not there: it plays no part
    fact = "The capital of France is Rome."
    assert edit.prefix == f"Imagine that {fact} In this world, {fact}\n"
    assert (edit.layers, edit.factors, edit.codebooks, edit.weight_change) == ((), (), (), 0.0)
    longer = in_context(handle, FRANCE, 0, InContextConfig(keep_rest=True), SUPPLIES)
    assert longer.prefix.endswith("Rome. Everything else is as it was.\n")
    spaced = in_context(handle, replace(FRANCE, target_new=" Rome"), 0, InContextConfig(), SUPPLIES)
    assert spaced.prefix == edit.prefix
    with pytest.raises(RequestError, match="is not in the prompt"):
        in_context(handle, replace(FRANCE, subject="Spain"), 0, InContextConfig(), SUPPLIES)
    long = replace(FRANCE, prompt="The capital of France, " * 6 + "is")
    told = in_context(handle, long, 0, InContextConfig(), SUPPLIES)
    with pytest.raises(RequestError, match="shorten it"):
        evaluate_edit(handle, told, long)


@pytest.mark.parametrize("name", ["ice", "ft-l", "ft-m"])
def test_methods_that_need_no_subject_take_a_request_without_one(name: str) -> None:
    handle, method = tiny_handle("llama"), get_method(name)
    made = [
        method.run(handle, request, 1, few_steps(name, 2), SUPPLIES, None)
        for request in (FRANCE, replace(FRANCE, subject=""))
    ]
    assert made[0].prefix == made[1].prefix
    assert [f.left.tolist() for f in made[0].factors] == [f.left.tolist() for f in made[1].factors]
    with pytest.raises(RequestError, match="in-context editing, which need no subject"):
        get_method("rome").run(handle, replace(FRANCE, subject=""), 1, few_steps("rome", 2), SUPPLIES, None)


@pytest.mark.parametrize("row", ROWS)
def test_a_reading_under_it_asks_the_prefixed_prompt(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    edit = in_context(handle, FRANCE, 0, InContextConfig(), SUPPLIES)
    asked = [Question(p, "Rome", "Mont Blanc") for p in ("The capital of Japan is", "The Eiffel Tower is")]
    plain = read(handle, [replace(q, prompt=edit.prefix + q.prompt) for q in asked])
    mixed = read(handle, [*asked, *asked], [edit, edit, None, None])
    bare = read(handle, asked)
    with handle.lock, overlay(handle, [edit]):
        laid = read(handle, asked, prefix=prefix_of([edit]))
    for i in range(len(asked)):
        assert mixed[i].tokens == plain[i].tokens
        assert mixed[i].view.target_new_probability == pytest.approx(plain[i].view.target_new_probability, rel=1e-9)
        assert mixed[i + 2].view.answer == bare[i].view.answer
        assert laid[i].view.answer == plain[i].view.answer
    begin = handle.tokenizer.bos_token_id
    assert sum(t == begin for t in handle.tokenizer(edit.prefix + asked[0].prompt)["input_ids"]) <= 1


def test_a_report_compares_with_the_bare_prompt() -> None:
    handle = tiny_handle("llama", torch.float64)
    edit = in_context(handle, FRANCE, 0, InContextConfig(), SUPPLIES)
    report = evaluate_edit(handle, edit, FRANCE)
    for outcome in report.outcomes:
        before, after = read(handle, [Question(outcome.prompt), Question(edit.prefix + outcome.prompt)])
        assert outcome.before.answer == before.view.answer
        assert outcome.after.answer == after.view.answer
    stacked = evaluate_edit(handle, edit, FRANCE, prefix="It rises. ")
    assert stacked.after.answer == read(handle, [Question("It rises. " + edit.prefix + FRANCE.prompt)])[0].view.answer


def check_pair(handle: ModelHandle, request: EditRequest, edit: Edit, pair: SweptPair) -> None:
    report = evaluate_edit(handle, edit, request)
    for kind, (good, count) in report.rates().items():
        assert pair.metrics[kind] == pytest.approx(good / count), (kind, pair.layer)
    assert pair.metrics["p_new"] == pytest.approx(report.after.target_new_probability, rel=1e-3, abs=1e-12)
    kl = [o.divergence for o in report.outcomes if o.kind == "locality"]
    if kl:
        assert pair.metrics["locality_kl"] == pytest.approx(sum(kl) / len(kl), rel=1e-3, abs=1e-6)
    assert pair.metrics["weight_change"] == pytest.approx(edit.weight_change, rel=1e-3)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", MEMORIES)
def test_a_sweep_equals_single_edits(row: str, name: str) -> None:
    handle, method, config = tiny_handle(row, torch.float64), get_method(name), few_steps(name, 2)
    requests: Sequence[EditRequest] = (FRANCE, JAPAN)
    layers = (0,) if name == "ice" else (0, 1) if row == "llama" else (1,)
    digest = weights_digest(handle.model)
    pairs = {(p.index, p.layer): p for p in sweep(handle, requests, layers, method, config, SUPPLIES)}
    assert len(pairs) == len(requests) * (len(layers) + 1)
    assert pairs[0, UNEDITED].metrics["locality"] == 1.0
    for layer in layers:
        for i, request in enumerate(requests):
            check_pair(handle, request, method.run(handle, request, layer, config, SUPPLIES), pairs[i, layer])
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0


def test_every_method_says_what_it_is() -> None:
    assert {m.name for m in methods()} >= {*MEMORIES, "ft-l"}
    assert all(get_method(name).literature for name in (*MEMORIES, "ft-l"))
    for method in methods():
        assert method.kind in ("weights", "memory", "prompt")
        assert bool(method.layers_of(1, method.config_class(), 3)) == (method.kind != "prompt")


@pytest.mark.parametrize("name", [*MEMORIES, "ft-l"])
def test_a_real_edit_takes(bundled: ModelHandle, name: str) -> None:
    method, config = get_method(name), get_method(name).config_class()
    digest = weights_digest(bundled.model)
    supplies = Supplies(sample_templates(bundled, config.templates))
    edit = method.run(bundled, replace(FRANCE, locality=()), 4, config, supplies)
    report = evaluate_edit(bundled, edit, replace(FRANCE, locality=()))
    assert report.before.answer.startswith("Paris")
    assert report.after.answer.startswith("Rome")
    assert report.after.target_new_probability > 10 * report.before.target_new_probability
    with bundled.lock, overlay(bundled, [edit], enabled=[False]):
        assert read(bundled, [Question(FRANCE.prompt)])[0].view.answer.startswith("Paris")
    assert weights_digest(bundled.model) == digest
