"""What is taken away does elsewhere what the overlay does here: adapters, checkpoints, scripts, EasyEdit's files."""

import importlib.util
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml
from peft import PeftModel
from safetensors.torch import load
from transformers import AutoModelForCausalLM, AutoTokenizer

from goldenlayers_core.editing import Codebook, Edit, Factors, methods, overlay
from goldenlayers_core.editing.delta import make_edit
from goldenlayers_core.editing.export import check_held, easyedit, export_formats, get_format, merged
from goldenlayers_core.editing.export.header import site_template
from goldenlayers_core.editing.export.parts import parts_of
from goldenlayers_core.errors import ConfigError, EditError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on, record_inputs
from tests.editing.test_overlay import IDS, REQUEST, logits, random_edit
from tests.tiny import LAYERS, MODULES, ROWS, tiny_handle

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def stack_of(handle: ModelHandle) -> list[Edit]:
    """Two edits: two layers and another rank each, one layer shared."""
    return [random_edit(handle, (0, 2), rank=2, seed=1), random_edit(handle, (2,), rank=1, seed=2)]


def expected(handle: ModelHandle, edits: list[Edit]) -> torch.Tensor:
    with overlay(handle, edits):
        found = logits(handle)
    assert (found - logits(handle)).abs().max() > 1e-2
    return found


def written(handle: ModelHandle, name: str, edits: list[Edit], folder: Path) -> Path:
    form = get_format(name)
    check_held(form, handle, edits)
    folder.mkdir(parents=True)
    if form.write:
        form.write(handle, edits, folder, "auto")
    else:
        assert form.files
        for file, data in form.files(handle, edits, "edits").items():
            (folder / file).write_bytes(data)
    return folder


def loaded(folder: Path) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        out: torch.Tensor = model(input_ids=IDS).logits
    return out


def memory_edit(handle: ModelHandle) -> Edit:
    """A gate at layer 0, a codebook at layer 2 around the key of a token of IDS, and a text before the prompt."""
    (gated,) = random_edit(handle, (0,), rank=2, seed=3).factors
    site = {"here": handle.mlp_out(2)}
    with record_inputs(site) as seen, torch.no_grad():
        handle.model(input_ids=IDS)
    keys = seen["here"].reshape(-1, seen["here"].shape[-1])[3:5]
    value = torch.randn(2, handle.hidden_size, generator=torch.Generator().manual_seed(4))
    book = Codebook(2, keys, value, torch.tensor([1.0, 0.5]))
    with overlay(handle, [random_edit(handle, (0,), rank=2, seed=3)]), record_inputs({"x": handle.mlp_out(0)}) as at:
        logits(handle)
    moved = (at["x"].reshape(-1, at["x"].shape[-1]).float() @ gated.right @ gated.left.T).norm(dim=-1)
    gate = replace(gated, threshold=float(moved.median()))  # half of the tokens are moved so far
    return make_edit(handle, REQUEST, "memory", [gate], {}, codebooks=[book], prefix="Rome is it.")


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft asks for the old name
@pytest.mark.parametrize("row", ROWS)
def test_peft_loads_the_adapter_over_the_plain_model_with_the_same_logits(row: str, tmp_path: Path) -> None:
    handle = tiny_handle(row)
    edits = stack_of(handle)
    folder = written(handle, "peft", edits, tmp_path / "adapter")
    wanted, digest = expected(handle, edits), weights_digest(handle.model)
    plain = tiny_handle(row).model
    model = PeftModel.from_pretrained(plain, folder).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=IDS).logits, wanted, **CLOSE)
        with model.disable_adapter():
            torch.testing.assert_close(model(input_ids=IDS).logits, logits(handle), **CLOSE)
        torch.testing.assert_close(model.merge_and_unload()(input_ids=IDS).logits, wanted, rtol=1e-4, atol=1e-4)
    assert weights_digest(handle.model) == digest


@pytest.mark.parametrize("row", ROWS)
def test_a_merged_checkpoint_says_what_the_overlay_says(row: str, tmp_path: Path) -> None:
    handle = tiny_handle(row)
    edits, digest = stack_of(handle), weights_digest(handle.model)
    wanted = expected(handle, edits)
    folder = written(handle, "merged", edits, tmp_path / "merged")
    assert weights_digest(handle.model) == digest
    assert not any(p.requires_grad for p in handle.model.parameters())
    torch.testing.assert_close(loaded(folder), wanted, rtol=1e-4, atol=1e-4)
    tokens = AutoTokenizer.from_pretrained(folder)("The capital of France")["input_ids"]
    assert tokens == handle.tokenizer("The capital of France")["input_ids"]
    about = json.loads((folder / "golden_layers_edits.json").read_text())
    assert about["fingerprint"] == handle.fingerprint
    assert json.loads(about["layers"]) == [0, 2]


def uneven(handle: ModelHandle) -> list[Edit]:
    """Ranks 1, 3 and 2 + 1 in three layers."""
    parts = [random_edit(handle, (layer,), rank, seed=rank) for layer, rank in ((0, 1), (1, 3), (2, 2))]
    return [*parts, random_edit(handle, (2,), rank=1, seed=7)]


@pytest.mark.parametrize("row", ["llama", "gpt2"])
def test_an_adapter_has_one_rank_and_one_alpha_for_every_layer(row: str) -> None:
    handle = tiny_handle(row)
    edits = uneven(handle)
    wanted = expected(handle, edits)
    form = get_format("peft")
    assert form.files
    files = form.files(handle, edits, "edits")
    config = json.loads(files["adapter_config.json"])
    assert (config["r"], config["lora_alpha"]) == (3, 3)
    assert not config["rank_pattern"]
    assert not config["alpha_pattern"]
    scale, tensors = config["lora_alpha"] / config["r"], load(files["adapter_model.safetensors"])  # a simple reader
    assert {t.shape[0] for name, t in tensors.items() if "lora_A" in name} == {3}
    model = tiny_handle(row).model
    for name in config["target_modules"]:
        change = scale * tensors[f"base_model.model.{name}.lora_B.weight"]
        change = change @ tensors[f"base_model.model.{name}.lora_A.weight"]
        model.get_submodule(name).weight.data += change.T if config["fan_in_fan_out"] else change
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=IDS).logits, wanted, **CLOSE)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
def test_peft_agrees_with_an_adapter_of_uneven_ranks(tmp_path: Path) -> None:
    handle = tiny_handle("llama")
    edits = uneven(handle)
    folder = written(handle, "peft", edits, tmp_path / "adapter")
    model = PeftModel.from_pretrained(tiny_handle("llama").model, folder).eval()
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=IDS).logits, expected(handle, edits), **CLOSE)


def small(handle: ModelHandle) -> Edit:
    """A change of which rounding to half precision loses a part."""
    factors = [Factors(1, 1e-3 * f.left, f.right) for f in random_edit(handle, (1,), rank=2, seed=5).factors]
    return make_edit(handle, REQUEST, "small", factors, {})


@pytest.mark.parametrize(("row", "dtype"), [("llama", "bfloat16"), ("gpt2", "bfloat16"), ("llama", "float16")])
def test_what_rounding_leaves_of_a_change_is_measured(row: str, dtype: str, tmp_path: Path) -> None:
    handle = tiny_handle(row)
    handle.model.to(getattr(torch, dtype))
    edit, digest = small(handle), weights_digest(handle.model)
    base = handle.matrix(handle.mlp_out(1)).double()
    (factors,) = edit.factors
    change = factors.left.double() @ factors.right.double().T
    for number in ("auto", "float32"):
        folder = tmp_path / number
        folder.mkdir()
        (kept,) = merged.write(handle, [edit], folder, number)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
        assert str(model.dtype) == f"torch.{dtype if number == 'auto' else number}"
        weight = model.get_submodule(site_template(handle).format(1)).weight.detach().double()
        there = (weight.T if row == "gpt2" else weight) - base
        assert kept.layer == 1
        assert kept.wanted == pytest.approx(float(change.norm()))
        assert kept.survived == pytest.approx(float(there.norm() / change.norm()), rel=1e-6)
        assert kept.aligned == pytest.approx(float((there * change).sum() / change.square().sum()), rel=1e-6)
        assert (abs(kept.aligned - 1) < 1e-3) is (number == "float32")
    assert weights_digest(handle.model) == digest
    assert handle.dtype == getattr(torch, dtype)


def test_a_checkpoint_that_its_dtype_cannot_hold_is_not_written(tmp_path: Path) -> None:
    handle = tiny_handle("llama")
    large = make_edit(handle, REQUEST, "x", [Factors(1, torch.full((32, 1), 1e4), torch.full((48, 1), 10.0))], {})
    with pytest.raises(EditError, match=r"layers\.1\.mlp.* not finite as float16; write the checkpoint as float32"):
        merged.write(handle, [large], tmp_path, "float16")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="choose one of auto, float32, bfloat16, float16"):
        merged.write(handle, [large], tmp_path, "int8")


def script_of(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("taken_away", folder / "edits.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("row", ["llama", "gpt2", "opt", "gpt_neox"])
@pytest.mark.parametrize("embedded", [True, False])
def test_the_script_lays_every_kind_of_edit_over_the_model(
    row: str, embedded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not embedded:
        monkeypatch.setattr("goldenlayers_core.editing.export.snippet.MOST_EMBEDDED", 10)
    handle = tiny_handle(row)
    edits = [*stack_of(handle), memory_edit(handle)]
    wanted = expected(handle, edits)
    folder = written(handle, "snippet", edits, tmp_path / "script")
    assert (folder / "edits.safetensors").exists() is not embedded
    script = script_of(folder)
    assert "goldenlayers_core" not in {name.split(".")[0] for name in vars(script)}
    found, header = script.read_edits()
    model = tiny_handle(row).model
    script.check(model, header)
    with script.laid_over(model, found, header), torch.no_grad():
        torch.testing.assert_close(model(input_ids=IDS).logits, wanted, **CLOSE)
    assert hooks_on(model) == 0
    assert script.prefix_of(found) == "Rome is it."
    with overlay(handle, edits[:2]):
        assert (logits(handle) - wanted).abs().max() > 1e-3  # gate and codebook did something


def test_the_script_stops_at_another_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handle = tiny_handle("llama")
    script = script_of(written(handle, "snippet", stack_of(handle), tmp_path / "script"))
    _, header = script.read_edits()
    with pytest.raises(SystemExit, match=r"has no model\.layers\.0\.mlp\.down_proj"):
        script.check(tiny_handle("gpt2").model, header)
    other = tiny_handle("llama").model
    other.model.layers[2].mlp.down_proj.weight *= 1.5
    script.check(other, header)
    assert "Careful: layer 2 has other weights than tiny-llama" in capsys.readouterr().out


# ---- EasyEdit

ROME_FIELDS = {  # of EasyEdit's ROMEHyperParams: it takes no others
    *("layers", "fact_token", "v_num_grad_steps", "v_lr", "v_loss_layer", "v_weight_decay", "clamp_norm_factor"),
    *("kl_factor", "mom2_adjustment", "context_template_length_params", "rewrite_module_tmp", "layer_module_tmp"),
    *("mlp_module_tmp", "attn_module_tmp", "ln_f_module", "lm_head_module", "mom2_dataset", "mom2_n_samples"),
    *("mom2_dtype", "alg_name", "device", "model_name", "stats_dir", "max_length", "model_parallel", "fp16"),
}
MEMIT_FIELDS = (ROME_FIELDS - {"context_template_length_params", "model_parallel", "fp16"}) | {
    *("layer_selection", "mom2_update_weight", "batch_size"),
}
FT_FIELDS = {
    *("alg_name", "model_name", "device", "layers", "num_steps", "batch_size", "max_length", "lr", "weight_decay"),
    *("kl_factor", "norm_constraint", "objective_optimization", "rewrite_module_tmp", "layer_module_tmp"),
    *("mlp_module_tmp", "attn_module_tmp", "ln_f_module", "lm_head_module", "model_parallel"),
}
GRACE_FIELDS = {
    *("alg_name", "model_name", "device", "inner_params", "edit_lr", "n_iter", "eps", "dist_fn", "val_init"),
    *("val_train", "val_reg", "reg", "replacement", "eps_expand", "num_pert", "dropout"),
}
WISE_FIELDS = {
    *("alg_name", "model_name", "device", "inner_params", "edit_lr", "n_iter", "mask_ratio", "norm_constraint"),
    *("act_margin", "act_ratio", "save_freq", "merge_freq", "merge_alg", "objective_optimization", "densities"),
    *("weights", "retrieve", "replay", "model_parallel"),
}
FIELDS = {
    "rome": ("ROME", ROME_FIELDS),
    "r-rome": ("R-ROME", ROME_FIELDS),
    "p-rome": ("R-ROME", ROME_FIELDS | {"enable_prompt_keys", "enable_random_prefix_keys"}),
    "memit": ("MEMIT", MEMIT_FIELDS),
    "emmet": ("EMMET", MEMIT_FIELDS | {"update_norm_lambda", "emmet_lambda", "model_parallel"}),
    "pmet": ("PMET", MEMIT_FIELDS | {"rewrite_module_tmps", "nll_loss_factor", "model_parallel"}),
    "alphaedit": ("AlphaEdit", MEMIT_FIELDS | {"nullspace_threshold", "L2", "P_loc", "model_parallel"}),
    "ft-l": ("FT", FT_FIELDS),
    "ft-m": ("FT", FT_FIELDS),
    "grace": ("GRACE", GRACE_FIELDS),
    "wise": ("WISE", WISE_FIELDS),
}


def named(handle: ModelHandle, path: str) -> object:
    """What EasyEdit would find under a name, with layer 1 for the {}; brackets as in its inner_params."""
    path = path.format(1).replace("[", ".").replace("]", "")
    found: object = handle.model
    for piece in path.split("."):
        found = getattr(found, piece)
    return found


def test_easyedit_asks_for_a_final_norm_and_opt_350m_has_none() -> None:
    handle = tiny_handle("opt 350M")
    with pytest.raises(EditError, match=r"norm before the LM head, and tiny-opt 350M has none; export an adapter"):
        easyedit.hyperparameters(handle, [replace(random_edit(handle, (1,)), method="rome")])


@pytest.mark.parametrize("row", [row for row in MODULES if row != "opt 350M"])
@pytest.mark.parametrize("method", easyedit.known())
def test_easyedit_finds_every_module_and_no_field_it_does_not_know(row: str, method: str) -> None:
    handle = tiny_handle(row)
    title, names = FIELDS[method]
    edit = replace(random_edit(handle, (1,)), method=method, config='{"learning_rate": 1e-05, "steps": 7}')
    text = easyedit.hyperparameters(handle, [edit])
    found = yaml.safe_load(text)
    assert found["alg_name"] == title
    assert set(found) == names
    assert 7 in found.values()
    assert (1e-5 in found.values()) is (method not in ("grace", "wise"))  # as a number: YAML reads 1e-05 as a text
    site, block = handle.mlp_out(1), handle.blocks[1]
    if "inner_params" in found:
        assert named(handle, found["inner_params"][0]) is site.weight
        return
    assert found["layers"] == [1]
    assert named(handle, found["rewrite_module_tmp"].removesuffix(".weight")) is site
    assert named(handle, found["layer_module_tmp"]) is block
    mlp, attention = named(handle, found["mlp_module_tmp"]), named(handle, found["attn_module_tmp"])
    assert site in list(mlp.modules())  # type: ignore[attr-defined]
    assert handle.site(1, handle.architecture.attention[-1]) in list(attention.modules())  # type: ignore[attr-defined]
    assert named(handle, found["ln_f_module"]) is handle.model.get_submodule(handle.architecture.final_norm)
    assert named(handle, found["lm_head_module"]) is handle.head
    if method not in ("ft-l", "ft-m"):
        assert found["v_loss_layer"] == LAYERS - 1


@pytest.mark.parametrize("row", ["mixtral"])
def test_experts_in_one_parameter_are_no_module(row: str) -> None:
    handle = tiny_handle(row)
    for name in ("snippet", "easyedit"):
        with pytest.raises(EditError, match=r"the experts of layer 1 of tiny-.* are one parameter; export a merged"):
            check_held(get_format(name), handle, [random_edit(handle, (1,))])
    for name in ("merged", "peft"):
        check_held(get_format(name), handle, [random_edit(handle, (1,))])


def test_easyedit_knows_every_method_but_the_prompt() -> None:
    handle = tiny_handle("llama")
    assert {method.name for method in methods()} - set(easyedit.known()) == {"ice"}
    for method in methods():
        if method.name != "ice":
            found = easyedit.fields(handle, method.name, (1,), asdict(method.config_class()))
            assert set(found) == FIELDS[method.name][1]
            assert all(isinstance(value, int | float | str | list) for value in found.values())


def test_easyedits_numbers_are_in_easyedits_units() -> None:
    handle = tiny_handle("llama")
    memit = easyedit.fields(handle, "memit", (0, 1), {"preservation": 1.5})
    assert (memit["mom2_update_weight"], memit["layers"]) == (1.5 * 48, [0, 1])
    assert memit["mom2_adjustment"] is True
    rome = easyedit.fields(handle, "rome", (1,), {"n_templates": 5, "template_length": 10, "covariance": "samples"})
    assert (rome["context_template_length_params"], rome["mom2_adjustment"]) == ([[5, 2], [10, 3]], True)
    bare = easyedit.fields(handle, "rome", (1,), {"n_templates": 0})
    assert (bare["context_template_length_params"], bare["mom2_adjustment"]) == ([], False)
    book = Codebook(1, torch.ones(2, 48), torch.ones(2, 32), torch.tensor([0.5, 1.0]))
    grace = make_edit(handle, REQUEST, "grace", [], {"radius": 0.3}, codebooks=[book])
    assert "\neps: 0.75\n" in easyedit.hyperparameters(handle, [grace])
    assert easyedit.fields(handle, "ft-l", (1,), {"norm_constraint": 0.0})["norm_constraint"] is False
    assert easyedit.fields(handle, "ft-l", (1,), {"norm_constraint": 5e-4})["norm_constraint"] == 5e-4


def test_an_easyedit_file_describes_one_method() -> None:
    handle = tiny_handle("llama")
    one, other = (replace(random_edit(handle, (1,)), method=m, config="{}") for m in ("rome", "memit"))
    with pytest.raises(EditError, match="differ in it; export them one by one"):
        easyedit.hyperparameters(handle, [one, other])
    with pytest.raises(EditError, match="no hyperparameters for an edit made by 'random'"):
        easyedit.hyperparameters(handle, [random_edit(handle)])
    assert easyedit.hyperparameters(handle, [one, one]).count("alg_name") == 1


# ---- the table


def test_a_format_that_cannot_hold_an_edit_says_so() -> None:
    handle = tiny_handle("llama")
    memory = memory_edit(handle)
    assert parts_of(memory) == ("gate", "codebook", "prefix")
    for name in ("peft", "merged"):
        with pytest.raises(EditError, match=r"holds only a change of weights, and the edit of .* is a change"):
            check_held(get_format(name), handle, [random_edit(handle), memory])
    for name in ("safetensors", "snippet"):
        check_held(get_format(name), handle, [memory])
    with pytest.raises(EditError, match="There is no edit to export"):
        check_held(get_format("peft"), handle, [])
    with pytest.raises(EditError, match="load the model it belongs to"):
        check_held(get_format("peft"), tiny_handle("llama", seed=2), [random_edit(handle)])
    with pytest.raises(ConfigError, match="choose one of safetensors, peft, merged, easyedit, snippet"):
        get_format("gguf")
    factors = make_edit(handle, REQUEST, "x", [Factors(0, torch.ones(32, 1), torch.ones(48, 1))], {})
    assert parts_of(factors) == ("change",)


def test_every_format_is_described() -> None:
    for form in export_formats():
        assert form.purpose.endswith(".")
        assert form.holds_words
        assert (form.files is None) is not (form.write is None)
    assert sys.modules["peft"]  # the adapters were loaded for real
