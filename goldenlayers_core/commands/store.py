"""`store`: where others reach the store, and sending there what is kept on this disk."""

import dataclasses
from collections import Counter
from typing import Annotated, Any

import typer

from goldenlayers_core.commands.console import Json, reporter, say
from goldenlayers_core.errors import ConfigError
from goldenlayers_core.places import cache_root, shared_location
from goldenlayers_core.runtime import standing
from goldenlayers_core.runtime.locations import Location, open_location
from goldenlayers_core.runtime.sending import Listing, Sender

store = typer.Typer(
    name="store", no_args_is_help=True, help="The store that several machines share (docs/scaling.md): status or send."
)


@store.command()
def status(as_json: Json = False) -> None:
    """Where the store is, whether its location answers (it exits with 1 if not), and what waits to be sent."""
    there = standing(cache_root())
    content = {"folder": str(cache_root()), "location": dataclasses.asdict(there) if there else None}
    alone = f"The store is in {cache_root()} alone; GOLDENLAYERS_STORE names a location that others reach, too."
    say(as_json, content, lambda: [str(there) if there else alone])
    if there and not there.answers:
        raise typer.Exit(1)


@store.command()
def send(
    to: Annotated[str, typer.Option("--to", help="s3://bucket/prefix, ...; GOLDENLAYERS_STORE if not given")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only list what would be sent; nothing is written")
    ] = False,
    deleted_too: Annotated[bool, typer.Option("--deleted-too", help="also runs and results deleted there")] = False,
    as_json: Json = False,
) -> None:
    """Send the results that this disk's cache holds to a location: what is there already is not sent again.

    Rows, runs, named results and what was said of them; models, jobs and logs stay. What is here stays here, too.
    """
    url = to.strip() or shared_location()
    sender = Sender(cache_root(), url, _opened(url, to), look_only=dry_run, deleted_too=deleted_too)
    progress = reporter()
    found = sender.listed(progress)
    sent = 0 if dry_run else sender.send(found.parcels, progress)
    content = _content(found) | {"dry_run": dry_run, "sent": sent}
    say(as_json, content, lambda: _lines(content))


def _opened(url: str, to: str) -> Location:
    if not url:
        raise ConfigError("There is no location to send to; give --to s3://bucket/prefix, or set GOLDENLAYERS_STORE.")
    try:
        return open_location(url)
    except ConfigError as error:
        raise ConfigError(str(error).replace("GOLDENLAYERS_STORE", "--to")) if to else error from error


def _content(found: Listing) -> dict[str, Any]:
    each = [
        {"kind": p.kind, "name": p.name, "rows": p.n_rows, "objects": p.n_objects, "bytes": p.n_bytes}
        for p in found.parcels
    ]
    why = Counter(passed.why for passed in found.passed)
    names = {
        reason: [f"{p.kind}/{p.name}" for p in found.passed if p.why == reason] for reason in ("deleted", "damaged")
    }
    return {"location": found.location, "parcels": each, "there": why["there"], **names}


def _lines(content: dict[str, Any]) -> list[str]:
    lines, place = [], content["location"]
    for kind, words in (
        ("tables", "tables"),
        ("runs", "runs"),
        ("objects", "named results"),
        ("desks", "desks' words"),
    ):
        mine = [each for each in content["parcels"] if each["kind"] == kind]
        size = sum(each["bytes"] for each in mine) / 2**20
        rows = f"{sum(each['rows'] for each in mine):,} rows, " if kind == "tables" else ""
        lines.append(f"{words:14} {len(mine):6}   {rows}{sum(e['objects'] for e in mine)} objects, {size:.1f} MiB")
    if content["dry_run"]:
        lines.append(f"This is what {place} lacks; nothing was sent.")
    else:
        lines.append(f"{content['sent']} objects were sent to {place}.")
    lines.append(f"{content['there']} things were there already.")
    if content["deleted"]:
        lines.append(f"{len(content['deleted'])} were deleted there and were not sent; --deleted-too sends them.")
    if content["damaged"]:
        lines.append(f"{len(content['damaged'])} are damaged here and were not sent: {', '.join(content['damaged'])}.")
    return lines
