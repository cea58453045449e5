"""What a family must show before it is called known, and the page that says what each has shown.

    python -m tests.models.verifying docs/models.md [--results FILE] [--only NAME ...]

Every check is the project's own test of that computation, on a tiny random model of the family.
"""

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
import transformers

from goldenlayers_core.models import load_model
from goldenlayers_core.models.architectures import ARCHITECTURES
from goldenlayers_core.models.experts import Out
from goldenlayers_core.records import TRACE_KINDS
from tests.attribution import test_causal_trace, test_edit_aware, test_lga, test_logit_lens
from tests.editing import test_export, test_overlay, test_value
from tests.evaluation import test_sweep
from tests.families import FAMILIES, NO_SUM
from tests.models import test_hooks
from tests.tiny import EVERY, kind_of, save_tiny, tiny_handle

Check = Callable[[str, Path], None]
NO_DOUBLE: Final = tuple(n for n, (kind, _) in FAMILIES.items() if kind == "xglm")


def _loads(name: str, folder: Path) -> None:
    saved = save_tiny(folder / "model", name)
    handle = load_model(str(saved), device="cpu", cache=folder / "cache")
    test_hooks.test_starting_at_a_layer_gives_the_same_logits(name)
    ids = torch.tensor([[5, 9, 30, 40, 22]])
    with torch.inference_mode():
        read, made = (model(input_ids=ids).logits for model in (handle.model, tiny_handle(name).model))
    if handle.architecture.experts:  # products depend on where an expert begins in memory, by a rounding
        torch.testing.assert_close(read, made, rtol=1e-5, atol=1e-5)
    else:
        assert torch.equal(read, made)


def _scores(name: str, _folder: Path) -> None:
    if name not in NO_DOUBLE:
        test_lga.test_equals_per_sample_autograd_in_float64(name, "block")
    test_lga.test_equals_per_sample_autograd_in_float32(name, "mlp")


def _edit_aware(name: str, _folder: Path) -> None:
    test_edit_aware.test_equals_per_sample_autograd_in_float64(name)


def _trace(name: str, _folder: Path) -> None:
    handle, module = tiny_handle(name, torch.float64), test_causal_trace
    with test_lga.KeepDouble():
        for kind in TRACE_KINDS:  # short prompts of two lengths; `make families` takes the long one, too
            module.check(handle, module.REQUESTS[::2], replace(module.NOISY, kind=kind), 1e-6, 1e-12)


def _lens(name: str, _folder: Path) -> None:
    handle = tiny_handle(name, torch.float64)
    test_logit_lens.test_at_the_last_layer_it_reads_what_the_model_says(handle)
    test_logit_lens.test_the_lens_itself_gives_the_models_own_answer_at_the_last_layer(handle)
    if name not in NO_SUM:
        test_logit_lens.test_the_parts_add_up_to_the_logit_difference(handle)


def _value(name: str, _folder: Path) -> None:
    with test_lga.KeepDouble():  # some attentions take their softmax in float32
        test_value.test_fast_equals_plain(name, 1)


def _overlay(name: str, _folder: Path) -> None:
    test_overlay.test_overlay_equals_merged_weights(name)
    test_overlay.test_each_sample_under_its_own_edit(name)


def _sweep(name: str, _folder: Path) -> None:
    test_sweep.test_a_sweep_equals_single_edits(name)


def _exports(name: str, folder: Path) -> None:
    test_export.test_peft_loads_the_adapter_over_the_plain_model_with_the_same_logits(name, folder / "peft")
    test_export.test_a_merged_checkpoint_says_what_the_overlay_says(name, folder / "merged")
    if isinstance(tiny_handle(name).mlp_out(1), Out):
        test_export.test_experts_in_one_parameter_are_no_module(name)
    elif name == "opt 350M":
        test_export.test_easyedit_asks_for_a_final_norm_and_opt_350m_has_none()
    else:
        test_export.test_easyedit_finds_every_module_and_no_field_it_does_not_know(name, "rome")


CHECKS: Final[Mapping[str, Check]] = {
    "loads": _loads,
    "LGA": _scores,
    "edit-aware": _edit_aware,
    "trace": _trace,
    "lens": _lens,
    "value": _value,
    "overlay": _overlay,
    "sweep": _sweep,
    "exports": _exports,
}
SLOW: Final = ("lens", "overlay", "exports", "value", "LGA", "loads", "edit-aware", "sweep", "trace")  # the last
IN_DOUBLE: Final = ("edit-aware", "trace", "lens", "value", "overlay", "sweep")  # checks made in float64 only


def applies(name: str, check: str) -> bool:
    """Whether a check can be made of a family."""
    return name not in NO_DOUBLE or check not in IN_DOUBLE


def outcome(name: str, check: str) -> str:
    """ "yes", "no" (with the reason on stderr), or "-" where it cannot be made."""
    if not applies(name, check):
        return "-"
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            CHECKS[check](name, Path(folder))
        except (AssertionError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            sys.stderr.write(f"{name}, {check}: {type(error).__name__}: {str(error).strip()[:200]}\n")
            return "no"
    return "yes"


Results = dict[tuple[str, str], str]
"""(tiny model, check) -> outcome."""


def verify(names: Iterable[str], file: Path | None) -> Results:
    """Outcomes of every check of these tiny models, the quick ones first; those that `file` holds are not made again,
    and each new one is added to it."""
    found: Results = {}
    if file is not None and file.is_file():
        for line in file.read_text(encoding="utf-8").splitlines():
            name, check, said = line.split("\t")
            found[name, check] = said
    asked = list(names)
    for check in sorted(CHECKS, key=SLOW.index):
        for name in asked:
            if (name, check) not in found:
                found[name, check] = outcome(name, check)
                sys.stderr.write(f"{name}, {check}: {found[name, check]}\n")
                if file is not None:
                    with file.open("a", encoding="utf-8") as out:
                        out.write(f"{name}\t{check}\t{found[name, check]}\n")
    return found


def page(found: Results) -> str:
    """docs/models.md of these outcomes; what was not tried says so."""
    rows = {row.model_type: row for row in ARCHITECTURES}
    lines = [_HEAD.format(transformers=transformers.__version__, count=len(rows))]
    lines.append(f"| family | `model_type` | {' | '.join(CHECKS)} |")
    lines.append(f"|---|---|{'---|' * len(CHECKS)}")
    for name in EVERY:
        row = rows[kind_of(name)]
        form = name.removeprefix(row.model_type).strip()
        said = [found.get((name, check), "not run") for check in CHECKS]
        title = f"{row.known_as}, {form}" if form else row.known_as
        lines.append(f"| {title} | `{row.model_type}` | {' | '.join(said)} |")
    return "\n".join([*lines, _FOOT])


_HEAD: Final = """# Which models load, and what was verified of each

Written by `make families` from the tests' own results with transformers {transformers}; do not edit it by hand.
{count} families are known. Of each a tiny model with random weights was made (three layers, width 32) and held against
plain references, mostly in float64; of real checkpoints only SmolLM2-135M (Llama) and Gemma 3 270M were run.

- **loads**: saved, read back through `load_model`, the same logits; starting in the middle gives the same logits, too.
- **LGA**: equals per-sample autograd, for all matrices of a block.
- **edit-aware**: need, change and reach equal the same by hand, one probe at a time.
- **trace**: hidden, MLP and attention restored, each equal to one whole forward pass per token, layer and sample.
- **lens**: a model cut off after a layer answers what the lens read there; the parts add up to the logit difference.
- **value**: ROME's value equals whole rows, all layers, no kept keys.
- **overlay**: an edit over the model equals merged weights, alone and one per sample.
- **sweep**: equals one edit after another, factors and metrics.
- **exports**: the adapter in peft, the merged checkpoint and EasyEdit's names do what the overlay does.
"""
_FOOT: Final = """
"-": not made, because transformers cannot compute the family in float64. The residual stream of Doge and GPT-NeoX
Japanese is no sum of what attention and MLP write (a gain on the residual, a bias added apart), OPT-350m norms the
sum, and Falcon-H1 adds a state-space mixer beside attention, so the lens shows probabilities and no parts.

## Hybrids: whole rows are rerun

Some blocks of Qwen3.5, Qwen3-Next, Falcon-H1, LFM2, Bamba, RecurrentGemma and OLMo Hybrid mix tokens by a
running state or a convolution, which keeps no keys and values of every token. Where the others rerun only what stands
behind a changed token, these rerun whole rows, from the changed layer on: the same numbers, and more time.
"Attention" (the scope, the trace, the lens) is in such a block what stands in attention's place; of Falcon-H1, which
has both side by side, the scope takes both and the trace restores attention.

## Mixtures of experts

transformers keeps the experts of a layer in fused parameters. Here their output matrices D_1, ..., D_E side by side
are one matrix, and its key for a token is (w_1 a_1, ..., w_E a_E): each expert's own activation times the router's
weight for it, and 0 for experts that the token is not sent to. Scores are inner products of gradients of all of them
so; an edit with value change v at the subject's last token is, expert by expert,

    D_e <- D_e + v (w_e a_e)^T / sum over its experts f of w_f^2 |a_f|^2

for the experts that the token is routed to (in any of the context templates), and nothing for the others. Where there
is a shared expert, through which every token goes, that one is written to instead. The router is neither scored nor
edited; the report of an edit says which experts the subject's last token went to, and at which layers above it goes
to others with the edit. Such an edit is exported as a Golden Layers file, a merged checkpoint or a LoRA adapter
(peft's `target_parameters`); scripts and EasyEdit name modules, and one of these experts is none. Second moments of
the keys (`covariance`) are refused where a layer's experts have more than 65,536 keys together.

## An architecture that is not in the list

    python -m goldenlayers_core models --discover FOLDER|NAME [--accept-row] [--json]

or the button *Examine* of the Model page. The model is read in float32 and told by what it does, never by names: the
one list of blocks that the hidden state goes through; the part of a block in which a token reads others, whose matrices
are attention's, and beside it the MLP's, in the order of their use; how each is stored, by multiplying; what leaves a
block when a value is moved at a module, which tells what is added to the residual stream and times what; the final
norm; what is made of the LM head's logits. Which way of rerunning is right (packed rows, kept keys and values, whole
rows) is tried by the code that edits. What comes of it is a *proposed row*, with checks on the model itself, on one
request and three layers, each with its distance: LGA, edit-aware analysis (loss and value only), trace, lens, value,
overlay, sweep; exports are not run. Relative differences up to 2e-3 hold.

Nothing is used until a person accepts it. Accepting writes a file, NAME.row.json in the cache folder, that is loaded
like a model (`--model FILE`) by whoever names it; it belongs to one config.json, and a file that was changed is
refused. Results made with it are kept apart from those of any other row. "Copy this row" is for a contribution.

With their rows taken away, the structure of 59 tiny models of plain decoders was told as the written row has it, but
for what a row says for other forms of its family (the norm behind the sum of OPT-350m) and one more matrix (Doge's
dt_proj, which no row names); of 20 of them the way to rerun was tried, too, and told as written but for Falcon without
ALiBi, which can be packed. SmolLM2-135M, the one real checkpoint that was tried, got its row again, and all its checks
hold. Of families that nobody wrote a row for, InternLM3 gets one and all its checks hold; OpenAI GPT (blocks return
lists), ModernBERT's decoder (a dense map before the LM head) and CTRL (two checks fail) are refused. What is refused:
encoders, encoder-decoders, blocks without an MLP (Mamba), blocks that differ (hybrids), more than one mixer a block,
fused experts, several lists of blocks, layers that read the tokens anew, quantised weights. A model that does not fit
in float32 cannot be examined.

## Refused, and why

Refused by name before any weight is read, with a sentence:

- **no MLP output matrix to write to**: Mamba, Mamba 2, FalconMamba, RWKV, xLSTM.
- **experts that are not computed as one matrix of fused experts** (Llama 4, DBRX, JetMoE, LongCat Flash, Nemotron-H,
  DeepSeek V4), **a shared expert beside the others** (Granite MoE Shared, Granite 4 Hybrid), and **mixtures that have
  not been verified** (FlexOlmo, MiniMax, DeepSeek V3.2, HunYuan MoE, EXAONE MoE, Solar Open, Jamba, LFM3, Kimi Linear,
  ...).
- **one MLP shared by many blocks**: Zamba, Zamba 2.
- **forms of known families**: Doge's mixture of experts (transformers routes a token by what stands behind it, so that
  a text is answered otherwise in a longer row), a mixture of ERNIE 4.5 without a shared expert (which is what is edited
  in the others), and Gemma 4 where layers take the keys and values of others.
- **inputs per layer** (Gemma 3n, Gemma 4 E2B and E4B): a rerun from the middle does not see them.
- **images beside text** of which transformers has no model that continues text alone (Mistral Small 3.1, LLaVA,
  Qwen2.5-VL, ...); the text part, saved as a folder of its own, may be of a family in the table.
- **a text longer than a LongRoPE model was first trained at** (Phi-3 and Phi-4-mini: 4,096 tokens): the angles of a
  whole batch would change with its longest row.
- **encoders and encoder-decoders** (BERT, RoBERTa, T5, BART, Whisper, ...): they do not continue a text token by
  token.
"""


def main() -> None:
    """Run the checks and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the page to write")
    parser.add_argument("--results", type=Path, help="a table of outcomes to go on from, and to add to")
    parser.add_argument("--only", nargs="*", default=list(EVERY), help="tiny models; default: all")
    asked = parser.parse_args()
    transformers.logging.set_verbosity_error()
    asked.file.write_text(page(verify(asked.only, asked.results)), encoding="utf-8")


if __name__ == "__main__":
    main()
