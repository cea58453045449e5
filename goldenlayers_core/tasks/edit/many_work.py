"""Many requests written at one layer: each alone, all as one edit, or one on top of the other."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from goldenlayers_core.editing import Edit, MethodInfo, Supplies, overlay, to_arrays
from goldenlayers_core.editing.many import edits_at
from goldenlayers_core.editing.overlay import prefix_of
from goldenlayers_core.errors import EditError, StoreError
from goldenlayers_core.evaluation.evaluate import probe_questions, report_of
from goldenlayers_core.evaluation.read import Question, Reading, read
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.records import EditRequest, config_digest, digest_of
from goldenlayers_core.results import EditReport
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks.edit.one_edit import open_edit
from goldenlayers_core.tasks.edit.stored_many import ROWS_VERSION, slim
from goldenlayers_core.tasks.serial import report_from
from goldenlayers_core.tasks.stored_rows import token_key

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

TABLE: Final = "many_edits"
STEPS: Final = "many_steps"  # of edits one on top of the other: which edit came of a request above which others
CHUNK: Final = 8  # requests that are edited together
_STEP: Final = 5  # times as long an edit and asking its probes then take as asking them once
_WRITTEN: Final = 0.6  # share of a chunk's time after which its edits are there and its probes remain
_ASKED: Final = 64  # probes that are asked between two looks at whether to stop


@dataclass
class Done:
    """What came of the requests: a report each, in their order (None: it could not be written), and the edits."""

    reports: list[EditReport | None]
    own: list[EditReport] = field(default_factory=list)  # of those written, right after their own edit
    edits: tuple[Edit, ...] = ()  # that lie over the model together
    skipped: tuple[tuple[str, str], ...] = ()
    n_computed: int = 0


@dataclass
class Work:
    """One model, one method with its settings at one layer, and what is laid over the model before."""

    bench: "Workbench"
    handle: ModelHandle
    method: MethodInfo
    config: Any
    supplies: Supplies
    layer: int
    evidence: str
    progress: Progress

    @property
    def key(self) -> str:
        """Under what the store keeps the reports of edits alone: everything but the request that can change them."""
        below = digest_of([edit.edit_id for edit in self.supplies.earlier])[:8] if self.supplies.earlier else "plain"
        name = f"{self.handle.result_key}-{self.method.name}-{config_digest(self.config)}"
        return token_key(f"{name}-{self.layer}-{below}-{ROWS_VERSION}")

    @contextmanager
    def over(self, edits: Sequence[Edit]) -> Iterator[None]:
        """Forward passes inside see these edits."""
        with ExitStack() as stack:
            if edits:
                stack.enter_context(self.handle.lock)
                stack.enter_context(overlay(self.handle, edits))
            yield

    def ask(self, requests: Sequence[EditRequest], edits: Sequence[Edit | None] | None = None) -> list[list[Reading]]:
        """Every probe of the requests, per request; with one edit for each of them where they are given."""
        before = prefix_of(self.supplies.earlier)
        questions: list[Question] = []
        spans, own = [], []
        for i, request in enumerate(requests):
            found = [dataclasses.replace(q, prompt=before + q.prompt) for q in probe_questions(request)]
            spans.append(range(len(questions), len(questions) + len(found)))
            questions += found
            own += [edits[i] if edits else None] * len(found)
        readings: list[Reading] = []
        for start in range(0, len(questions), _ASKED):
            self.progress.check()
            part = slice(start, start + _ASKED)
            readings += read(self.handle, questions[part], own[part] if edits else None, between=self.progress.check)
        return [[readings[q] for q in span] for span in spans]

    def chunks(self, requests: Sequence[EditRequest]) -> Iterator[list[EditRequest]]:
        """A few requests at a time, so that a cancel is felt."""
        for start in range(0, len(requests), CHUNK):
            self.progress.check()
            yield list(requests[start : start + CHUNK])

    # Each alone -----------------------------------------------------------------------------------------------------

    def alone(self, requests: Sequence[EditRequest]) -> Done:
        """Each request's own edit; reports come from the store where they are there."""
        kept = self._kept()
        missing = [r for r in requests if r.digest not in kept]
        done, skipped, failed = len(requests) - len(missing), list[tuple[str, str]](), dict[str, str]()
        self.progress.update(done, len(requests), "Editing")
        with self.over(self.supplies.earlier):
            for chunk in self.chunks(missing):
                midway = done + _WRITTEN * len(chunk)
                for request, made in zip(chunk, self._reports(chunk, midway, len(requests)), strict=True):
                    if isinstance(made, str):
                        skipped.append((request.case_id, made))
                        failed[request.digest] = made
                    else:
                        kept[request.digest] = made
                # one that failed is tried again where the edits are asked for again: it holds no report
                made_of = {r.digest: slim(kept[r.digest]) for r in chunk if r.digest in kept}
                rows = [
                    {"request": r.digest, "report": json.dumps(made_of.get(r.digest, {"failed": failed.get(r.digest)}))}
                    for r in chunk
                ]
                self.bench.store.append_rows(TABLE, self.key, pd.DataFrame(rows))
                done += len(chunk)
                self.progress.update(done, len(requests), f"Editing layer {self.layer}")
        # equal facts share their reports, whatever their files call them
        named = {r.digest: r.case_id for r in requests}
        reports = [
            dataclasses.replace(kept[r.digest], case_id=named[r.digest]) if r.digest in kept else None for r in requests
        ]
        return Done(reports, skipped=tuple(skipped), n_computed=len(missing))

    def _kept(self) -> dict[str, EditReport]:
        rows = self.bench.store.read_rows(TABLE, self.key)
        if not len(rows):
            return {}
        kept = {}
        for digest, text in zip(rows["request"].astype(str), rows["report"].astype(str), strict=True):
            with contextlib.suppress(StoreError, ValueError):  # one that cannot be read is made again
                kept[digest] = report_from(json.loads(text))
        return kept

    def _reports(self, chunk: Sequence[EditRequest], midway: float, total: int) -> list[EditReport | str]:
        """A chunk's reports, or why there is none; in between `midway` of `total` is told."""
        start = time.perf_counter()
        ((_, made),) = edits_at(
            self.handle, self.method, chunk, [self.layer], self.config, self.supplies, self.progress.check
        )
        written = time.perf_counter()
        self.progress.update(midway, total, "Asking every probe")
        good = [(r, edit) for r, edit in zip(chunk, made, strict=True) if isinstance(edit, Edit)]
        twice = [r for r, _ in good]
        none: list[Edit | None] = [None] * len(good)
        both = self.ask([*twice, *twice], [*none, *(edit for _, edit in good)]) if good else []
        asked = time.perf_counter()
        shares = tuple(
            (stage, seconds / max(len(good), 1))
            for stage, seconds in (
                ("edit, together with others", written - start),
                ("before and after", asked - written),
            )
        )
        reports = iter(
            report_of(self.handle, edit, request, both[i], both[len(good) + i], self.evidence, shares)
            for i, (request, edit) in enumerate(good)
        )
        return [next(reports) if isinstance(edit, Edit) else edit for edit in made]

    # Together and one after another -----------------------------------------------------------------------------------

    def together(self, requests: Sequence[EditRequest]) -> Done:
        """All requests as one edit."""
        assert self.method.run_batch is not None
        before = self._before(requests, 2 * len(requests))
        start = time.perf_counter()
        with self.over(self.supplies.earlier):
            edit = self.method.run_batch(
                self.handle, list(requests), self.layer, self.config, self.supplies, self._step
            )
        edit = self._store(edit, self.supplies.earlier)
        stages = (("edit, all at once", (time.perf_counter() - start) / len(requests)),)
        after = self._under((*self.supplies.earlier, edit), requests)
        reports = [
            report_of(self.handle, edit, request, b, a, self.evidence, stages)
            for request, b, a in zip(requests, before, after, strict=True)
        ]
        return Done(list(reports), edits=(edit,), n_computed=len(requests))

    def sequential(self, requests: Sequence[EditRequest]) -> Done:
        """Each request on top of those before it, asked right then and once more under the whole stack.

        Both are compared with the unedited model. The store keeps which edit came of which step, so that work that was
        stopped goes on where it was.
        """
        total, kept = (2 + _STEP) * len(requests), self._steps()
        before, made, skipped = self._before(requests, total), dict[str, Edit](), []
        own, resumed = dict[str, EditReport](), 0
        for i, request in enumerate(requests):
            self.progress.update(
                len(requests) + _STEP * i, total, f"Edit {i + 1} of {len(requests)}, on top of {len(made)}"
            )
            start, stack = time.perf_counter(), (*self.supplies.earlier, *made.values())
            step = digest_of([request.digest, [edit.edit_id for edit in stack]])
            if step in kept:
                edit, resumed = open_edit(self.bench, kept[step]), resumed + 1
            else:
                try:
                    edit = self._on_top(request, stack, step)
                except EditError as error:
                    skipped.append((request.case_id, str(error)))
                    continue
            stages = (("edit, on top of others", time.perf_counter() - start),)
            made[request.digest], (then,) = edit, self._under((*stack, edit), [request])
            own[request.digest] = report_of(self.handle, edit, request, before[i], then, self.evidence, stages)
        self.progress.update((1 + _STEP) * len(requests), total, "Asking every probe under the whole stack")
        after = self._under((*self.supplies.earlier, *made.values()), requests)
        reports = [
            report_of(self.handle, made[r.digest], r, b, a, self.evidence, own[r.digest].stages)
            if r.digest in made
            else None
            for r, b, a in zip(requests, before, after, strict=True)
        ]
        return Done(reports, list(own.values()), tuple(made.values()), tuple(skipped), len(requests) - resumed)

    def _step(self, _done: int, _total: int, _note: str) -> None:
        self.progress.check()

    def _on_top(self, request: EditRequest, stack: tuple[Edit, ...], step: str) -> Edit:
        with self.over(stack):
            supplies = dataclasses.replace(self.supplies, earlier=stack)
            edit = self.method.run(self.handle, request, self.layer, self.config, supplies, self._step)
        made = self._store(edit, stack)
        self.bench.store.append_rows(STEPS, self.key, pd.DataFrame([{"step": step, "edit": made.edit_id}]))
        return made

    def _steps(self) -> dict[str, str]:
        """The ids of finished steps' edits that are still in the store."""
        rows = self.bench.store.read_rows(STEPS, self.key)
        if not len(rows):
            return {}
        names = dict(zip(rows["step"].astype(str), rows["edit"].astype(str), strict=True))
        there = set(self.bench.store.names("edits"))
        return {step: name for step, name in names.items() if name in there}

    def _store(self, edit: Edit, below: Sequence[Edit]) -> Edit:
        made = dataclasses.replace(edit, below=tuple(other.edit_id for other in below))
        self.bench.store.save_arrays("edits", made.edit_id, *to_arrays(made))
        return made

    def _before(self, requests: Sequence[EditRequest], total: int) -> list[list[Reading]]:
        """Of the unedited model, whatever these edits are laid on."""

        def tell(done: int) -> None:
            self.progress.update(done, total, "Asking every probe of the unedited model")

        return self._under((), requests, tell)

    def _under(
        self, edits: tuple[Edit, ...], requests: Sequence[EditRequest], tell: Callable[[int], None] | None = None
    ) -> list[list[Reading]]:
        """What every probe is answered with when just these edits lie over the model."""
        whole = dataclasses.replace(self, supplies=dataclasses.replace(self.supplies, earlier=edits))
        found: list[list[Reading]] = []
        with whole.over(edits):
            for chunk in self.chunks(requests):
                if tell:
                    tell(len(found))
                found += whole.ask(chunk)
        return found
