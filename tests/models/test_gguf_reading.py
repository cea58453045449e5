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
from tests.models.made_gguf import WORDS, write_llama


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "tiny.gguf")


def values(reader: gguf.GGUFReader) -> dict[str, list[object]]:
    return {name: [value_of(f.parts[i], f.types) for i in f.data] for name, f in reader.fields.items()}


def test_every_field_and_tensor_is_what_the_library_reads(file: Path) -> None:
    ours, theirs = Header(file), gguf.GGUFReader(file)
    assert values(ours)["tokenizer.ggml.tokens"] == list(WORDS)
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
