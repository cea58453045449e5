"""Edits of a language model, laid over it with forward hooks; no weight is written. Written by Golden Layers.

Needs torch, transformers and safetensors, nothing else:

    python THIS_FILE                 answers before and after, for every fact that was written
    python THIS_FILE MODEL_FOLDER    the same on a copy of the model elsewhere

A folder quantised by bitsandbytes also needs that package (and accelerate). Its 8-bit product rounds the activations,
and Golden Layers dequantises instead: expect answers a few per cent apart. A folder in fp8 is dequantised here, too.

In your own program: `edits = read_edits()`, then `with laid_over(model, edits): ...`, and `prefix_of(edits)` goes
before every prompt. The edits are: W x + left (right^T x); where a `threshold` is set, only at tokens that this moves
by at least that norm; where there is a codebook, the value of the nearest key within its radius instead.
"""

import base64
import contextlib
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

MODEL = ""  # hub name or folder
FILE = "edits.safetensors"  # beside this script
EMBEDDED = ""  # the same file in base64, where it is small


def read_edits():
    """A list of dicts: per edit its facts, prefix, factors and codebooks; and what the file says about the model."""
    data = base64.b64decode(EMBEDDED) if EMBEDDED else (Path(__file__).parent / FILE).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])["__metadata__"]
    tensors, edits = load(data), []
    for i in range(int(header["n_edits"])):
        meta = json.loads(header[f"edit.{i}"])
        gates = zip(json.loads(meta["layers"]), json.loads(meta["thresholds"]), strict=True)
        books = json.loads(meta["codebooks"])
        edits.append(
            {
                "facts": json.loads(meta["facts"]),
                "prefix": meta["prefix"],
                "factors": [(at, tensors[f"{i}.left.{at}"], tensors[f"{i}.right.{at}"], gate) for at, gate in gates],
                "books": [
                    (at, *(tensors[f"{i}.book.{part}.{at}"] for part in ("keys", "values", "radii"))) for at in books
                ],
            }
        )
    return edits, header


def prefix_of(edits):
    """The text that the edits put before every prompt."""
    return "".join(edit["prefix"] for edit in edits)


@contextlib.contextmanager
def laid_over(model, edits, header):
    """Every forward pass inside sees the edits, on top of each other."""
    layers = {at for edit in edits for at, *_ in (*edit["factors"], *edit["books"])}
    hooks = []
    try:
        for layer in sorted(layers):
            factors = [rest for edit in edits for at, *rest in edit["factors"] if at == layer]
            books = [rest for edit in edits for at, *rest in edit["books"] if at == layer]
            module = model.get_submodule(header["site"].format(layer))
            hooks.append(module.register_forward_hook(hook_of(factors, books)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def hook_of(factors, books):
    """What happens to the output (..., d_out) of one matrix with input (..., d_in)."""

    def hook(_module, args, output):
        x = args[0]
        # first all plain changes, then those behind a threshold, then codebooks
        for left, right, threshold in sorted(factors, key=lambda found: found[2] > 0):
            moved = (x @ right.to(x)) @ left.to(x).T
            if threshold:
                moved = moved * (moved.float().norm(dim=-1, keepdim=True) >= threshold)
            output = output + moved.to(output.dtype)
        if books:
            keys, values, radii = (torch.cat(part).to(x.device) for part in zip(*books, strict=True))
            flat = x.reshape(-1, x.shape[-1]).to(keys.dtype)
            distance = torch.cdist(flat, keys, compute_mode="donot_use_mm_for_euclid_dist")  # (tokens, N)
            nearest, which = distance.masked_fill(distance > radii, torch.inf).min(dim=1)
            plain = output.reshape(len(flat), -1)
            output = torch.where(nearest.isfinite()[:, None], values[which].to(output.dtype), plain).view(output.shape)
        return output

    return hook


def load_model(source):
    """The model in float32, as on the machine the edits were computed on; on a GPU bfloat16 usually does, too."""
    config = AutoConfig.from_pretrained(source)
    settings = getattr(config, "quantization_config", None) or {}
    if settings.get("quant_method") == "fp8":  # else a GPU's kernels would round the activations
        config.quantization_config = {**settings, "dequantize": True}
    try:
        return AutoModelForCausalLM.from_pretrained(source, config=config, dtype=torch.float32).eval()
    except ImportError as error:
        raise SystemExit(f"{source} is quantised, and what reads it is not here ({error}); install it.") from None


def shape_of(module, is_turned):
    """(d_out, d_in) of a matrix; of packed numbers, whose weight has another shape, as their module says."""
    if hasattr(module, "out_features"):
        return module.out_features, module.in_features
    return tuple(module.weight.shape)[:: -1 if is_turned else 1]


def check(model, header):
    """Stop, and say why, when this is not the model that the edits were computed on."""
    for (layer, d_out, d_in), norm in zip(
        json.loads(header["shapes"]), json.loads(header["weight_norms"]), strict=True
    ):
        try:
            module = model.get_submodule(header["site"].format(layer))
            weight = module.weight
        except AttributeError:
            raise SystemExit(f"This model has no {header['site'].format(layer)}; load {header['model']}.") from None
        shape = shape_of(module, header["orientation"] == "in_out")
        if shape != (d_out, d_in):
            raise SystemExit(f"Layer {layer} is {shape} here and {(d_out, d_in)} is needed; load {header['model']}.")
        if weight.element_size() == 1:  # codes, whose norm says nothing
            print(f"Layer {layer} is quantised here, so that its numbers are not compared with {header['model']}'s.")
        elif abs(float(weight.detach().float().norm()) / norm - 1) > 0.01:
            print(f"Careful: layer {layer} has other weights than {header['model']}, which the edits were computed on.")


def answer(model, tokenizer, prompt, n_tokens=10):
    """Greedy text after a prompt."""
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    with torch.no_grad():
        ids = model.generate(
            **inputs, max_new_tokens=n_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id or 0
        )
    return tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def main():
    edits, header = read_edits()
    source = sys.argv[1] if len(sys.argv) > 1 else MODEL
    model = load_model(source)
    tokenizer = AutoTokenizer.from_pretrained(source)
    check(model, header)
    for fact in [fact for edit in edits for fact in edit["facts"] if fact["prompt"]]:
        print(f"{fact['prompt']} -> {fact['target_new']}")
        print(f"  before: {answer(model, tokenizer, fact['prompt'])!r}")
        with laid_over(model, edits, header):
            print(f"  after:  {answer(model, tokenizer, prefix_of(edits) + fact['prompt'])!r}")


if __name__ == "__main__":
    main()
