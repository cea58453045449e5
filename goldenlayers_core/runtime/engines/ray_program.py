"""Ray's own program, with two of its habits changed. Run as a module, it takes the arguments of `ray`."""

import sys
import time
from typing import Any, Final

_PATIENCE: Final = 90.0  # seconds that a node may take to come up
_LOOK: Final = 0.5


def adapt() -> None:
    """Have Ray take 127.0.0.1 for what it is, and wait for its own node as long as a busy machine needs.

    By itself it puts the machine's outer address in the place of 127.0.0.1 and listens on every one, and it gives a
    node up after half a minute.
    """
    from ray._private import services

    known = services.get_node

    def patient(*given: Any) -> Any:
        limit = time.monotonic() + _PATIENCE
        while True:
            try:
                return known(*given)
            except RuntimeError:  # it has not come up yet
                if time.monotonic() > limit:
                    raise
                time.sleep(_LOOK)

    services.resolve_ip_for_localhost = str
    services.get_node = patient


def main() -> int:
    """What `ray` does with the same arguments."""
    from ray.scripts.scripts import main as program

    adapt()
    status = program()
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
