"""How far the rates of the bundled sweep move when the rules of judging answers change: one set of texts, two rules.

    python -m benchmarks.judging make FILE [--limit 32] [--layers 0,5,...]    ROME edits; every probe's whole text
    python -m benchmarks.judging table FILE                                   the table of docs/judging.md

`make` writes one line of JSON per (request, layer), four requests at a time, and goes on where it was stopped. Texts
are written to 14 tokens at least, a line break or the end, and never stopped as soon as the verdict is clear; the old
rules see the first `limit` tokens, which is as far as the sweep wrote then.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from goldenlayers_core.editing import Edit, RomeConfig, Supplies, get_method, sample_templates
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.evaluation import Question, Reading, read
from goldenlayers_core.evaluation.asked import question_of
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import encode_answer
from goldenlayers_core.records import EditRequest, ModelSource, Probe
from goldenlayers_core.tasks import DatasetChoice, Workbench

BLOCK = 4  # requests edited together
STRIDE = 7  # between two layers that follow each other, so that a run which was stopped has layers of every depth
FILLER = "one two three four five six seven eight nine ten eleven twelve"  # asks for long texts


def old_limit(handle: ModelHandle, question: Question) -> int:
    """Greedy tokens that the sweep wrote of an answer before 27 November 2026."""
    answers = [a for a in question.expected if a.strip()]
    longest = max((len(encode_answer(handle.tokenizer, question.prompt, a)) for a in answers), default=0)
    return min(max(10, longest + 2), 64)


def asked(request: EditRequest) -> list[tuple[Probe, Question, Question]]:
    """Every probe, its question, and the same question with room for a longer text."""
    found = []
    for probe in request.probes:
        q = question_of(request, probe)
        found.append((probe, q, Question(q.prompt, q.target_new, q.target_true, (*q.expected, FILLER))))
    return found


def said(handle: ModelHandle, reading: Reading, limit: int) -> dict[str, Any]:
    decode = handle.tokenizer.decode
    return {
        "text": str(decode(reading.tokens, skip_special_tokens=True)),
        "cut": str(decode(reading.tokens[:limit], skip_special_tokens=True)),
        "tokens": list(reading.tokens),
        "p_new": reading.view.target_new_probability,
        "p_true": reading.view.target_true_probability,
    }


def rows(
    handle: ModelHandle, requests: Sequence[EditRequest], before: Sequence[Reading], after: Sequence[Reading]
) -> list[list[dict[str, Any]]]:
    """Per request, one entry per probe."""
    found: list[list[dict[str, Any]]] = []
    place = 0
    for request in requests:
        probes = []
        for probe, question, _ in asked(request):
            limit = old_limit(handle, question)
            sides = {name: said(handle, side[place], limit) for name, side in (("before", before), ("after", after))}
            probes.append({"kind": probe.kind, "prompt": probe.prompt, "answers": list(probe.answers)} | sides)
            place += 1
        found.append(probes)
    return found


def make(path: Path, limit: int, layers: Sequence[int]) -> None:
    bench, model = Workbench(), ModelSource("bundled")
    handle = bench.model(model)
    requests = bench.requests(DatasetChoice("bundled", "proxy", limit, True), model).requests
    method, config = get_method("rome"), RomeConfig()
    supplies = Supplies(sample_templates(handle, config.templates))
    have = {(r["case_id"], r["layer"]) for r in stored(path)}
    order = [i * STRIDE % handle.n_layers for i in range(handle.n_layers)]
    for start in range(0, len(requests), BLOCK):
        block = list(requests[start : start + BLOCK])
        open_ = [n for n in order if n in layers and any((r.case_id, n) not in have for r in block)]
        if not open_:
            continue
        questions = [long for r in block for _, _, long in asked(r)]
        owner = [i for i, r in enumerate(block) for _ in r.probes]
        before = read(handle, questions)
        for layer, made in edits_at(handle, method, block, open_, config, supplies):
            edits = [edit if isinstance(edit, Edit) else None for edit in made]
            after = read(handle, questions, [edits[i] for i in owner])
            with path.open("a", encoding="utf-8") as out:
                for request, edit, probes in zip(block, edits, rows(handle, block, before, after), strict=True):
                    targets = {"target_new": request.target_new, "target_true": request.target_true}
                    named = {"case_id": request.case_id, "layer": layer, "made": edit is not None} | targets
                    out.write(json.dumps(named | {"probes": probes}, ensure_ascii=False) + "\n")


def stored(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "table"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--limit", type=int, default=32, help="requests that the model knows")
    parser.add_argument("--layers", default=",".join(map(str, range(30))))
    options = parser.parse_args()
    if options.what == "make":
        make(options.file, options.limit, [int(layer) for layer in options.layers.split(",")])


if __name__ == "__main__":
    main()
