"""GGUF headers read in one piece: the same values, once."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig
from transformers import modeling_gguf_pytorch_utils as loader
from transformers.integrations.ggml import _gguf_parse_value as value_of

from goldenlayers_core.models.gguf_reading import Header, read_once

WORDS = [*(f"word{i}" for i in range(90)), "", "\u2581naïve", "日本", "\u0000"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A Llama of one layer with quantised weights and every kind of field."""
    path, made = tmp_path / "tiny.gguf", np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.name", "tiny")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_token_list(WORDS)
    writer.add_token_scores([-0.1 * i for i in range(len(WORDS))])
    writer.add_token_types([1 + i % 3 for i in range(len(WORDS))])
    writer.add_array("llama.flags", [True, False, True])
    writer.add_array("llama.one", [7])
    shapes = {
        "token_embd": (len(WORDS), 32),
        "blk.0.attn_q": (32, 32),
        "blk.0.attn_k": (32, 32),
        "blk.0.attn_v": (32, 32),
        "blk.0.attn_output": (32, 32),
        "blk.0.ffn_gate": (64, 32),
        "blk.0.ffn_up": (64, 32),
        "blk.0.ffn_down": (32, 64),
    }
    for name, shape in shapes.items():
        kind = gguf.GGMLQuantizationType.Q8_0
        raw = gguf.quants.quantize(made.standard_normal(shape).astype(np.float32), kind)
        writer.add_tensor(f"{name}.weight", raw, raw_dtype=kind)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", made.standard_normal(32).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def values(reader: gguf.GGUFReader) -> dict[str, list[object]]:
    return {name: [value_of(f.parts[i], f.types) for i in f.data] for name, f in reader.fields.items()}


def test_every_field_and_tensor_is_what_the_library_reads(file: Path) -> None:
    ours, theirs = Header(file), gguf.GGUFReader(file)
    assert values(ours)["tokenizer.ggml.tokens"] == WORDS
    assert values(ours) == values(theirs)
    assert [f.types for f in ours.fields.values()] == [f.types for f in theirs.fields.values()]
    assert [t.name for t in ours.tensors] == [t.name for t in theirs.tensors]
    assert all(np.array_equal(a.data, b.data) for a, b in zip(ours.tensors, theirs.tensors, strict=True))


def test_a_model_is_the_same_and_its_header_was_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = loader.load_gguf_checkpoint(str(file))
    model = AutoModelForCausalLM.from_config(LlamaConfig(**plain["config"]))
    weights = loader.load_gguf_checkpoint(str(file), return_tensors=True, model_to_load=model)["tensors"]
    before, opened, heard = gguf.GGUFReader, [], list[tuple[int, int]]()
    build = Header._build_fields
    monkeypatch.setattr(Header, "_build_fields", lambda *a: (opened.append(1), build(*a))[1])
    with read_once(file, lambda done, total: heard.append((done, total))):
        assert loader.load_gguf_checkpoint(str(file)) == plain
        loader.load_gguf_checkpoint(str(file))["config"].clear()  # a caller's own
        assert loader.load_gguf_checkpoint(str(file)) == plain
        again = loader.load_gguf_checkpoint(str(file), return_tensors=True, model_to_load=model)["tensors"]
    assert opened == [1]
    assert gguf.GGUFReader is before
    assert weights.keys() == again.keys() == model.state_dict().keys() - {"lm_head.weight"}
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    total = sum(4 * w.numel() for w in weights.values())
    assert heard[0] == (0, total)
    assert heard[-1] == (total, total)
    assert len(heard) == len(weights) + 1
