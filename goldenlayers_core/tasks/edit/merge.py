"""A merged checkpoint read back and asked, beside the model with the edits laid over it."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from goldenlayers_core.editing import Edit, overlay
from goldenlayers_core.editing.export.merged import ABOUT, dtype_of
from goldenlayers_core.errors import GoldenLayersError, StoreError
from goldenlayers_core.evaluation import Question, read
from goldenlayers_core.evaluation.answers import same_answer
from goldenlayers_core.models import ModelHandle, load_model
from goldenlayers_core.results.edit.merge import MergedAnswer, MergedMatrix, MergeReport

README: Final = "README.md"


def read_back(
    handle: ModelHandle, edits: Sequence[Edit], folder: Path, matrices: Sequence[MergedMatrix], dtype: str
) -> MergeReport:
    """Load what was written, ask every fact's prompt of it, and keep the findings in the folder."""
    number = str(dtype_of(handle, dtype)).removeprefix("torch.")
    answers, reason = tuple[MergedAnswer, ...](), ""
    try:
        answers = _asked(handle, edits, folder, number)
    except GoldenLayersError as error:  # no room for a second model, a prompt that cannot be asked
        reason = str(error)
    report = MergeReport(number, tuple(matrices), answers, reason, handle.quantised)
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    text = json.dumps({**about, "merge": dataclasses.asdict(report)}, indent=2, ensure_ascii=False)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")
    (folder / README).write_text(readme(handle.name, edits, report), encoding="utf-8")
    return report


def readme(name: str, edits: Sequence[Edit], report: MergeReport) -> str:
    """What stands beside the weights for a person who finds the folder."""
    facts = {" ".join(f"- {fact.prompt} → {fact.target_new}".split()): None for edit in edits for fact in edit.facts}
    methods = ", ".join(dict.fromkeys(edit.method for edit in edits))
    layers = ", ".join(map(str, sorted({layer for edit in edits for layer in edit.layers})))
    head = f"# {name}, edited\n\nBy Golden Layers ({methods}, layer {layers}); the base model's licence holds.\n"
    left = "\n".join(f"- {line}" for line in report.lines)
    return f"{head}\n" + "\n".join(facts) + f"\n\n## What the checkpoint kept\n\n{left}\n"


def _asked(handle: ModelHandle, edits: Sequence[Edit], folder: Path, number: str) -> tuple[MergedAnswer, ...]:
    facts = list({fact.prompt: fact for edit in edits for fact in edit.facts if fact.prompt}.values())
    if not facts:
        return ()
    questions = [Question(fact.prompt, expected=(fact.target_new,)) for fact in facts]
    with handle.lock, overlay(handle, edits):
        over = read(handle, questions)
    merged = read(load_model(str(folder), handle.device_name, number), questions)
    pairs = [(a.view.answer, b.view.answer) for a, b in zip(over, merged, strict=True)]
    return tuple(
        MergedAnswer(fact.prompt, fact.target_new, *pair, same_answer(*pair))
        for fact, pair in zip(facts, pairs, strict=True)
    )


def merge_report(folder: Path) -> MergeReport:
    """What `read_back` kept. Raises StoreError where the folder has none."""
    try:
        content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["merge"]
        lists = {
            "matrices": tuple(MergedMatrix(**matrix) for matrix in content["matrices"]),
            "answers": tuple(MergedAnswer(**answer) for answer in content["answers"]),
        }
        return MergeReport(**{**content, **lists})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{folder} says nothing of what rounding left ({error}); write it again.") from error
