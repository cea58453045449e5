"""Lesson 4, why the layer matters: which stored sweep it is taught on, and the texts that belong to it. No torch."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from goldenlayers_core.errors import StoreError
from goldenlayers_core.figures.text import percent
from goldenlayers_core.records import EditRequest, ModelSource, digest_of
from goldenlayers_core.results import SweepResult
from goldenlayers_core.results.learn.probe_texts import ProbeTexts
from goldenlayers_core.results.learn.question import Question, range_words
from goldenlayers_core.runtime import RunManifest, Store
from goldenlayers_core.tasks.questions import DatasetChoice, ProbeTextsQuestion, SweepQuestion
from goldenlayers_core.tasks.serial import plain, restored
from goldenlayers_core.tasks.shipped_sweep import adopt, coming
from goldenlayers_core.tasks.truth.stored_sweep import SWEEP_VERSION

TABLE: Final = "probe-texts"
FEW: Final = 6  # requests of the small sweep that a lesson offers
ABOUT: Final = 10  # layers of it
MOSTLY: Final = 0.8  # share of edits that take, from which on a layer is said to take them
_LEAST: Final = 3  # layers of a sweep that can teach anything about layers
THIRDS: Final = ("shallow", "middle", "deep")
ALIKE: Final = 0.05  # means of thirds that lie within so much of each other are called alike


def lesson_sweep(store: Store, fingerprint: str, wanted: str | None = None) -> RunManifest | None:
    """The sweep a lesson reads: `wanted` where it is of these weights, else the one with most requests, the newest
    among equals; the one that comes with the model, until one has as many. Sweeps of fewer than three layers are
    passed over."""
    comes = coming(fingerprint)
    least = comes.n_requests if comes else 0
    runs = [
        m
        for m in store.runs()
        if m.kind == "sweep" and m.fingerprint == fingerprint and int(dict(m.summary).get("layers", "0")) >= _LEAST
    ]
    enough = [m for m in runs if m.n_requests >= least]
    chosen = next((m for m in enough if m.run_id == wanted), None)
    chosen = chosen or max(enough, key=lambda m: (m.n_requests, m.created), default=None)
    return chosen or adopt(store, fingerprint)


def small_sweep(model: ModelSource, part: DatasetChoice, n_layers: int) -> SweepQuestion:
    """The sweep that a lesson offers where there is none: few requests that the model knows, every k-th layer."""
    step = max(1, n_layers // ABOUT)
    choice = DatasetChoice(part.dataset, part.split, FEW, known_only=True, title=part.title)
    return SweepQuestion(model, choice, layers=tuple(range(0, n_layers, step)))


def texts_question(model: ModelSource, sweep: SweepResult, request: EditRequest) -> ProbeTextsQuestion:
    """The texts that belong to a request of a sweep: the same method, settings and layers."""
    return ProbeTextsQuestion(model, plain(request), sweep.method, json.loads(sweep.config), sweep.layers)


def texts_name(
    fingerprint: str, dtype: str, request: str, method: str, settings: Mapping[str, Any], layers: Sequence[int]
) -> str:
    """Under what the store keeps the texts; `request` is a digest, `settings` are those of the question."""
    return digest_of([fingerprint, dtype, request, method, settings, list(layers), SWEEP_VERSION])


def texts_of(store: Store, sweep: SweepResult, digest: str) -> ProbeTexts | None:
    """The stored texts of a request of a sweep; None where they were not read yet, or are damaged."""
    dtype = sweep.provenance.get("dtype", "")
    name = texts_name(sweep.fingerprint, dtype, digest, sweep.method, json.loads(sweep.config), sweep.layers)

    def made(content: Mapping[str, Any]) -> ProbeTexts:
        return restored(ProbeTexts, {**content, "hits": np.asarray(content["hits"], dtype=np.bool_)})

    try:
        return store.read_json(TABLE, name, made)
    except StoreError:
        return None


@dataclass(frozen=True, slots=True)
class Thirds:
    """The mean of a metric in the shallow, the middle and the deep third of the measured layers."""

    layers: tuple[tuple[int, ...], ...]  # of each third
    means: tuple[float, ...]  # over the requests that have the metric and the layers of the third

    @property
    def winners(self) -> tuple[int, ...]:
        """The thirds (0 shallow, 1 middle, 2 deep) whose mean lies less than ALIKE below the largest."""
        return tuple(i for i, mean in enumerate(self.means) if max(self.means) - mean < ALIKE)


def thirds(sweep: SweepResult, name: str) -> Thirds | None:
    """A metric (or "score") by thirds of the model's depth. None where a third has no measured layer, or no request
    has the metric."""
    means = sweep.mean(name)
    parts = tuple(
        tuple(layer for layer in sweep.layers if layer * 3 // sweep.n_layers == third) for third in range(len(THIRDS))
    )
    if not all(parts):
        return None
    found = tuple(float(means[[sweep.layers.index(layer) for layer in part]].mean()) for part in parts)
    return None if any(math.isnan(mean) for mean in found) else Thirds(parts, found)


def questions(sweep: SweepResult, run_id: str) -> tuple[Question, ...]:
    """Where edits take, and where they leave the neighbours alone; without those that the sweep cannot answer."""
    asked = (
        ("take", "rewrite", "In which part of the model do most edits take, so that the prompt gets its new answer?"),
        ("stay", "locality", "In which part do most neighbours, prompts about other things, keep their answer?"),
    )
    found = ((key, text, thirds(sweep, name)) for key, name, text in asked)
    return tuple(_question(key, text, part, sweep.n_requests, run_id) for key, text, part in found if part)


def _question(key: str, text: str, found: Thirds, n_requests: int, run_id: str) -> Question:
    words = [f"the {name} third, {range_words(layers)}" for name, layers in zip(THIRDS, found.layers, strict=True)]
    alike = f"all about alike (less than {100 * ALIKE:.0f} points apart)"
    right = (len(THIRDS),) if len(found.winners) == len(THIRDS) else found.winners
    rates = ", ".join(f"{percent(mean)} in {word}" for word, mean in zip(words, found.means, strict=True))
    explanation = f"Measured by real edits of {n_requests} requests at {sum(map(len, found.layers))} layers: {rates}."
    if 1 < len(found.winners) < len(THIRDS):
        explanation += f" Less than {100 * ALIKE:.0f} points apart counts as level."
    return Question(key, text, (*words, alike), right, explanation, run_id)


@dataclass(frozen=True, slots=True)
class Apart:
    """What tells layers apart, over all requests of a sweep."""

    taking: int  # layers at which at least MOSTLY of the edits take
    n_layers: int  # measured
    least: tuple[int, float] | None  # of the layers that take: layer and share of the neighbours that stay, the least
    most: tuple[int, float] | None  # and the most; None where no layer takes or no request has neighbours
    of_all: tuple[int, float, float] | None = None  # of all layers: where most neighbours stay, the share, edits taken

    @property
    def elsewhere(self) -> str:
        """One sentence where more neighbours stay at a layer that takes too few edits to count; "" where none does."""
        if self.most is None or self.of_all is None or self.of_all[1] <= self.most[1] + 1e-9:
            return ""
        layer, stay, take = self.of_all
        return f"More stay at layer {layer} ({percent(stay)}), but only {percent(take)} of the edits take there."


def apart(sweep: SweepResult) -> Apart:
    """At how many layers edits take, and what becomes of the neighbours at these."""
    took, stayed = sweep.mean("rewrite"), sweep.mean("locality")
    taking = [place for place in range(len(sweep.layers)) if took[place] >= MOSTLY]
    known = sorted((float(stayed[place]), sweep.layers[place]) for place in taking if not np.isnan(stayed[place]))
    least, most = ((known[0][1], known[0][0]), (known[-1][1], known[-1][0])) if known else (None, None)
    return Apart(len(taking), len(sweep.layers), least, most, _most_of_all(sweep))


def _most_of_all(sweep: SweepResult) -> tuple[int, float, float] | None:
    """(layer, share of neighbours that stay, share of edits that take) where most neighbours stay."""
    stayed = sweep.mean("locality")
    if np.isnan(stayed).all():
        return None
    place = int(np.nanargmax(stayed))
    return sweep.layers[place], float(stayed[place]), float(sweep.mean("rewrite")[place])
