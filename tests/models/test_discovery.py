"""An architecture without a row is examined by what it does: the row found is the one written, or one sentence says why
there is none."""

from dataclasses import fields, replace

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from goldenlayers_core.errors import UnknownArchitectureError
from goldenlayers_core.evaluation.proving.checks import CHECKS, lga, reruns
from goldenlayers_core.evaluation.proving.settle import LIMIT, findings, how_far, settled
from goldenlayers_core.models import ModelHandle, architecture_of
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.models.discovery.proposal import propose
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.records import ModelSource
from tests.families import BASE
from tests.tiny import tiny_model, tokenizer

_TOLD = ("title", "names", "literature_layer", "literature_source", "in_float64")  # no probe tells them
SHAPES = (
    *("llama", "gpt2", "gpt_neox", "gptj", "phi", "phi3", "bloom", "gemma2", "gemma3", "mpt", "gpt_neo"),
    *("falcon 7B", "falcon RW", "opt", "granite", "hyperclovax", "cohere", "glm4", "stablelm parallel", "olmo2"),
)
OF_THIS_FORM = {  # what a row says for other forms of its family, and this model is free of
    "falcon 7B": {"packs_branches": True},  # no ALiBi
    "opt": {"adds_mlp_out": True, "projected": ""},  # norms before, not after as OPT-350m, and has no map behind
}


def columns(row: Architecture) -> dict[str, object]:
    return {f.name: getattr(row, f.name) for f in fields(row) if f.name not in _TOLD}


def examined(name: str) -> ModelHandle:
    model = tiny_model(name)
    digest = weights_digest(model)
    proposal = propose(model)
    found = settled(ModelHandle(name, ModelSource(name), model, tokenizer(), proposal.row, digest))
    assert weights_digest(model) == digest
    assert hooks_on(model) == 0
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_the_row_that_is_found_is_the_one_that_was_written(name):
    found = examined(name)
    written = replace(architecture_of(found.model.config), **OF_THIS_FORM.get(name, {}))
    assert columns(found.architecture) == columns(written)


@pytest.mark.parametrize("name", ["gpt2", "gemma3"])
def test_every_check_of_a_row_that_is_found_holds(name):
    found = examined(name)
    said = {one.check: one for one in findings(found, is_sum=True)}
    assert {one.check for one in said.values() if one.outcome == "yes"} == {"loads", *CHECKS}
    assert said["exports"].outcome == "-"
    assert said["lens"].said.endswith("the parts add up")


def test_a_wrong_row_does_not_hold():
    model = tiny_model("granite")
    row = replace(architecture_of(model.config), logits_over="", final_norm="model.layers.0.input_layernorm")
    handle = ModelHandle("wrong", ModelSource("wrong"), model, tokenizer(), row, weights_digest(model))
    assert {one.check for one in findings(handle, is_sum=False) if one.outcome == "no"} == {"lens", "LGA"}


def test_packed_rows_and_kept_keys_that_would_be_wrong_are_found_out():
    bloom = tiny_model("bloom")
    row = replace(architecture_of(bloom.config), packs_branches=True)
    handle = ModelHandle("bloom", ModelSource("bloom"), bloom, tokenizer(), row, weights_digest(bloom))
    assert how_far(reruns, handle) > LIMIT  # it does not even take a packed row's mask
    assert how_far(lga, handle) > LIMIT
    assert not settled(handle).architecture.packs_branches


def refused(model) -> str:
    with pytest.raises(UnknownArchitectureError) as caught:
        propose(model)
    assert str(caught.value).count(". ") == 0
    return str(caught.value)


class TwoLists(LlamaForCausalLM):
    """A decoder whose hidden state goes through two lists of blocks, one behind the other."""

    def __init__(self, config):
        super().__init__(config)
        layers = list(self.model.layers)
        self.model.layers, self.model.late = nn.ModuleList(layers[:2]), nn.ModuleList(layers[2:])
        self.model.config.num_hidden_layers = 2
        given = {}

        def remember(_module, args, kwargs):
            given.update(args=args[1:], kwargs=kwargs)

        self.model.layers[1].register_forward_pre_hook(remember, with_kwargs=True)

        def go_on(_module, args):
            hidden = args[0]
            for block in self.model.late:
                hidden = block(hidden, *given["args"], **given["kwargs"])
            return (hidden,)

        self.model.norm.register_forward_pre_hook(go_on)


def test_two_lists_of_blocks_are_refused():
    torch.manual_seed(0)
    model = TwoLists(LlamaConfig(**{**BASE, "num_hidden_layers": 4})).eval()
    assert "it has 2 lists of blocks (model.layers, model.late)" in refused(model)


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("bert", {}, "it is an encoder, which does not continue a text"),
        ("mamba", {"state_size": 8}, "no MLP whose output matrix"),
        (
            "mamba2",
            {"state_size": 8, "head_dim": 16, "num_heads": 4, "n_groups": 1, "expand": 2},
            "no MLP whose output",
        ),
        ("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}, "parameters of three dimensions"),
        ("qwen3_5_text", {"layer_types": ["linear_attention", "full_attention", "full_attention"]}, "not alike"),
    ],
)
def test_what_is_no_plain_decoder_is_refused(kind, settings, words):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **{**BASE, **settings})).eval()
    assert words in refused(model)


def test_a_falcon_h1_mixes_tokens_in_two_places():
    assert "more than one part of a block mixes the tokens (mamba, self_attn)" in refused(tiny_model("falcon_h1"))
