"""Real edits at every layer, kept per (request, layer): what is in the store is never computed again."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from goldenlayers_core.editing import Supplies, get_method
from goldenlayers_core.editing.method import MethodInfo
from goldenlayers_core.errors import ConfigError, RequestError
from goldenlayers_core.evaluation.sweep import UNEDITED, SweptPair, checked
from goldenlayers_core.evaluation.sweep import sweep as swept
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, config_digest
from goldenlayers_core.results import METRICS, PROBE_METRICS, Floats, SweepResult
from goldenlayers_core.runtime import Progress, RowWriter, Store
from goldenlayers_core.tasks.covariance import moments_key, moments_words
from goldenlayers_core.tasks.edit.one_edit import method_settings
from goldenlayers_core.tasks.edit.supplies import supplies_of
from goldenlayers_core.tasks.manifest import provenance_of
from goldenlayers_core.tasks.questions import SweepQuestion
from goldenlayers_core.tasks.stored_rows import read_rows, token_key
from goldenlayers_core.tasks.truth.stored_sweep import SWEEP_VERSION, save_sweep
from goldenlayers_core.texts import JUDGEMENT

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

TABLE: Final = "sweep"


def sweep(bench: "Workbench", question: SweepQuestion, progress: Progress) -> str:
    """Answer the question and store the run; returns its id. Raises a GoldenLayersError of one sentence."""
    return save_sweep(bench.store, question, sweep_result(bench, question, progress))


def sweep_result(bench: "Workbench", question: SweepQuestion, progress: Progress) -> SweepResult:
    """Every editable request of the choice at every layer asked for."""
    bed = open_bed(bench, question, progress)
    layers = question.layers or tuple(range(bed.handle.n_layers))
    for layer in layers:
        bed.handle.check_layer(layer)
    start = time.perf_counter()
    computed = bed.measure(bed.requests, layers, progress)
    return bed.result(layers, time.perf_counter() - start, computed)


def open_bed(bench: "Workbench", question: SweepQuestion, progress: Progress) -> "Bed":
    """The model, the method and the requests of a question. Raises RequestError when none can be edited."""
    method = get_method(question.method)
    config = method_settings(method.config_class, question.settings)
    dataset = bench.requests(question.choice, question.model, progress)
    handle = bench.model(question.model, progress)
    if len(question.layers) != 1 and not method.layers_of(0, config, handle.n_layers):
        raise ConfigError(
            f"{method.title} changes no layer, so that every layer would measure the same; give a single layer, "
            "whichever, to measure it once."
        )
    layers = question.layers or tuple(range(handle.n_layers))
    supplies = supplies_of(bench, handle, method, config, layers, progress)
    good, skipped = checked(handle, dataset.requests, supplies.templates)
    if not good:
        reason = skipped[0][1] if skipped else "The dataset is empty."
        raise RequestError(f"None of the {len(dataset.requests)} requests can be edited. {reason}")
    requests = tuple(dataset.requests[i] for i in good)
    return Bed(
        bench.store, handle, method, config, supplies, requests, tuple(skipped), question.choice.words, question.writing
    )


@dataclass
class Bed:
    """Where edits are tried: one model, one method with its settings, some requests, and the store."""

    store: Store
    handle: ModelHandle
    method: MethodInfo
    config: Any
    supplies: Supplies
    requests: tuple[EditRequest, ...]
    skipped: tuple[tuple[str, str], ...]
    words: str  # the choice of requests
    writing: bool = False  # measure fluency and perplexity drift too

    @property
    def key(self) -> str:
        """Under what the store keeps the pairs: everything but the request and the layer that can change a number."""
        parts = (self.handle.result_key, self.method.name, config_digest(self.config), SWEEP_VERSION)
        covariance = (moments_key(self.supplies.moments),) if self.supplies.moments else ()
        return "-".join((*parts, *covariance, *(("writing",) if self.writing else ())))

    def rows(self) -> pd.DataFrame:
        """Every stored pair, indexed by (request digest, layer)."""
        found = read_rows(self.store, TABLE, self.key, self.handle, self.requests)
        if not len(found):
            found = pd.DataFrame({"request": [], "layer": []})
        return found.set_index(["request", "layer"]).sort_index()

    def measure(self, requests: Sequence[EditRequest], layers: Sequence[int], progress: Progress) -> int:
        """See to it that every pair is in the store; returns how many were computed. Stored as it goes, also when
        cancelled."""
        have = set(self.rows().index)
        total = len(requests) * len(layers)
        missing: dict[tuple[int, ...], list[EditRequest]] = {}  # layers -> the requests that lack just these
        for request in {r.digest: r for r in requests}.values():
            lacking = tuple(layer for layer in layers if (request.digest, layer) not in have)
            if lacking or (request.digest, UNEDITED) not in have:
                missing.setdefault(lacking, []).append(request)
        to_do = sum(len(lacking) * len(group) for lacking, group in missing.items())
        progress.update(total - to_do, total, "Editing")
        done, batch = total - to_do, list[pd.DataFrame]()
        with RowWriter(self.store, TABLE, token_key(self.key)) as writer:
            for lacking, group in missing.items():
                for pair in swept(
                    self.handle,
                    group,
                    lacking,
                    self.method,
                    self.config,
                    self.supplies,
                    progress.check,
                    writing=self.writing,
                ):
                    batch.append(_row(pair, group[pair.index]))
                    if len(batch) < pair.together:
                        continue
                    writer.add(pd.concat(batch, ignore_index=True))  # whole: what resumes makes the same batches
                    if pair.layer != UNEDITED:
                        done += len(batch)
                        progress.update(done, total, f"Editing, layer {pair.layer}")
                    batch = []
        return to_do

    def scores(self, requests: Sequence[EditRequest], layers: Sequence[int]) -> Floats:
        """(requests, layers) stored scores; NaN for a pair that is not in the store."""
        pairs = pd.MultiIndex.from_product([[r.digest for r in requests], layers])
        rows = self.rows()
        kinds = _floats(rows[~rows.index.duplicated()].reindex(pairs), PROBE_METRICS)  # (pairs, 4)
        asked = ~np.isnan(kinds)
        total, count = np.where(asked, kinds, 0.0).sum(axis=1), asked.sum(axis=1)
        mean = np.divide(total, count, out=np.full(len(pairs), np.nan), where=count > 0)
        return np.asarray(mean.reshape(len(requests), len(layers)), dtype=np.float64)

    def result(self, layers: Sequence[int], seconds: float, computed: int) -> SweepResult:
        """The stored pairs of every request at `layers`, all of which must have been measured."""
        rows, names = self.rows(), [m.name for m in METRICS]
        digests = [r.digest for r in self.requests]
        layers = tuple(layers)
        after = rows.loc[pd.MultiIndex.from_product([digests, layers])]
        before = rows.loc[pd.MultiIndex.from_product([digests, [UNEDITED]])]
        shape = (len(digests), len(layers), len(names))
        covariance = moments_words(self.supplies.moments)

        def each(name: str) -> tuple[str, ...]:
            return tuple(str(getattr(r, name)) for r in self.requests)

        return SweepResult(
            method=self.method.name,
            model=self.handle.name,
            fingerprint=self.handle.fingerprint,
            dataset=self.words,
            config=json.dumps(vars(self.config), sort_keys=True),
            case_ids=each("case_id"),
            request_digests=tuple(digests),
            prompts=each("prompt"),
            subjects=each("subject"),
            targets_new=each("target_new"),
            targets_true=each("target_true"),
            relations=each("relation"),
            layers=layers,
            n_layers=self.handle.n_layers,
            values=_floats(after, names).reshape(shape),
            before=_floats(before, names),
            answers=_strings(after, "answer", shape[:2]),
            answers_before=tuple(before["answer"].astype(str)),
            texts=_strings(after, "texts", shape[:2]),
            texts_before=tuple(before["texts"].astype(str)),
            skipped=self.skipped,
            seconds=seconds,
            n_computed=computed,
            seconds_per_edit=float(after["seconds"].mean()),
            provenance={
                **provenance_of(self.handle),
                "model_type": self.handle.architecture.model_type,
                "code": SWEEP_VERSION,
                "judgement": JUDGEMENT,
                **({"covariance": covariance} if covariance else {}),
            },
        )


def _strings(rows: pd.DataFrame, name: str, shape: tuple[int, int]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, rows[name].astype(str).to_numpy().reshape(shape).tolist()))


def _floats(rows: pd.DataFrame, names: Sequence[str]) -> Floats:
    return np.asarray(rows.reindex(columns=list(names)).to_numpy(np.float64), dtype=np.float64)


def _row(pair: SweptPair, request: EditRequest) -> pd.DataFrame:
    numbers = {m.name: [pair.metrics.get(m.name, float("nan"))] for m in METRICS}
    texts = json.dumps(pair.texts, ensure_ascii=False)
    about = {"answer": [pair.answer], "texts": [texts], "seconds": [pair.seconds]}
    return pd.DataFrame({"request": [request.digest], "layer": [pair.layer], **numbers, **about})
