"""A layer's experts as two linear maps compute what transformers does, and an edit of them is one of each expert."""

import copy
import json

import pytest
import torch
from transformers import AutoModelForCausalLM

from goldenlayers_core.commands.answers import edit_answer, edit_lines
from goldenlayers_core.editing import RomeConfig, Supplies, get_method, overlay
from goldenlayers_core.editing.clean import clean_pass
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.errors import ModelError
from goldenlayers_core.evaluation import evaluate_edit
from goldenlayers_core.models.architectures import ARCHITECTURES, architecture_of
from goldenlayers_core.models.experts import Out, split_experts
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on, record_arguments
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import EditReport
from goldenlayers_core.results.edit.routing import RoutedLayer, Routing
from goldenlayers_core.tasks.serial import plain, restored
from tests.tiny import tiny_handle, tiny_model

IDS = torch.tensor([[5, 20, 33, 40, 7], [9, 21, 60, 2, 8]])
REQUEST = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
CONFIG = RomeConfig(steps=6, learning_rate=0.1, stop_loss=0.0, direct_steps=False, patience=0)
MIXTURES = [row.model_type for row in ARCHITECTURES if row.experts]


def logits(model: AutoModelForCausalLM) -> torch.Tensor:
    with torch.no_grad():
        out: torch.Tensor = model(input_ids=IDS).logits
    return out


@pytest.mark.parametrize("name", MIXTURES)
def test_by_parts_is_what_transformers_computes(name: str) -> None:
    plain = tiny_model(name, torch.float64)
    plain.set_experts_implementation("eager")  # the others take no float64
    wanted, digest, keys = logits(plain), weights_digest(plain), set(plain.state_dict())
    handle = tiny_handle(name, torch.float64)
    split_experts(handle.model, handle.architecture)  # a second time: nothing
    torch.testing.assert_close(logits(handle.model), wanted, rtol=1e-9, atol=1e-9)
    assert weights_digest(handle.model) == digest
    assert set(handle.model.state_dict()) == keys
    assert hooks_on(handle.model) == 0
    torch.testing.assert_close(logits(copy.deepcopy(handle.model)), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["mixtral", "gpt_oss"])
def test_the_parameter_and_its_matrix_are_one(name: str) -> None:
    handle = tiny_handle(name)
    site = handle.mlp_out(1)
    assert isinstance(site, Out)
    assert torch.equal(site.as_parameter(site.weight), site.parameter)
    site.replace(2 * site.weight)
    with torch.no_grad():
        twice, key = site.weight, torch.randn(3, site.weight.shape[1])
        torch.testing.assert_close(site(key), key @ twice.T)


@pytest.mark.parametrize("name", ["mixtral", "gpt_oss"])
def test_rome_writes_to_the_experts_of_the_subject_by_their_own_keys(name: str) -> None:
    """D_e <- D_e + delta (w_e a_e)^T / sum_f w_f^2 |a_f|^2, for the experts that the token is routed to alone."""
    handle = tiny_handle(name, torch.float64)
    edit = get_method("rome").run(handle, REQUEST, 1, CONFIG, Supplies(("{}",)))
    (factors,) = edit.factors
    row = edit_rows(handle, REQUEST, ("{}",))[0]
    experts = handle.site(1, handle.architecture.experts)
    with record_arguments({"experts": experts}) as seen, torch.no_grad():
        handle.model(input_ids=torch.tensor([row.ids]))
    states, index, weights = (given[row.lookup] for given in seen["experts"])
    written = handle.mlp_out(1).each(handle.mlp_out(1).as_parameter(factors.left.double() @ factors.right.double().T))
    keys = {}
    for expert, weight in zip(index.tolist(), weights.tolist(), strict=True):
        inner = experts.inner.each(experts.inner.parameter)[expert] @ states
        if (bias := getattr(experts, "gate_up_proj_bias", None)) is not None:
            inner = inner + bias[expert]
        keys[expert] = weight * experts._apply_gate(inner)
    size = sum(float(key @ key) for key in keys.values())
    clean = clean_pass(handle, edit_rows(handle, REQUEST, ("{}",)), 1)
    with overlay(handle, [edit]):
        moved = clean_pass(handle, edit_rows(handle, REQUEST, ("{}",)), 1).values[0] - clean.values[0]
    assert len(keys) == 2
    for expert in range(4):
        wanted = torch.outer(moved, keys[expert]) / size if expert in keys else torch.zeros_like(written[expert])
        torch.testing.assert_close(written[expert], wanted, rtol=1e-5, atol=1e-7)


def test_a_report_shows_where_the_subject_is_routed_before_and_after() -> None:
    handle = tiny_handle("mixtral")
    edit = get_method("rome").run(handle, REQUEST, 0, CONFIG, Supplies(("{}",)))
    report = evaluate_edit(handle, edit, REQUEST)
    routing = report.routing
    assert routing is not None
    assert routing.words in edit_lines(report)
    assert edit_answer(report)["routing"] == plain(routing)
    assert restored(EditReport, json.loads(json.dumps(plain(report)))).routing == routing
    assert (routing.written, routing.shared, [routed.layer for routed in routing.layers]) == (0, False, [0, 1, 2])
    assert routing.layers[0].before == routing.layers[0].after  # it is routed before anything is written
    assert sum(weight for _, weight in routing.layers[1].before) == pytest.approx(1.0)
    assert routing.words.startswith("At layer 0 the subject's last token goes to experts ")
    shared = tiny_handle("qwen2_moe")
    made = get_method("rome").run(shared, REQUEST, 1, CONFIG, Supplies(("{}",)))
    found = evaluate_edit(shared, made, REQUEST).routing
    assert found is not None
    assert found.shared
    llama = tiny_handle("llama")
    made = get_method("rome").run(llama, REQUEST, 1, CONFIG, Supplies(("{}",)))
    assert evaluate_edit(llama, made, REQUEST).routing is None


def test_quantised_experts_are_refused() -> None:
    model = tiny_model("mixtral")
    for block in model.model.layers:
        block.mlp.experts.down_proj = torch.nn.Parameter(block.mlp.experts.down_proj.to(torch.int8), False)
    with pytest.raises(ModelError, match=r"experts of this Mixtral model are quantised \(torch.int8\)"):
        split_experts(model, architecture_of(model.config))


def test_routing_in_words() -> None:
    same, moved = (
        RoutedLayer(layer, ((3, 0.61), (1, 0.39)), after)
        for layer, after in enumerate([((3, 0.6), (1, 0.4)), ((2, 1.0),)])
    )
    said = Routing(0, False, (same, moved)).words
    assert said == (
        "At layer 0 the subject's last token goes to experts 3 (0.61), 1 (0.39), which were written to; above it, with "
        "the edit, the token goes to other experts at layer 1 (of 1 above)."
    )
    assert Routing(1, True, (same, moved)).words.endswith(
        "its shared expert was written to; no layer above it has experts."
    )
    assert Routing(-1, True, (same,)).words.endswith("above it the token goes to the same experts as before.")
