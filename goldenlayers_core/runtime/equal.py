"""When two jobs are the same one: equal kinds, and params that JSON brings back equal."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.runtime.frames import one_line
from goldenlayers_core.runtime.job_records import JobView


def plain_params(title: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Params as JSON brings them back. Raises ConfigError for what it cannot hold."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(params)))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The settings of {title!r} cannot be written as JSON ({one_line(error)}).") from error
    return plain


def equal_job(views: Iterable[JobView], kind: str, params: Mapping[str, Any]) -> str | None:
    """The id of an equal job that will run to its end."""
    same = (v for v in views if v.active and not v.cancelling and v.kind == kind and v.params == params)
    return next((view.job_id for view in same), None)
