"""Records and results as JSON, and back."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import Dataset, EditRequest, Probe, RowIssue
from goldenlayers_core.results import EditReport

_GROUPS = ("rephrases", "locality", "portability")
_WORDS = ("case_id", "prompt", "subject", "target_new", "target_true")
T = TypeVar("T")


def settings_text(text: Any) -> str:
    """JSON text of an object, as results keep the config of a method. Raises TypeError or ValueError for another."""
    _of_type(json.loads(_of_type(text, str)), dict)
    return str(text)


def plain(record: Any) -> dict[str, Any]:
    """A frozen dataclass as plain JSON."""
    content: dict[str, Any] = dataclasses.asdict(record)
    return content


def restored(kind: type[T], content: Mapping[str, Any]) -> T:
    """`plain` undone: a dataclass of that kind, its fields tuples and dataclasses where their types say so.

    Fields that are missing keep their defaults, so what was stored before they existed stays readable; or what their
    metadata call "before", where new questions have another default than the old ones were asked with. Raises TypeError
    or ValueError where it is not one, or a field is not of its type: a whole number may stand for any number.
    """
    made: T = _restored(kind, content)
    return made


def _restored(kind: Any, content: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        if isinstance(content, kind):  # type: ignore[arg-type]
            return content
        hints = _hints(kind)  # type: ignore[arg-type]
        before = {f.name: f.metadata["before"] for f in dataclasses.fields(kind) if "before" in f.metadata}
        stored = {name: _restored(hints.get(name, Any), value) for name, value in dict(content).items()}
        return kind(**(before | stored))  # type: ignore[operator]
    origin, kinds = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if content is None and NoneType in kinds:
            return None
        return _restored(next(one for one in kinds if one is not NoneType), content)
    if origin is tuple:
        values = list(_of_type(content, (list, tuple)))
        if kinds[-1] is Ellipsis:
            return tuple(_restored(kinds[0], value) for value in values)
        return tuple(_restored(one, value) for one, value in zip(kinds, values, strict=True))
    return _plain(kind, origin, kinds, content)


def _plain(kind: Any, origin: Any, kinds: tuple[Any, ...], content: Any) -> Any:
    """A value that JSON holds as it is, checked. Raises TypeError or ValueError."""
    if origin is Literal and content not in kinds:
        raise ValueError(f"{content!r} is none of {', '.join(map(repr, kinds))}")
    if origin in (dict, Mapping):
        return {_restored(kinds[0], name): _restored(kinds[1], value) for name, value in dict(content).items()}
    if origin is np.ndarray:
        return _of_type(content, np.ndarray)
    if kind in (int, float) and isinstance(content, bool):
        raise TypeError(f"{content!r} is no number")
    if kind is float:
        return _of_type(content, (int, float))
    return _of_type(content, kind) if kind in (int, str, bool) else content


def _of_type(content: Any, kind: Any) -> Any:
    if not isinstance(content, kind):
        raise TypeError(f"{str(content)[:60]!r} is of another type than its field")
    return content


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def plain_dataset(found: Dataset) -> dict[str, Any]:
    """What `plain` makes of a dataset, in a tenth of the time: they are large."""
    names = [f.name for f in dataclasses.fields(EditRequest) if f.name not in _GROUPS]
    probe = [f.name for f in dataclasses.fields(Probe)]

    def listed(probes: Sequence[Probe]) -> list[dict[str, Any]]:
        return [{name: getattr(p, name) for name in probe} for p in probes]

    requests = [
        {name: getattr(r, name) for name in names} | {group: listed(getattr(r, group)) for group in _GROUPS}
        for r in found.requests
    ]
    return {**plain(dataclasses.replace(found, requests=())), "requests": requests}


def _probe(content: Mapping[str, Any]) -> Probe:
    return Probe(content["prompt"], tuple(content["answers"]), content["kind"], content.get("name", ""))


def request_from(content: Mapping[str, Any]) -> EditRequest:
    """An EditRequest from `plain`. Raises StoreError when it is not one."""
    try:
        return _request(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored request cannot be read ({error}); open its dataset again.") from error


def _request(content: Mapping[str, Any]) -> EditRequest:
    if not all(isinstance(content[name], str) for name in _WORDS):
        raise TypeError(f"one of {', '.join(_WORDS)} is no text")
    values = {**content, **{g: tuple(_probe(p) for p in content.get(g, ())) for g in _GROUPS}}
    values |= {name: tuple(content.get(name, ())) for name in ("true_aliases", "new_aliases")}
    return EditRequest(**values)


def _issues(content: Sequence[Mapping[str, Any]]) -> tuple[RowIssue, ...]:
    return tuple(RowIssue(**issue) for issue in content)


def dataset_from(content: Mapping[str, Any]) -> Dataset:
    """A Dataset from `plain`. Raises KeyError, TypeError, ValueError or AttributeError when it is not one.

    They are large: each request is made at once, as `restored` would make it in ten times the time.
    """
    lists = {
        "requests": tuple(_request(r) for r in content["requests"]),
        "reported": _issues(content["reported"]),
        "remarks": _issues(content["remarks"]),
    }
    return restored(Dataset, {**content, **lists})


def report_from(content: Mapping[str, Any]) -> EditReport:
    """An EditReport from `plain`. Raises StoreError when it is not one."""
    try:
        return restored(EditReport, content)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored edit report cannot be read ({error}); make the edit again.") from error
