"""One worker of a cluster as the driver sees it, and what is known of its end."""

from dataclasses import dataclass, field
from typing import Any, Literal

from goldenlayers_core.runtime.frames import one_line

State = Literal["opening", "idle", "busy", "gone"]


@dataclass
class Slot:
    """One worker: Ray restarts it, or another takes its place."""

    number: int
    actor: Any
    state: State = "opening"
    piece: int | None = None
    since: float = 0.0  # when its piece, or its opening, began
    losses: int = 0  # since it last finished something
    asked: float = 0.0  # when it was last asked how far it is
    answer: dict[str, Any] = field(default_factory=dict)  # to that
    finished: int = 0


def unavailable(error: Exception) -> bool:
    """Whether a worker is being restarted by Ray, and no new one is needed."""
    return type(error).__name__ == "ActorUnavailableError"


def reason(error: Exception) -> str:
    """Why a worker ended, in a few words."""
    text = one_line(error)
    for sign, words in (
        ("OutOfMemory", "its machine ran out of memory"),
        ("out of memory", "its machine ran out of memory"),
        ("node died", "its node was lost"),
        ("node failure", "its node was lost"),
        (
            "No module named",
            "its node cannot import this program: start it with PYTHONPATH set to the project's folder",
        ),
    ):
        if sign.lower() in f"{type(error).__name__} {error}".lower():
            return words
    return "its process ended" if "process" in text or unavailable(error) else text[:160]
