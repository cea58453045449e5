"""LGA layer by layer from disk gives the numbers of the model in memory, within the room it was given."""

import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from goldenlayers_core.attribution.kept_states import KeptStates
from goldenlayers_core.attribution.lga import ScoredBatch, iter_lga
from goldenlayers_core.attribution.requests import usable
from goldenlayers_core.attribution.streamed import iter_lga_streamed
from goldenlayers_core.errors import Cancelled, ConfigError, ModelError
from goldenlayers_core.models import load_model
from goldenlayers_core.models.drafts import recorded_fingerprint
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.hooks import hooks_on
from goldenlayers_core.models.streaming import Streamed, open_streamed
from goldenlayers_core.records import SCOPES, LgaConfig, ModelSource
from tests.attribution.test_lga import REQUESTS
from tests.lending import copy_model
from tests.tiny import MODULES, save_tiny, tiny_handle, tiny_model, tokenizer

OLD = [r.target_true for r in REQUESTS]
CONFIG = LgaConfig(token_budget=24)  # several batches: without branches, with branches
STATEFUL = ("qwen3_5_text", "qwen3_5", "falcon_h1", "lfm2", "bamba", "recurrent_gemma", "olmo_hybrid")
TOLD = ("gemma4_unified_text", "gemma4_unified_text keys as values")  # blocks share keys and values
MIXED = tuple(row for row in MODULES if tiny_handle(row).architecture.experts)  # beside a dense layer or expert


def numbers(batches: list[ScoredBatch]) -> dict[str, np.ndarray]:
    """(Q, L) of everything that a row of the store holds, in the order of the requests."""
    order = np.argsort([i for batch in batches for i in batch.indices])
    found = {"mean_abs": np.concatenate([batch.mean_abs_new for batch in batches])[order]}
    for scope in SCOPES:
        for k, name in enumerate(("sequence", "answer")):
            for column in ("values", "norm_old", "norm_new"):
                parts = [getattr(batch.scopes[scope][k], column) for batch in batches]
                found[f"{scope} {name} {column}"] = np.concatenate(parts)[order]
    return found


def opened(folder: Path, dtype: str = "auto", room: int | None = None) -> Streamed:
    return open_streamed(ModelSource(str(folder), None, "cpu", dtype), cache=folder.parent, room=room)


def streamed_scores(model: Streamed, folder: Path, step: Callable[[float], None] | None = None) -> list[ScoredBatch]:
    return list(iter_lga_streamed(model, REQUESTS, OLD, CONFIG, step, folder))


def equal(streamed: list[ScoredBatch], whole: list[ScoredBatch]) -> None:
    one, other = numbers(streamed), numbers(whole)
    assert one.keys() == other.keys()
    for name, values in other.items():
        scale = np.abs(values).max(axis=1, keepdims=True)  # per request: its largest layer score
        assert scale.min() > 0, name
        assert (np.abs(one[name] - values) / scale).max() < 1e-5, name


def weights_here(model: Streamed) -> int:
    """Bytes behind all weights, as torch holds them."""
    stores = {p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() for p in model.handle.model.parameters()}
    return sum(stores.values())


def held_files(folder: Path) -> list[str]:
    """Files below a folder that this process has open, also those without a name."""
    links = [Path("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd")]
    return [target for link in links if link.is_symlink() and (target := os.readlink(link)).startswith(str(folder))]


@pytest.mark.parametrize("row", [row for row in MODULES if row not in (*STATEFUL, *TOLD, *MIXED)])
def test_it_equals_the_model_in_memory_and_reads_every_weight_twice(row: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", row)
    whole = load_model(str(folder), "cpu", cache=tmp_path)
    model = opened(folder)
    assert (model.handle.result_key, model.handle.name) == (whole.result_key, whole.name)
    batches = streamed_scores(model, tmp_path)
    assert len(batches) > 2
    equal(batches, list(iter_lga(whole, REQUESTS, OLD, CONFIG)))
    assert {model.weights.read[p] for block in model.handle.blocks for p in block.parameters()} == {2}
    assert hooks_on(model.handle.model) == 0
    assert [f.name for f in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_other_number_formats(dtype: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    whole = load_model(str(folder), "cpu", dtype, cache=tmp_path)
    equal(streamed_scores(opened(folder, dtype), tmp_path), list(iter_lga(whole, REQUESTS, OLD, CONFIG)))


def test_weights_in_many_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny_model("llama").save_pretrained(folder, max_shard_size="20KB")
    tokenizer().save_pretrained(folder)
    assert len(list(folder.glob("*.safetensors"))) > 3
    whole = load_model(str(folder), "cpu", cache=tmp_path)
    equal(streamed_scores(opened(folder), tmp_path), list(iter_lga(whole, REQUESTS, OLD, CONFIG)))


def test_files_that_name_tensors_as_older_ones_do(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", "gpt2")  # its head is the embedding
    whole = list(iter_lga(load_model(str(folder), "cpu", cache=tmp_path), REQUESTS, OLD, CONFIG))
    file = folder / "model.safetensors"
    weights = {name.removeprefix("transformer."): t.clone() for name, t in load_file(file).items()}
    weights["h.0.attn.bias"] = torch.ones(1, 1, 8, 8)  # a mask, that old files hold
    save_file(weights, file, {"format": "pt"})
    equal(streamed_scores(opened(folder), tmp_path), whole)
    both = {**weights, "lm_head.weight": weights["wte.weight"].clone()}
    save_file(both, file, {"format": "pt"})
    equal(streamed_scores(opened(folder), tmp_path), whole)
    save_file({**both, "lm_head.weight": 2 * both["lm_head.weight"]}, file, {"format": "pt"})
    with pytest.raises(ModelError, match="are one and which differ"):
        opened(folder)


@pytest.mark.parametrize("row", ["llama", "gpt2", "gemma2"])
def test_no_more_weights_are_here_than_there_is_room_for(row: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", row)
    stays = weights_here(opened(folder))
    parts = [*opened(folder).handle.blocks, opened(folder).handle.embedding]
    room = stays + max(sum(p.nbytes for p in part.parameters()) for part in parts)
    model = opened(folder, room=room)
    seen: list[int] = []
    streamed_scores(model, tmp_path, lambda _share: seen.append(weights_here(model)))
    assert max(seen) <= model.weights.most <= room < 0.6 * 4 * model.handle.n_parameters
    assert min(seen) > stays  # a block was here whenever one was used
    assert weights_here(model) == stays
    with pytest.raises(ModelError, match="there is room for"):
        opened(folder, room=model.weights.most - 20_000)


def test_the_bundled_model_in_a_quarter_of_its_weights(tmp_path: Path) -> None:
    whole = load_model("bundled", "cpu")
    room = 4 * whole.n_parameters // 4
    model = open_streamed(ModelSource("bundled", None, "cpu"), room=room)
    batches = list(iter_lga_streamed(model, REQUESTS, OLD, CONFIG, folder=tmp_path))
    assert model.weights.most <= room
    equal(batches, list(iter_lga(whole, REQUESTS, OLD, CONFIG)))


def test_requests_are_told_usable_without_weights(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    long = [*REQUESTS, REQUESTS[0].__class__("long", "Paris " * 300, "Paris", "Rome", "Paris")]
    one, other = (usable(h, long, "dataset") for h in (opened(folder).handle, load_model(str(folder), "cpu")))
    assert one == other
    assert [case for case, _ in one.skipped] == ["long"]
    assert list(iter_lga_streamed(opened(folder), [], [], CONFIG, folder=tmp_path)) == []


@pytest.mark.parametrize(
    ("row", "words"), [("lfm2", "carry a state"), ("mixtral", "experts"), ("gemma4_unified_text", "told more than")]
)
def test_families_whose_blocks_do_not_stand_alone_are_refused(row: str, words: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model", row)
    with pytest.raises(ModelError, match=words):
        streamed_scores(opened(folder), tmp_path)
    assert held_files(tmp_path) == []


def test_another_precision_than_the_models_is_refused(tmp_path: Path) -> None:
    model = opened(save_tiny(tmp_path / "model"))
    with pytest.raises(ConfigError, match="choose its dtype"):
        next(iter_lga_streamed(model, REQUESTS, OLD, LgaConfig(precision="bfloat16")))


def test_a_conversion_that_changed_on_disk_is_made_anew(tmp_path: Path) -> None:
    copy_model(tmp_path, "-base")
    whole = load_model("classroom:base", "cpu", cache=tmp_path)
    (weights,) = tmp_path.glob("models/*/*.safetensors")
    data = bytearray(weights.read_bytes())
    data[-2] ^= 64
    weights.write_bytes(data)
    assert folder_fingerprint(weights.parent) != whole.fingerprint
    again = open_streamed(ModelSource("classroom:base", None, "cpu"), cache=tmp_path)
    assert again.handle.fingerprint == folder_fingerprint(weights.parent) == recorded_fingerprint(weights.parent)


def test_damaged_weights_are_one_sentence(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    file = folder / "model.safetensors"
    weights = {name: t.clone() for name, t in load_file(file).items()}
    key = "model.layers.2.mlp.up_proj.weight"
    save_file({name: t for name, t in weights.items() if name != key}, file, {"format": "pt"})
    with pytest.raises(ModelError, match=f"lack {key}"):
        opened(folder)
    save_file({**weights, "model.layers.9.mlp.up_proj.weight": weights[key].clone()}, file, {"format": "pt"})
    with pytest.raises(ModelError, match="no place"):
        opened(folder)
    save_file({**weights, key: weights[key][:-1].contiguous()}, file, {"format": "pt"})
    with pytest.raises(ModelError, match="has place for"):
        streamed_scores(opened(folder), tmp_path)
    save_file({**weights, key: torch.full_like(weights[key], torch.nan)}, file, {"format": "pt"})
    with pytest.raises(ModelError, match=f"not finite .* in {key}"):
        streamed_scores(opened(folder), tmp_path)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="damaged"):
        opened(folder)


def test_weights_that_vanish_in_the_middle_leave_nothing_behind(tmp_path: Path) -> None:
    folder, kept = save_tiny(tmp_path / "model"), tmp_path / "states"
    model = opened(folder)
    stays = weights_here(model)

    def vanish(share: float) -> None:
        assert len(held_files(kept)) == 1
        assert list(kept.iterdir()) == []  # the system lets go of it even where the process is killed
        if share > 0.5:
            (folder / "model.safetensors").unlink(missing_ok=True)

    with pytest.raises(ModelError, match="cannot be read now"):
        streamed_scores(model, kept, vanish)
    assert (held_files(kept), hooks_on(model.handle.model), weights_here(model)) == ([], 0, stays)


def test_it_can_be_cancelled_between_two_batches(tmp_path: Path) -> None:
    model, shares = opened(save_tiny(tmp_path / "model")), list[float]()

    def cancel(share: float) -> None:
        shares.append(share)
        if len(shares) == 12:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        streamed_scores(model, tmp_path, cancel)
    assert shares == sorted(shares)
    assert len(shares) == 12
    assert held_files(tmp_path / "states") == []
    shares.clear()
    streamed_scores(model, tmp_path, lambda share: shares.append(share))
    assert shares[-1] == pytest.approx(1)


def test_a_disk_without_room_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has not so much room"):
        KeptStates(tmp_path, [(2**30, 2**10, 1)], 8, torch.float32)  # 32 TiB
    model = opened(save_tiny(tmp_path / "model"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ModelError, match="has not so much room"):
            streamed_scores(model, tmp_path / "states", lambda _share: pytest.fail("it began to work"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert held_files(tmp_path / "states") == []
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="No temporary file"):
        KeptStates(tmp_path / "file", [(1, 1, 1)], 1, torch.float32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_states_come_back_as_they_were_kept(dtype: torch.dtype, tmp_path: Path) -> None:
    shapes = [(2, 3, 5), (1, 7, 5)]
    given = {(i, slot): torch.randn(shape).to(dtype) for i, shape in enumerate(shapes) for slot in range(3)}
    with KeptStates(tmp_path, shapes, 3, dtype) as kept:
        for (i, slot), states in given.items():
            kept.put(i, slot, states)
        kept.put(1, 0, given[1, 2])
        assert torch.equal(kept.get(1, 0), given.pop((1, 0)) * 0 + given[1, 2])
        assert all(torch.equal(kept.get(i, slot), states) for (i, slot), states in given.items())
        with pytest.raises(ModelError, match="were expected"):
            kept.put(0, 0, given[1, 2])
