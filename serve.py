"""The app as it is served to others: app.py, and /healthz beside it for whoever keeps it running.

streamlit run serve.py
"""

import dataclasses

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.places import cache_root
from goldenlayers_core.tasks.health import look, look_at
from pages._shared.cached import server_workbench


def healthz(request: Request) -> JSONResponse:
    """200 where this server is well and 503 where not: numbers and names, no folder, no title of anybody's work.

    A store whose location stays away is told, and no reason to end a server: what it computes waits to be sent.
    """
    try:
        found = look_at(server_workbench())
    except GoldenLayersError:  # a store of a newer version has no workbench: what was looked at says so
        found = look(cache_root())
    content = dataclasses.asdict(found)
    content["findings"] = {finding.name: finding.well for finding in found.findings}
    if found.location is not None:
        content["location"] = {
            name: content["location"][name] for name in ("answers", "seconds", "waiting", "waiting_bytes")
        }
    return JSONResponse({"well": found.well, **content}, 200 if found.serves else 503, {"Cache-Control": "no-store"})


app = st.App("app.py", routes=[Route("/healthz", healthz)])
