"""Lesson 7, when edits go wrong: which edit to look at, and the stored pile of edits. No torch."""

import json
from functools import partial
from typing import Final

import numpy as np

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.text import counted, multiple, percent
from goldenlayers_core.records import EditRequest, ModelSource, digest_of
from goldenlayers_core.results import EditReport, SweepResult
from goldenlayers_core.results.edit.panel import CAUTION
from goldenlayers_core.results.learn.pile import Pile, PileCurve
from goldenlayers_core.results.learn.question import Question
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.edit.stored import PANEL_VERSION
from goldenlayers_core.tasks.questions import DatasetChoice, EditQuestion, PileQuestion
from goldenlayers_core.tasks.serial import plain, restored

TABLE: Final = "piles"
SIZES: Final = (0, 1, 3, 6, 10)
FACTS: Final = 12
KINDS: Final = (  # of probe beside the rewrite, and what is asked of each
    ("rephrase", "rephrases: the same question in other words"),
    ("locality", "neighbours: other facts that should stay"),
    ("portability", "consequences: what follows from the new fact"),
)


def telling_edit(sweep: SweepResult) -> tuple[int, int]:
    """(row, layer) of the edit that teaches most: the rewrite took, and the other kinds of probe differ most in what
    share came out as wished; among equals the one with most damage. Requests with more kinds of probe come first;
    where no rewrite took, what was written at the worst."""
    took = sweep.of("rewrite") >= 1  # (Q, L)
    others = np.stack([sweep.of(name) for name in ("rephrase", "locality", "portability")])  # (3, Q, L)
    known = ~np.isnan(others)
    least, most = (np.where(known, others, fill) for fill in (np.inf, -np.inf))
    kinds = known.sum(axis=0)
    spread = np.where(kinds > 0, most.max(axis=0) - least.min(axis=0), 0.0)
    damage = np.where(known, 1 - others, 0.0).sum(axis=0) / np.maximum(kinds, 1)
    value = 100.0 * took + 10.0 * kinds + spread + 0.1 * damage
    row, place = np.unravel_index(int(value.round(9).argmax()), value.shape)
    return int(row), sweep.layers[int(place)]


def edit_question(model: ModelSource, request: EditRequest, layer: int) -> EditQuestion:
    """One ROME edit with its usual settings."""
    return EditQuestion(model, plain(request), layer=layer)


def find_edit(store: Store, fingerprint: str, request: EditRequest, layer: int) -> str | None:
    """The newest stored run of that edit, alone on the unedited model; None where there is none."""
    wanted = edit_question(ModelSource(), request, layer).to_params()
    keys = ("request", "method", "layer", "settings", "earlier")
    for run in store.runs():
        if run.kind == "edit" and run.fingerprint == fingerprint:
            try:
                asked = store.read_manifest(run.run_id, lambda it: EditQuestion.from_params(it.settings).to_params())
            except StoreError:  # damaged: it is set aside
                continue
            if all(json.dumps(asked[key]) == json.dumps(wanted[key]) for key in keys):
                return run.run_id
    return None


def pile_layers(n_layers: int, golden: int | None) -> tuple[int, ...]:
    """Layers to pile edits up at: the recommended one (else an early one), the middle and a deep one."""
    first = golden if golden is not None else n_layers // 6
    return tuple(sorted({first, n_layers // 2, n_layers * 5 // 6}))


def pile_question(model: ModelSource, part: DatasetChoice, layers: tuple[int, ...]) -> PileQuestion:
    """The pile that the lesson measures: facts that the model knows, of a part of a dataset."""
    choice = DatasetChoice(part.dataset, part.split, FACTS + SIZES[-1], known_only=True, title=part.title)
    return PileQuestion(model, choice, layers=layers, sizes=SIZES, facts=FACTS)


def pile_name(fingerprint: str, dtype: str, question: PileQuestion) -> str:
    """Under what the store keeps the pile of a question on a model."""
    asked = {key: value for key, value in question.to_params().items() if key != "model"}
    return digest_of([fingerprint, dtype, asked, PANEL_VERSION])


def open_pile(store: Store, name: str) -> Pile | None:
    """A stored pile; None where there is none, or it is damaged."""
    try:
        return store.read_json(TABLE, name, partial(restored, Pile))
    except StoreError:
        return None


def find_pile(store: Store, fingerprint: str, dtype: str, question: PileQuestion) -> tuple[str, Pile] | None:
    """(name, pile) of the question where it is stored, else of any pile of these weights; None where there is none."""
    exact = pile_name(fingerprint, dtype, question)
    for name in (exact, *store.names(TABLE)):
        found = open_pile(store, name)
        if found is not None and found.fingerprint == fingerprint:
            return name, found
    return None


def kind_question(report: EditReport) -> Question | None:
    """Which kind of probe came off worst; None where the request has fewer than two kinds beside the rewrite."""
    found = report.rates()
    asked = [(kind, words) for kind, words in KINDS if kind in found]
    if len(asked) < 2:
        return None
    rates = [found[kind][0] / found[kind][1] for kind, _ in asked]
    right = tuple(i for i, rate in enumerate(rates) if rate == min(rates) and rate < 1) or (len(asked),)
    told = ", ".join(f"{words.split(':')[0]} {found[kind][0]} of {found[kind][1]}" for kind, words in asked)
    took = "took" if report.took else "did not take"
    return Question(
        "kind",
        f"This edit writes “{report.target_new}” at layer {report.layer}. Beside its own prompt, which kind of probe "
        "comes off worst?",
        (*(words for _, words in asked), "none: all of them come out as wished"),
        right,
        f"The rewrite {took}. As wished: {told}.",
        f"{report.edit_id}",
    )


def pile_questions(found: Pile, name: str) -> tuple[Question, ...]:
    """Which layer breaks first, with how many edits, and which sign tells it first."""
    return _first(found, name), _when(found, name), _sign(found, name)


def _breaks(curve: PileCurve) -> str:
    at = curve.breaks_at
    return f"{'not at all' if at is None else f'with {at}'} at layer {curve.layer}"


def signs(found: Pile) -> str:
    """One sentence per layer: which sign passed its caution first, the words or the perplexity."""
    told = []
    for curve in found.curves:
        words, text = curve.warns_at("words"), curve.warns_at("perplexity")
        if words is None and text is None:
            told.append(f"at layer {curve.layer} neither passed its caution")
        elif words == text:
            told.append(f"at layer {curve.layer} both passed it with {counted(words or 0, 'edit')}")
        else:
            names = [("the words", words), ("the perplexity", text)]
            parts = (f"{name} {'never' if at is None else f'with {at}'}" for name, at in names)
            told.append(f"at layer {curve.layer} {' and '.join(parts)}")
    return "; ".join(told)


def bears(found: Pile) -> str:
    """One sentence: how many edits the model bears at each of the layers."""
    counts = {curve.breaks_at for curve in found.curves}
    told = "; ".join(f"at layer {curve.layer} {_borne(curve)}" for curve in found.curves)
    start = "How many edits a model bears depends on the layer" if len(counts) > 1 else "These layers bear equally many"
    return f"{start}: {told}."


def _borne(curve: PileCurve) -> str:
    if curve.breaks_at is not None:
        return f"it collapses with {curve.breaks_at}"
    last = curve.passes[-1]
    return f"it does not collapse with up to {last.size} ({percent(last.changed)} of the words changed)"


def later(found: Pile) -> str:
    """One sentence: at how many of the layers perplexity warned later than the words, and at how many earlier."""
    never = found.sizes[-1] + 1
    pairs = [(c.warns_at("words") or never, c.warns_at("perplexity") or never) for c in found.curves]
    late, early = sum(text > words for words, text in pairs), sum(text < words for words, text in pairs)
    if not late and not early:
        return "Perplexity warned with as many edits as the words did, or neither of them warned."
    return (
        f"Perplexity warned later than the words, or not at all, at {late} of {counted(len(pairs), 'layer')}, earlier "
        f"at {early}."
    )


def _first(found: Pile, name: str) -> Question:
    layers = [curve.layer for curve in found.curves]
    first, last = found.first_to_break, found.sizes[-1]
    return Question(
        "first",
        f"Up to {counted(last, 'edit')} are laid on at one and the same layer. At which of these layers does the model "
        "break first?",
        (*(f"layer {layer}" for layer in layers), "at none of them"),
        tuple(layers.index(layer) for layer in first) or (len(layers),),
        f"Words of general prompts that have changed with {found.curves[0].passes[-1].size} edits: "
        + ", ".join(f"{percent(c.passes[-1].changed)} at layer {c.layer}" for c in found.curves)
        + ".",
        name,
    )


def _when(found: Pile, name: str) -> Question:
    sizes, first = found.sizes[1:], found.first_to_break
    curve = next((c for c in reversed(found.curves) if c.layer in first), found.curves[-1])
    at = curve.breaks_at
    place = found.sizes.index(sizes[-1] if at is None else at)
    return Question(
        "when",
        "And after how many edits is that? Collapse means: a third of the general prompts go on with another word, or "
        "the perplexity of a fixed text is 1.5 times what it was.",
        (*(f"at {counted(size, 'edit')}" for size in sizes), f"not with {sizes[-1]}"),
        (len(sizes) if at is None else sizes.index(at),),
        f"Layer {curve.layer} with {counted(found.sizes[place], 'edit')}: {percent(curve.passes[place].changed)} of "
        f"{found.n_prompts} general prompts go on with another word, the perplexity is "
        f"{multiple(curve.ratio(place))} that of the unedited model, and {percent(curve.kept[place])} of "
        f"{counted(len(found.facts), 'other fact')} are still answered. The model collapses "
        f"{', '.join(map(_breaks, found.curves))}.",
        name,
    )


def _sign(found: Pile, name: str) -> Question:
    curve = found.curves[len(found.curves) // 2]
    words, text = curve.warns_at("words"), curve.warns_at("perplexity")
    never = found.sizes[-1] + 1
    at = (words or never, text or never)
    right = 3 if words is None and text is None else 0 if at[0] < at[1] else 1 if at[1] < at[0] else 2
    passed = ["never" if size is None else f"with {counted(size, 'edit')}" for size in (words, text)]
    return Question(
        "warning",
        f"Two signs can warn: words of general prompts that change, and the perplexity of a fixed text. At layer "
        f"{curve.layer}, which passes its caution first?",
        ("the words", "the perplexity", "both with the same number of edits", "neither does"),
        (right,),
        f"Caution is above {percent(CAUTION[0])} of the words or {CAUTION[1]:g} times the perplexity. At layer "
        f"{curve.layer} the words pass it {passed[0]}, the perplexity {passed[1]}, of {found.sizes[-1]} laid on.",
        name,
    )
