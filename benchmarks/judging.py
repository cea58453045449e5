"""How far the rates of the bundled sweep move when the rules of judging answers change: one set of texts, two rules.

    python -m benchmarks.judging make FILE [--limit 32] [--layers 0,5,...]    ROME edits; every probe's whole text
    python -m benchmarks.judging table FILE                                   the table of docs/judging.md
    python -m benchmarks.judging changes FILE                                 every probe that is judged otherwise now
    python -m benchmarks.judging pairs tests/evaluation/pairs.tsv             the labelled pairs, by kind

`make` writes one line of JSON per (request, layer), four requests at a time, and goes on where it was stopped. Texts
are written to 14 tokens at least, a line break or the end, and never stopped as soon as the verdict is clear; the old
rules see the first `limit` tokens, which is as far as the sweep wrote then.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import judging_old
from goldenlayers_core.editing import Edit, RomeConfig, Supplies, get_method, sample_templates
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.evaluation import Question, Reading, read
from goldenlayers_core.evaluation.answers import accepts, cut_answer, same_answer, written_on
from goldenlayers_core.evaluation.asked import question_of
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.tokens import encode_answer
from goldenlayers_core.records import PROBE_KINDS, EditRequest, ModelSource, Probe
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


def judged(pair: dict[str, Any]) -> list[dict[str, Any]]:
    """Every probe of a pair with both verdicts. The old one also has all that the model said, where it was cut."""
    others = (pair["target_true"],) if pair["target_true"] else ()
    found = []
    for probe in pair["probes"]:
        kind, answers, before, after = probe["kind"], probe["answers"], probe["before"], probe["after"]
        if kind == "locality":
            old = judging_old.same_answer(cut_answer(before["cut"]), cut_answer(after["cut"]), answers)
            new = same_answer(cut_answer(before["text"]), cut_answer(after["text"]), answers)
        else:
            against = others if kind in ("rewrite", "rephrase") else ()
            old = judging_old.accepts(cut_answer(after["cut"]), answers)
            new = accepts(cut_answer(after["text"]), answers, against)
        on = kind != "locality" and written_on(cut_answer(after["text"]), answers)
        found.append(probe | {"old": old, "new": new, "on": on, "layer": pair["layer"], "case_id": pair["case_id"]})
    return found


def table(path: Path) -> None:
    """Shares by kind of probe and layer, old and new; then how often answers were written on; then every one moved."""
    pairs = stored(path)
    probes = [probe for pair in pairs for probe in judged(pair)]
    layers = sorted({probe["layer"] for probe in probes})
    print(f"{len({p['case_id'] for p in pairs})} requests, {len(pairs)} edits, {len(probes)} probes\n")
    print("| layer | edits | " + " | ".join(f"{kind}, old → new" for kind in PROBE_KINDS) + " |")
    print("|---" * (2 + len(PROBE_KINDS)) + "|")
    for layer in (*layers, None):
        here = [probe for probe in probes if layer in (None, probe["layer"])]
        cells = [moved([probe for probe in here if probe["kind"] == kind]) for kind in PROBE_KINDS]
        count = len({(probe["case_id"], probe["layer"]) for probe in here})
        print(f"| {'all' if layer is None else layer} | {count} | " + " | ".join(cells) + " |")
    print("\n| kind | probes | written on | of those with P(new) above one half | no → yes | yes → no |")
    print("|---|---|---|---|---|---|")
    for kind in PROBE_KINDS:
        mine = [probe for probe in probes if probe["kind"] == kind]
        on = [probe for probe in mine if probe["on"]]
        likely = sum((probe["after"]["p_new"] or 0) > 0.5 for probe in on)
        gained, lost = (sum(p["old"] is old and p["new"] is not old for p in mine) for old in (False, True))
        print(f"| {kind} | {len(mine)} | {len(on)} | {likely} | {gained} | {lost} |")


def moved(probes: list[dict[str, Any]]) -> str:
    """ ".83 → .85 (48)": shares by either rules and the number of probes."""
    if not probes:
        return "-"
    old, new = (sum(probe[name] for probe in probes) / len(probes) for name in ("old", "new"))
    return f"{old:.3f} → {new:.3f} ({len(probes)})"


def pairs(path: Path) -> None:
    """What the rules of either side say of labelled pairs, by group of kinds."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    print("| kinds | pairs | same | old wrong: said different | old wrong: said the same | new wrong |")
    print("|---|---|---|---|---|---|")
    for group in (*dict.fromkeys(row["group"] for row in rows), None):
        mine = [row for row in rows if group in (None, row["group"])]
        same = [row["same"] == "yes" for row in mine]
        old = [row["old"] == "yes" for row in mine]
        texts = [[row[name].replace("\\n", "\n") for name in ("before", "after")] for row in mine]
        new = [
            same_answer(a, b, tuple(filter(None, row["aliases"].split(";"))))
            for (a, b), row in zip(texts, mine, strict=True)
        ]
        lost, gained = (sum(s is x and o is not x for s, o in zip(same, old, strict=True)) for x in (True, False))
        wrong = sum(s is not n for s, n in zip(same, new, strict=True))
        print(f"| {group or 'all'} | {len(mine)} | {sum(same)} | {lost} | {gained} | {wrong} |")


def changes(path: Path) -> None:
    """Every probe on which the two rules differ, and every one that was written on."""
    for pair in stored(path):
        for probe in judged(pair):
            if probe["old"] is not probe["new"] or probe["on"]:
                told = f"{probe['old']} -> {probe['new']}{', written on' if probe['on'] else ''}"
                texts = f"{probe['before']['text']!r} | {probe['after']['text']!r} | {probe['answers']}"
                print(f"{pair['case_id']} layer {pair['layer']} {probe['kind']}: {told}: {texts}")


def stored(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "table", "changes", "pairs"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--limit", type=int, default=32, help="requests that the model knows")
    parser.add_argument("--layers", default=",".join(map(str, range(30))))
    options = parser.parse_args()
    if options.what == "make":
        make(options.file, options.limit, [int(layer) for layer in options.layers.split(",")])
    else:
        {"table": table, "changes": changes, "pairs": pairs}[options.what](options.file)


if __name__ == "__main__":
    main()
