"""Judging stored edits again, from the texts that they hold, by today's rules."""

import dataclasses
import json
import math
from collections.abc import Sequence

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import EditRequest
from goldenlayers_core.results import EditReport, ProbeOutcome
from goldenlayers_core.runtime import Store
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.stored_many import open_many, slim
from goldenlayers_core.tasks.judging import WITH_TEXTS
from goldenlayers_core.tasks.serial import plain
from goldenlayers_core.texts import JUDGEMENT


def report_judged_again(report: EditReport) -> EditReport:
    """The same report with every probe judged by today's rules, from the texts that it holds.

    Raises StoreError for a long answer of a report that does not say how its tokens agreed.
    """
    from goldenlayers_core.evaluation.verdict import verdict  # brings torch, which opening a run does not need

    old = tuple(alias for alias in (report.target_true,) if alias)
    outcomes = tuple(_judged_again(o, old) for o in report.outcomes)
    request = EditRequest(
        report.case_id, report.prompt, report.subject, report.target_new, report.target_true, source="stored"
    )
    return dataclasses.replace(
        report,
        outcomes=outcomes,
        took=outcomes[0].success,
        verdict=verdict(request, outcomes),
        provenance={**report.provenance, "judgement": JUDGEMENT},
    )


def _judged_again(outcome: ProbeOutcome, old: tuple[str, ...]) -> ProbeOutcome:
    from goldenlayers_core.evaluation.answers import is_long
    from goldenlayers_core.evaluation.evaluate import succeeds

    told = outcome.after.target_new_agreement
    if outcome.kind != "locality" and any(map(is_long, outcome.answers[:1])) and math.isnan(told):
        raise StoreError(
            f"The answer to {outcome.prompt[:60]!r} is too long to be judged by the text that was kept; make the edit "
            "again."
        )
    against = outcome.against or (old if outcome.kind in ("rewrite", "rephrase") else ())
    success = succeeds(outcome.kind, outcome.answers, against, outcome.before, outcome.after)
    return dataclasses.replace(outcome, success=success, against=against)


def judge_again(store: Store, run_id: str) -> int:
    """Judge a stored edit, or many edits, by today's rules, in place; returns how many verdicts on probes changed.

    Raises StoreError for a run of another kind, which has to be measured again, and for one that cannot be read.
    """
    manifest = store.manifest(run_id)
    if manifest.kind not in WITH_TEXTS:
        raise StoreError(
            f"The run {run_id} does not hold the whole text of every probe; measure it again to have it judged by "
            "today's rules."
        )
    run = store.load_run(run_id)
    many = manifest.kind == "many-edits"
    before = open_many(store, run_id).reports if many else (open_report(store, run_id),)
    after = tuple(map(report_judged_again, before))
    if many:
        whole = dataclasses.replace(open_many(store, run_id), reports=after)
        rates = [(rate.kind, f"{rate.good} of {rate.n_probes}") for rate in whole.rates]
        frames = {"requests": whole.to_frame(), "probes": whole.probes_frame()}
        texts = {**run.texts, "reports": json.dumps([slim(report) for report in after])}
    else:
        rates = [(kind, f"{good} of {count}") for kind, (good, count) in after[0].rates().items()]
        rates.append(("took", "yes" if after[0].took else "no"))
        frames = {"probes": after[0].to_frame()}
        texts = {**run.texts, "report": json.dumps(plain(after[0]))}
    told = dict(rates)
    judged = dataclasses.replace(
        manifest,
        provenance=tuple({**dict(manifest.provenance), "judgement": JUDGEMENT}.items()),
        summary=tuple((name, told.get(name, value)) for name, value in manifest.summary),
    )
    store.save_run(judged, frames, texts)
    return _changed(before, after)


def _changed(before: Sequence[EditReport], after: Sequence[EditReport]) -> int:
    pairs = zip(before, after, strict=True)
    return sum(a.success != b.success for x, y in pairs for a, b in zip(x.outcomes, y.outcomes, strict=True))
