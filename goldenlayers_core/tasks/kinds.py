"""A kind of work and of stored run: which question asks for it, in which queue it waits, and what is made of it.

The table of all kinds is `tasks.wings`, which stands above the wings that do the work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Queue = Literal["slow", "quick"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work. Functions are named as "module:function" of tasks and imported when they are first called."""

    name: str
    queue: Queue
    question: type[Any]
    work: str  # gets (bench, question, progress) and returns a run's id
    report: str = ""  # gets (store, manifest) and returns the parts of the run's report; "": its tables as they are
    screens: str = ""  # gets (store, manifest) and returns the run's screens in presenter mode; "": it has none
    parts: str = ""  # gets (bench, question, progress) and returns the work in parts (see tasks.plans); "": it has none
    whole: str = ""  # why it has none, and what to do, in one sentence


def function(named: str) -> Callable[..., Any]:
    """The function that "module:function" of tasks names."""
    module, name = named.split(":")
    found: Callable[..., Any] = getattr(import_module(f"goldenlayers_core.tasks.{module}"), name)
    return found
