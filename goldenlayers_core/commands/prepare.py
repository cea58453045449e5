"""Models made ready before they are asked for: what comes with the set-up, and Gemma where its terms are accepted."""

import sys
from typing import Annotated, Literal

import typer

from goldenlayers_core.commands.console import reporter
from goldenlayers_core.places import cache_root

_ACCEPT = typer.Option("--accept", help="accept Gemma's terms of use (see them without this option)")


def prepare(
    model: Annotated[Literal["set-up", "gemma"], typer.Option("--model", help="which models")] = "set-up",
    accept: Annotated[bool, _ACCEPT] = False,
) -> None:
    """Make models ready (once): those of the set-up, the bundled one and the classroom's; or `--model gemma`."""
    if model == "gemma":
        _gemma(accept)
    else:
        _set_up()


def _say(words: str) -> None:
    typer.echo(words, err=True)


def _set_up() -> None:
    from goldenlayers_core.models.classroom.place import DEFAULT_LAYER, is_ready
    from goldenlayers_core.models.gguf import bundled_gguf, conversion_of, is_converted

    gguf = bundled_gguf()
    if not is_converted(conversion_of(gguf, cache_root())):
        from goldenlayers_core.models.convert import converted

        _say("Converting the bundled model (some seconds, once).")
        _say(f"The bundled model is ready in {converted(gguf, cache_root())}.")
    if not is_ready(DEFAULT_LAYER, cache_root()):
        from goldenlayers_core.models.classroom.make import made

        _say("Teaching the classroom's tiny model (about a quarter of a minute, once).")
        _say(f"The classroom is ready in {made(DEFAULT_LAYER, cache_root())}.")


def _gemma(accept: bool) -> None:
    from goldenlayers_core.models.gemma.place import PLAN, TITLE, is_ready

    if not is_ready(cache_root()):
        from goldenlayers_core.models.gemma.make import made

        if accept or sys.stdin.isatty():
            _say(PLAN)
        if not accept and sys.stdin.isatty():
            accept = typer.confirm("Do you accept Gemma's terms of use?", err=True)
        progress = reporter()
        made(cache_root(), accept, progress.update)
    _say(f"{TITLE} is ready; it is called `gemma`, as in `--model gemma`.")
