"""How far the numbers of a model in another precision are from those of plain float32: measured, held and written down.

    python -m tests.models.errors docs/models.md

Each measure takes two models of the same weights, one of them in float32, and gives a relative error. A precision's
reference is the model it stands for: the same rounded weights, or the dequantised ones.
"""

import argparse
import copy
import dataclasses
import platform
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import transformers

from goldenlayers_core.attribution.causal_trace import trace_requests
from goldenlayers_core.attribution.logit_lens import logit_lens
from goldenlayers_core.editing import Edit, get_method, overlay
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.quantised import REFUSED
from goldenlayers_core.models.tokens import encode_prompt
from goldenlayers_core.records import TRACE_KINDS, LgaConfig
from tests.attribution import test_causal_trace, test_lga
from tests.editing.test_overlay import IDS, logits
from tests.editing.test_window import settings, supplied
from tests.evaluation.test_sweep import FRANCE, JAPAN, swept
from tests.models.quantising import KINDS, plain_twin, quantised
from tests.tiny import LAYERS, tiny_handle

ROWS: Final = ("llama", "gpt2", "gemma3_text", "falcon 7B")
"""Tiny models in half precision: norms behind what is added, sums in place, matrices that lie the other way round."""
EDITORS: Final = ("rome", "memit", "pmet", "alphaedit", "ft-m", "grace", "wise")
Measure = Callable[[ModelHandle, ModelHandle], float]


def error(found: Any, wanted: Any) -> float:
    """|found - wanted| over |wanted|; numbers that neither has are left out."""
    one, other = (np.asarray(x, dtype=np.float64).ravel() for x in (found, wanted))
    known = ~(np.isnan(one) & np.isnan(other))
    return float(np.linalg.norm(one[known] - other[known]) / np.linalg.norm(other[known]))


def _logits(one: ModelHandle, other: ModelHandle) -> float:
    return error(logits(one, IDS).float(), logits(other, IDS))


def _scores(one: ModelHandle, other: ModelHandle) -> float:
    configs = (LgaConfig("block"), LgaConfig("mlp", loss_on="answer"))
    return max(error(*(test_lga.ours(m, test_lga.REQUESTS, c) for m in (one, other))) for c in configs)


def _trace(one: ModelHandle, other: ModelHandle) -> float:
    def effects(model: ModelHandle, kind: Any) -> list[Any]:
        config = dataclasses.replace(test_causal_trace.NOISY, kind=kind)
        return [t.effects for t in trace_requests(model, test_causal_trace.REQUESTS[:1], config)]

    return max(error(effects(one, kind), effects(other, kind)) for kind in TRACE_KINDS)


def _lens(one: ModelHandle, other: ModelHandle) -> float:
    return error(*(logit_lens(model, FRANCE.prompt, 40, 77).probability for model in (one, other)))


def edit_of(handle: ModelHandle, name: str) -> Edit:
    """An edit of layer 1 by a method, with settings that move a tiny model."""
    method = get_method(name)
    family = "window" in {field.name for field in dataclasses.fields(method.config_class)}
    config = settings(name) if family else method.config_class()
    return method.run(handle, FRANCE, 1, config, supplied(handle), None)


def edited(handle: ModelHandle, name: str) -> torch.Tensor:
    """(V,) log-probabilities (nats) after the prompt, under the model's own edit of it; nothing is written."""
    digest = weights_digest(handle.model)
    ids = torch.tensor([encode_prompt(handle.tokenizer, FRANCE.prompt)])
    with overlay(handle, [edit_of(handle, name)]):
        found = logits(handle, ids)[0, -1].float().log_softmax(dim=0)
    assert weights_digest(handle.model) == digest
    before = logits(handle, ids)[0, -1].float().log_softmax(dim=0)
    assert error(found, before) > 1e-4, f"{name} does nothing to {handle.name}"
    return found


def _edits(one: ModelHandle, other: ModelHandle) -> float:
    return max(error(*(edited(model, name) for model in (one, other))) for name in EDITORS)


def _sweep(one: ModelHandle, other: ModelHandle) -> float:
    found, wanted = (swept(model, (FRANCE, JAPAN), range(LAYERS)) for model in (one, other))
    assert found.keys() == wanted.keys()
    numbers = [[pair.metrics[n] for n in sorted(pair.metrics)] for pair in found.values()]
    assert all(value == value for row in numbers for value in row), "a metric is no number"
    return error(*(np.log([max(pair.metrics["p_new"], 1e-30) for pair in some.values()]) for some in (found, wanted)))


MEASURES: Final[Mapping[str, Measure]] = {
    "logits": _logits,
    "scores": _scores,
    "traces": _trace,
    "lens": _lens,
    "edits": _edits,
    "sweep": _sweep,
}
_HALF: Final = {"bfloat16": 1.0, "float16": 0.2}
MOST: Final[Mapping[str, float]] = {
    "logits": 0.05,
    "scores": 0.10,
    "traces": 0.50,
    "lens": 0.10,
    "edits": 0.05,
    "sweep": 0.05,
}
"""What a measure may be in bfloat16; a fifth of that in float16, and a thousandth of it on quantised weights, where
nothing but the order of sums differs (a tenth after the steps of edits, of which some pick the nearest of places)."""


def most(precision: str, measure: str) -> float:
    """What a measure may be."""
    return MOST[measure] * _HALF.get(precision, {"edits": 1e-1, "sweep": 1e-2}.get(measure, 1e-3))


def half(row: str, precision: str) -> tuple[ModelHandle, ModelHandle]:
    """A tiny model in bfloat16 or float16, and its very weights in float32."""
    handle = tiny_handle(row)
    handle.model.to(getattr(torch, precision))
    handle = dataclasses.replace(handle, fingerprint=weights_digest(handle.model))
    return handle, dataclasses.replace(handle, model=copy.deepcopy(handle.model).float())


def whole(folder: Path, kind: str, row: str) -> tuple[ModelHandle, ModelHandle]:
    """A quantised tiny model, read as anybody's, and the plain model it stands for."""
    made = quantised(folder / f"{row} {kind}", kind, row)
    return load_model(str(made), "cpu", "float32"), load_model(str(plain_twin(made, row)), "cpu", "float32")


CASES: Final = (
    *((precision, row) for precision in _HALF for row in ROWS),
    *((kind, "llama") for kind in KINDS),
    ("8-bit", "gpt2"),
    ("nf4", "gpt2"),
)
"""(precision, tiny model)."""


def pair_of(precision: str, row: str, folder: Path) -> tuple[ModelHandle, ModelHandle]:
    """The two models of a case."""
    return half(row, precision) if precision in _HALF else whole(folder, precision, row)


def measured(folder: Path) -> dict[tuple[str, str], float]:
    """(precision, measure) -> the largest error of its tiny models."""
    found: dict[tuple[str, str], float] = {}
    for precision, row in CASES:
        one, other = pair_of(precision, row, folder)
        for name, measure in MEASURES.items():
            value = measure(one, other)
            sys.stderr.write(f"{precision}, {row}, {name}: {value:.1e}\n")
            found[precision, name] = max(found.get((precision, name), 0.0), value)
    return found


def section(found: Mapping[tuple[str, str], float]) -> str:
    """The part of docs/models.md that these numbers are for."""
    precisions = list(dict.fromkeys(precision for precision, _ in CASES))
    lines = [f"| weights | {' | '.join(MEASURES)} |", f"|---|{'---|' * len(MEASURES)}"]
    for precision in precisions:
        numbers = (f"{found[precision, name]:.0e}".replace("0e+00", "0") for name in MEASURES)
        lines.append(f"| {_TITLES.get(precision, precision)} | {' | '.join(numbers)} |")
    here = f"transformers {transformers.__version__}, torch {torch.__version__}, {platform.machine()}, a processor"
    refused = ", ".join(title for _, methods in REFUSED for _, title in methods)
    text = _TEXT.format(table="\n".join(lines), here=here, rows=", ".join(ROWS), refused=refused)
    return "\n\n".join(map(_filled, text.strip().split("\n\n"))) + "\n"


def _filled(part: str) -> str:
    """A paragraph or list of the page, filled anew: names and versions make lines too long. A table stays as it is."""
    if part.startswith("|"):
        return part
    items = re.split(r"\n(?=- )", part)
    return "\n".join(textwrap.fill(" ".join(i.split()), 120, **_fill(i)) for i in items)


def _fill(item: str) -> dict[str, Any]:
    indent = "  " if item.startswith("- ") else ""
    return {"subsequent_indent": indent, "break_long_words": False, "break_on_hyphens": False}


HEADING: Final = "## Precision and quantised weights"
_TITLES: Final = {
    "8-bit": "bitsandbytes 8-bit",
    "nf4": "bitsandbytes 4-bit, nf4",
    "fp4 nested": "bitsandbytes 4-bit, fp4, scales quantised, too",
    "nf4 in bfloat16": "bitsandbytes 4-bit, nf4, kept in bfloat16 tensors",
    "fp8": "fp8 (e4m3) by blocks",
    "fp8 by tensor": "fp8 (e4m3) by tensor",
}
_TEXT: Final = """## Precision and quantised weights

Measured by `python -m tests.models.errors` on tiny models ({here}); the same numbers are held by the tests. An error is
|found - reference| / |reference|, the largest of the tiny models ({rows}; quantised: llama, gpt2). For bfloat16 and
float16 the reference is float32 with the very same weights, for quantised weights the dequantised model in float32.
"edits" is the worst of ROME, MEMIT, PMET, AlphaEdit, FT-M, GRACE and WISE, each model edited by itself:
log-probabilities after the edited prompt. "sweep" is the new answer's log-probability at every layer. "traces" are
probabilities themselves: random weights give logits of tens, of which one per cent is a third of a probability.

{table}

- **bfloat16 and float16** run everything that float32 runs. Where a number is not finite (float16 ends at 65,504) the
  computation stops with one sentence that names the precision to take. A checkpoint merged in half precision loses a
  part of a small change to rounding: what is left of it, matrix by matrix, and whether the edited prompts are still
  answered so, is measured on the checkpoint as it is read back, shown where it is written, and kept in its README.md
  and golden_layers_edits.json. float32 keeps all of it. In a mixture of experts a rounded router may send a token to
  other experts than in float32, and numbers then differ by more than in this table.
- **bitsandbytes, 8 and 4 bits** (`make quantised` installs it, 125 MB): the weights stay packed in memory, and each
  matrix is dequantised when it is used. What is scored, traced and edited is therefore the dequantised model, a linear
  map a layer. bitsandbytes' own 8-bit product rounds the activations as well, by what else is in the batch: on these
  models its logits are 1.5 to 3 % off, and an adapter exported here does there what it does here to the same few per
  cent. On a processor, bitsandbytes 0.50.2 reads 4-bit matrices wrongly whose rows are no multiple of the block size
  (64): their codes are decoded by torch here, which is held against its function for single rows. A quantised LM head
  becomes a plain one.
- **fp8** (`quant_method` "fp8": e4m3 with scales by block or by tensor): dequantised when it is read, on a GPU, too, so
  that it takes the memory of the precision asked for. Tensors in float8 without scales are read as the numbers they
  are.
- **Edits of a quantised model** are overlays and adapters as of any other. A merged checkpoint holds plain numbers.
  An edit belongs to these weights and to no other: the fingerprint covers the quantised numbers and how they are to be
  read, so an edit of the unquantised model is refused on the quantised one.
- **Refused by one sentence, before a weight is read**: {refused}; any other name; and packed tensors of which
  config.json says nothing.
"""


def inserted(page: str, text: str) -> str:
    """The page with its section put in, in the place of an earlier one, or at the end."""
    before, found, rest = page.partition(HEADING)
    after = rest[rest.index("\n## ") + 1 :] if found and "\n## " in rest else ""
    return f"{before.rstrip()}\n\n{text.strip()}\n{f'{chr(10)}{after}' if after else ''}"


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the page to write the section into")
    asked = parser.parse_args()
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        text = section(measured(Path(folder)))
    asked.file.write_text(inserted(asked.file.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
