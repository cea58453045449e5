"""Numbers, times and foreign text as a person reads them. No widgets."""

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from goldenlayers_core.figures.text import number
from goldenlayers_core.tasks.mode import mode_of

# Streamlit looks for addresses, icons and emoji in what is left when the escapes are gone; a word joiner, which takes
# no room, parts them: http:|//, www|., name|@host, :|name:
_LIVE: Final = re.compile(r"https?:(?=//)|www(?=\.)|[\w.+-](?=@)|:(?=[\w/+-]+:)", re.IGNORECASE)
_JOINER: Final = "\N{WORD JOINER}"


def escape(text: str) -> str:
    """Plain text for Streamlit's Markdown: nothing in it is markup, a link, a colour, an icon or mathematics."""
    inert = _LIVE.sub(rf"\g<0>{_JOINER}", text)
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-!|$:~" else c for c in inert)


def sentence(error: object) -> str:
    """An error's sentence for Streamlit's Markdown; what stands between backticks is put in quotation marks. Visitors
    of a demo read it without the server's folders."""
    return escape(re.sub(r"`([^`]*)`", r"“\1”", mode_of().clean(str(error))))


def shorten(text: str, length: int = 60) -> str:
    """At most `length` characters, an ellipsis for the rest."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def count(number: int, word: str) -> str:
    """ "1 request", "2,191 requests"."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def size(n_bytes: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    for unit in ("bytes", "KiB", "MiB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" or n_bytes >= 10 else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} GiB"


def parameters(number: int) -> str:
    """ "135 million", "7.2 billion"."""
    if number >= 1e9:
        return f"{number / 1e9:.1f} billion"
    return f"{number / 1e6:.0f} million" if number >= 1e7 else f"{number / 1e6:.1f} million"


def precise(seconds: float) -> str:
    """Seconds that were measured, with two digits: "0.62 s", "12 s"."""
    return f"{number(seconds, 2)} s"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def when(iso: str) -> str:
    """A stored time (ISO 8601, UTC) in the browser's time zone: "today 14:02", "21 Nov 2026, 14:02"."""
    zone = _zone(st.context.timezone)
    moment = datetime.fromisoformat(iso).astimezone(zone)
    days = datetime.now(zone).date() - moment.date()
    near = {timedelta(0): "today", timedelta(1): "yesterday"}.get(days)
    return f"{near} {moment:%H:%M}" if near else f"{moment:%d %b %Y, %H:%M}"


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
