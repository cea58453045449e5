"""A tiny GGUF file: a Llama of one layer with quantised weights and every kind of header field."""

from pathlib import Path
from typing import Final

import gguf
import numpy as np

WORDS: Final = ("<unk>", "<s>", "</s>", *(f"word{i}" for i in range(87)), "", "\u2581naïve", "日本", "\u0000")


def write_llama(path: Path, without: str = "") -> Path:
    """Written anew; the same bytes every time. `without`: a matrix left out."""
    made = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.name", "tiny")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_token_list(list(WORDS))
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
        if name == without:
            continue
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
