"""What of the machine's memory a process holds. Linux tells; elsewhere it is not known."""

from pathlib import Path
from typing import Final

_KIB: Final = 1024


def held(pid: str = "self") -> tuple[int, int]:
    """(PSS, RSS) in bytes. PSS counts a page that n processes share as a n-th in each, so that PSS adds up."""
    found = {"Pss": 0, "Rss": 0}
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name in found:
                found[name] = int(value.split()[0]) * _KIB
    except (OSError, ValueError, IndexError):  # not Linux, or not ours to look at
        pass
    return found["Pss"], found["Rss"]
