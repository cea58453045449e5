"""Whether the location that GOLDENLAYERS_STORE names answers, asked once, and what waits to be sent there."""

import time
from dataclasses import dataclass
from pathlib import Path

from goldenlayers_core.errors import ConfigError, StoreError
from goldenlayers_core.places import shared_location
from goldenlayers_core.runtime.layout import whose
from goldenlayers_core.runtime.locations import RefusedError, UnreachedError, open_location
from goldenlayers_core.runtime.names import shown
from goldenlayers_core.runtime.opened import shared_home
from goldenlayers_core.runtime.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Standing:
    """A location as it is now."""

    name: str  # without keys and passwords
    answers: bool  # and holds our layout, or nothing yet
    seconds: float  # until it answered, or did not
    waiting: int  # objects in the outbox here
    waiting_bytes: int
    reason: str = ""  # why it does not answer, without a full stop

    def __str__(self) -> str:
        """One sentence."""
        size = f" ({self.waiting_bytes / 2**20:.1f} MiB)" if self.waiting else ""
        waits = f"{self.waiting or 'nothing'}{size} {'wait' if self.waiting > 1 else 'waits'} in the outbox"
        if self.answers:
            return f"{self.name} answered in {self.seconds:.2f} s, and {waits}."
        return f"{self.name} did not answer well in {self.seconds:.1f} s ({self.reason}), and {waits}."


def standing(root: Path) -> Standing | None:
    """How the location of the store in a folder is; None where GOLDENLAYERS_STORE names none. Nothing is written."""
    if not (url := shared_location()):
        return None
    home, reason = shared_home(root, url), ""
    began = time.perf_counter()
    try:
        whose(open_location(url))
    except FileNotFoundError:  # nobody has written there yet
        pass
    except RefusedError as error:
        reason = f"it refuses: {error}"
    except UnreachedError as error:
        reason = str(error)
    except (ConfigError, StoreError) as error:
        reason = str(error).rstrip(".")
    seconds = time.perf_counter() - began
    sizes = Outbox(home / "outbox", home / ".locks" / "senders").sizes()
    return Standing(shown(url), not reason, seconds, len(sizes), sum(sizes), reason)
