"""`plan`, `shard` and `merge`: one run as parts that any scheduler can do (docs/scaling.md)."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from goldenlayers_core.commands.asking import asking
from goldenlayers_core.commands.console import Json, reporter, say, working
from goldenlayers_core.commands.covariance import covariance_question, tell_covariance
from goldenlayers_core.commands.edit import many_question, tell_many
from goldenlayers_core.commands.score import score_question, tell_scores
from goldenlayers_core.commands.sweep import sweep_question, tell_sweep
from goldenlayers_core.commands.trace import tell_trace, trace_question
from goldenlayers_core.errors import ConfigError, NoPartsError
from goldenlayers_core.tasks import Workbench, open_workbench
from goldenlayers_core.tasks.crew import merged, plan_kind, plan_question
from goldenlayers_core.tasks.estimate import estimate_lines, estimated
from goldenlayers_core.tasks.plan_file import read_plan, write_plan
from goldenlayers_core.tasks.plans import check_whole, make_plan, open_work, run_shard
from goldenlayers_core.tasks.wings import KINDS

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="a file that `plan ... --out` wrote")]

plan = typer.Typer(
    name="plan",
    no_args_is_help=True,
    help="Write the plan of a run that `shard` does in parts, or say what it would cost. The run's own options.",
)


def planned(question: Any, out: Path | None, estimate: bool, as_json: bool) -> None:
    """Make a question's plan, write it, and say what is in it. Raises ConfigError where neither is asked for."""
    if out is None and not estimate:
        raise ConfigError("Nothing was asked for; give --out FILE for the plan, or --estimate for what it would cost.")
    bench = open_workbench()
    kind = bench.kind_of(question)
    made, rate = make_plan(bench, kind, question, reporter())
    content: dict[str, Any] = {
        "plan": None if out is None else str(out),
        "kind": made.kind,
        "model": made.model,
        "fingerprint": made.fingerprint,
        "dataset": made.dataset,
        "n_requests": len(made.requests),
        "n_skipped": made.skipped,
        "n_parts": len(made.parts),
    }
    if estimate:
        content["estimate"] = estimated(made, rate, bench.model(question.model))
    if out is not None:
        write_plan(made, out)
    say(as_json, content, lambda: _plan_lines(content))


def _plan_lines(content: dict[str, Any]) -> list[str]:
    n_requests, n_skipped = content["n_requests"], content["n_skipped"]
    lines = [
        f"{content['kind']} of {content['model']} on {content['dataset']}: {content['n_parts']} parts, "
        f"{n_requests} requests" + (f", {n_skipped} more cannot be taken" if n_skipped else "")
    ]
    if content["plan"]:
        lines.append(
            f"written to {content['plan']}; next: shard {content['plan']} --index I --of N, for every I below N"
        )
    return lines + (estimate_lines(content["estimate"]) if "estimate" in content else [])


def _add(name: str, question: Callable[..., Any]) -> None:
    @asking(question)
    def make(
        question: Any,
        out: Annotated[Path | None, typer.Option("--out", help="write the plan to this file")] = None,
        estimate: Annotated[bool, typer.Option("--estimate", help="seconds and bytes, and what they stand on")] = False,
        as_json: Json = False,
    ) -> None:
        planned(question, out, estimate, as_json)

    plan.command(name, help=f"The plan of `{name}`, with its own options.")(make)


for _name, _question in (
    ("sweep", sweep_question),
    ("score", score_question),
    ("trace", trace_question),
    ("edit-many", many_question),
    ("covariance", covariance_question),
):
    _add(_name, _question)


@plan.command("search", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def search() -> None:
    """A search has no parts, and this says what to do."""
    raise NoPartsError(next(kind.whole for kind in KINDS if kind.name == "search"))


def shard(
    file: PlanFile,
    index: Annotated[int, typer.Option("--index", help="which shard, from 0")],
    of: Annotated[int, typer.Option("--of", help="how many shards there are")],
    as_json: Json = False,
) -> None:
    """Do one shard of a plan: what the store lacks of its parts. Twice, at once or after a kill, it changes nothing."""
    made = read_plan(file)
    done = working(run_shard, open_workbench(), plan_kind(made), made, index, of)
    content = {
        "index": index,
        "of": of,
        "n_parts": done.n_parts,
        "n_computed": done.n_computed,
        "seconds": done.seconds,
    }
    there = "" if done.n_computed or not done.n_parts else ", all of them in the store already"
    line = (
        f"shard {index} of {of}: {done.n_parts} parts, {done.n_computed} results computed, {done.seconds:.1f} s{there}"
    )
    say(as_json, content, lambda: [line])


def merge(
    file: PlanFile,
    estimates: Annotated[
        bool, typer.Option("--estimates/--no-estimates", help="of a sweep: what the estimates pick, beside it")
    ] = True,
    as_json: Json = False,
) -> None:
    """Make the run of a plan whose shards are done, and print what its command prints; or say which parts lack."""
    made = read_plan(file)
    bench = open_workbench()
    check_whole(made, open_work(bench, plan_kind(made), made, reporter()))
    question, found = plan_question(made), merged(bench, made, reporter())
    if made.kind == "sweep":
        tell_sweep(bench, question, found, as_json, estimates)
    else:
        _TOLD[made.kind](bench, question, found, as_json)


_TOLD: Final[dict[str, Callable[[Workbench, Any, Any, bool], None]]] = {
    "score": lambda bench, question, found, as_json: tell_scores(bench, question, found[0], found[1], as_json),
    "trace": lambda bench, question, found, as_json: tell_trace(bench, question, found[0], found[1], as_json),
    "many-edits": tell_many,
    "covariance": lambda _bench, _question, card, as_json: tell_covariance(card, as_json),
}
