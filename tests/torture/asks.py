"""What sessions ask for, again and again, and what one session alone was answered: the oracle."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from goldenlayers_core.records import EditRequest, ModelSource
from goldenlayers_core.results.edit.light import light
from goldenlayers_core.results.edit.sides import Decoding
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion, serial
from goldenlayers_core.tasks.edit.sides import side_by_side
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.scores.stored import open_scores
from goldenlayers_core.tasks.seat import Seat

PATIENCE = 1800.0
SLOT = "work"
QUICK = {"steps": 4, "n_templates": 0}
SHORT = Decoding(max_new_tokens=6)
FACTS = (
    ("The capital of France is", "France", "Rome"),
    ("The capital of Japan is", "Japan", "Berlin"),
    ("The language spoken in Brazil is", "Brazil", "French"),
    ("The Eiffel Tower is in the city of", "The Eiffel Tower", "Rome"),
    ("The author of Hamlet is", "Hamlet", "Dante"),
    ("The chemical symbol for gold is", "gold", "Fe"),
    ("The largest planet of the solar system is", "the solar system", "Mars"),
    ("The currency of Sweden is called the", "Sweden", "dollar"),
    ("Mount Fuji lies in", "Mount Fuji", "Spain"),
    ("The inventor of the telephone was", "the telephone", "Newton"),
    ("The colour of a ripe banana is", "a ripe banana", "blue"),
    ("The first president of the United States was", "the United States", "Lincoln"),
)
LAYERS = (3, 9, 25)


@dataclass(frozen=True, slots=True)
class Ask:
    """An edit (`fact`, `layer`) with what the edited model then says, the scores of `limit` requests, or what the
    unedited model says to `fact`."""

    kind: str  # edit | score | predict
    fact: int = 0
    layer: int = 0
    limit: int = 0

    @property
    def name(self) -> str:
        """Under what the oracle keeps the answer."""
        return f"{self.kind} {self.fact} {self.layer} {self.limit}"

    @property
    def question(self) -> EditQuestion | ScoreQuestion:
        """What is submitted."""
        if self.kind == "score":
            return ScoreQuestion(choice=DatasetChoice("bundled", "all", self.limit))
        prompt, subject, new = FACTS[self.fact]
        request = EditRequest(case_id=str(self.fact), prompt=prompt, subject=subject, target_new=new, target_true="")
        return EditQuestion(ModelSource(), serial.plain(request), "rome", self.layer, QUICK)

    @property
    def address(self) -> str:
        """The edit on the page Edit."""
        prompt, subject, new = FACTS[self.fact]
        said = {"model": "bundled", "method": "rome", "settings": "n_templates.0~steps.4", "layer": self.layer}
        return "/edit?" + urlencode({**said, "prompt": prompt, "subject": subject, "new": new})


def pool(n_facts: int) -> tuple[Ask, ...]:
    """Everything that is asked: so many facts at every layer, so many sizes of scores, so many predictions."""
    facts = range(min(n_facts, len(FACTS)))
    edits = [Ask("edit", fact, layer) for fact in facts for layer in LAYERS]
    return (*edits, *(Ask("score", limit=3 * (n + 1)) for n in facts), *(Ask("predict", fact) for fact in facts))


def answered(seat: Seat, ask: Ask, disturb: bool = False) -> Any:
    """What the seat is answered, as plain values. `disturb`: it cancels the work at once, and goes on with it."""
    bench, prompt = seat.bench, FACTS[ask.fact][0]
    if ask.kind == "predict":
        return [side.texts for side in side_by_side(bench, ModelSource(), (), (prompt,), SHORT).sides]
    job = seat.submit(SLOT, ask.question, ask.name)
    if disturb:
        seat.cancel(job, SLOT)
        bench.queue_of(job).wait(job, PATIENCE)
        if seat.view(job, SLOT).state != "done":
            job = seat.resume(job, SLOT)
    done = bench.queue_of(job).wait(job, PATIENCE)
    if done.state != "done":
        how = (
            f"was still {done.state} after {PATIENCE:.0f} s" if done.active else f"ended as {done.state}: {done.error}"
        )
        raise RuntimeError(f"{ask.name} {how}")
    run = seat.accept(job, SLOT)
    if not seat.settle(job, SLOT) or not run:
        raise RuntimeError(f"{ask.name} was told to nobody")
    if ask.kind == "score":
        scores, selection = open_scores(bench.store, run)
        return {"golden": selection.golden_layer, "values": scores.values.tolist()}
    report = open_report(bench.store, run)
    sides = side_by_side(bench, ModelSource(), (("mine", (report.edit_id,)),), (prompt,), SHORT)
    return {
        "verdict": report.verdict,
        "light": light(report).words,
        "answers": [[o.prompt, o.before.answer, o.after.answer, o.success] for o in report.outcomes],
        "shown": [report.before.answer, report.after.answer],
        "numbers": [report.after.target_new_probability, report.before.target_true_probability, report.weight_change],
        "said": [side.texts for side in sides.sides],
    }


def same(one: Any, other: Any) -> bool:
    """Whether two answers say the same: texts and choices exactly, each list of numbers within a hundred-thousandth
    of the largest of them (what is computed together is batched otherwise)."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            return False
        if all(isinstance(n, float) for n in (*one, *other)):
            largest = max((abs(n) for n in other), default=0.0)
            return all(
                math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-5 * largest) for a, b in zip(one, other, strict=True)
            )
        return all(map(same, one, other))
    return bool(one == other)


def plain(answer: Any) -> Any:
    """As the oracle's file gives it back."""
    return json.loads(json.dumps(answer))


def oracle(seat: Seat, asks: Sequence[Ask]) -> dict[str, Any]:
    """The answer to every ask, one after another, with nobody else there."""
    return {ask.name: plain(answered(seat, ask)) for ask in asks}
