"""`--engine` of the commands whose work has parts, and `cluster`."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from goldenlayers_core.commands.console import Json, reporter, say, working
from goldenlayers_core.runtime import Progress
from goldenlayers_core.runtime.engines import Outcome
from goldenlayers_core.runtime.engines import cluster as clusters
from goldenlayers_core.runtime.engines.surroundings import HERE, PORT, token_file
from goldenlayers_core.tasks.engine_choice import EngineChoice, engine_of
from goldenlayers_core.tasks.workbench import Workbench


def engine_question(
    engine: Annotated[
        Literal["local", "ray"], typer.Option("--engine", help="ray: workers of a Ray cluster do it (make ray)")
    ] = "local",
    address: Annotated[
        str, typer.Option("--address", help="Ray: of a running cluster, or auto; one of the run's own else")
    ] = "",
    workers: Annotated[int, typer.Option("--workers", help="Ray: how many; 0: as many as there is room for")] = 0,
    cpus: Annotated[int, typer.Option("--cpus", help="Ray: of each worker, which keeps as many threads busy")] = 1,
    gpus: Annotated[int, typer.Option("--gpus", help="Ray: of each worker")] = 0,
) -> EngineChoice:
    """The engine of the command's options."""
    return EngineChoice(engine, address, workers, cpus, gpus)


def found_on(
    bench: Workbench, question: Any, where: EngineChoice, here: Callable[[Workbench, Any, Progress], Any]
) -> tuple[Any, Any]:
    """(the question as it was settled, its result): by `here`, or by workers elsewhere, of whom stderr tells.

    Raises NoPartsError where its work cannot be shared out.
    """
    if where.engine == "local":
        return question, working(here, bench, question)
    from goldenlayers_core.tasks.crew import merged, plan_question, shared

    plan, outcome = shared(bench, question, engine_of(where), reporter(), where.workers)
    for line in worker_lines(outcome):
        typer.echo(line, err=True)
    return plan_question(plan), merged(bench, plan, reporter())


def worker_lines(outcome: Outcome) -> list[str]:
    """What the workers did, and what became of them."""
    if not outcome.workers:
        return ["Everything was in the store already.", *outcome.notes]
    each = [
        f"  worker {seen.pid} at {seen.node}: {seen.pieces} parts, {seen.busy:.1f} processor s, "
        f"PSS {seen.pss / 2**20:.0f} MiB, RSS {seen.rss / 2**20:.0f} MiB"
        for seen in outcome.workers
    ]
    return [f"{outcome.computed} results in {outcome.seconds:.1f} s by {len(each)} workers:", *each, *outcome.notes]


cluster = typer.Typer(
    name="cluster", no_args_is_help=True, help="A Ray cluster on this machine (docs/scaling.md): up, status or down."
)


@cluster.command()
def up(
    nodes: Annotated[int, typer.Option("--nodes", help="besides the head, which does no work")] = 1,
    cpus: Annotated[int, typer.Option("--cpus", help="of each node")] = 1,
    host: Annotated[
        str, typer.Option("--host", help="address of this machine; others reach it, unless it is its own")
    ] = HERE,
    port: Annotated[int, typer.Option("--port", help="of the head")] = PORT,
    as_json: Json = False,
) -> None:
    """Start a head and nodes here; nobody without the token is let in."""
    _tell(clusters.up(nodes, cpus, host, port), as_json)


@cluster.command()
def status(as_json: Json = False) -> None:
    """What of the cluster that was started here still runs."""
    _tell(clusters.found(), as_json)


@cluster.command()
def down(as_json: Json = False) -> None:
    """Stop what was started here, and nothing else."""
    there = clusters.down()
    told = "Stopped." if there else "No cluster was started here."
    say(as_json, {"address": there.address if there else None, "nodes": []}, lambda: [told])


def _tell(there: clusters.Cluster | None, as_json: bool) -> None:
    nodes = [{"name": n.name, "pid": n.pid, "cpus": n.cpus, "runs": n.runs} for n in there.nodes] if there else []
    content = {"address": there.address if there else None, "token": str(token_file()), "nodes": nodes}
    say(as_json, content, lambda: _cluster_lines(content))


def _cluster_lines(content: dict[str, Any]) -> list[str]:
    if not content["address"]:
        return ["No cluster was started here; `cluster up` starts one."]
    each = [
        f"  {n['name']:8} {n['cpus']} CPUs, process {n['pid']}{'' if n['runs'] else ', GONE'}" for n in content["nodes"]
    ]
    return [
        f"Ray at {content['address']}, token in {content['token']}:",
        *each,
        "Use it with --engine ray --address auto",
    ]
