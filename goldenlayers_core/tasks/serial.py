"""Records and results as JSON, and back."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from goldenlayers_core.errors import StoreError
from goldenlayers_core.records import Dataset, EditRequest, Probe, RowIssue
from goldenlayers_core.results import EditReport, ProbeOutcome, View

_GROUPS = ("rephrases", "locality", "portability")
T = TypeVar("T")


def plain(record: Any) -> dict[str, Any]:
    """A frozen dataclass as plain JSON."""
    content: dict[str, Any] = dataclasses.asdict(record)
    return content


def restored(kind: type[T], content: Mapping[str, Any]) -> T:
    """`plain` undone: a dataclass of that kind, its fields tuples and dataclasses where their types say so.

    Fields that are missing keep their defaults, so what was stored before they existed stays readable. Raises TypeError
    or ValueError where it is not one.
    """
    made: T = _restored(kind, content)
    return made


def _restored(kind: Any, content: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _restored(hints.get(name), value) for name, value in dict(content).items()})  # type: ignore[operator]
    if get_origin(kind) is not tuple:
        return content
    kinds = get_args(kind)
    if kinds[-1] is Ellipsis:
        return tuple(_restored(kinds[0], value) for value in content)
    return tuple(_restored(one, value) for one, value in zip(kinds, content, strict=True))


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
        values = {**content, **{g: tuple(_probe(p) for p in content.get(g, ())) for g in _GROUPS}}
        values |= {name: tuple(content.get(name, ())) for name in ("true_aliases", "new_aliases")}
        return EditRequest(**values)
    except (KeyError, TypeError) as error:
        raise StoreError(f"A stored request cannot be read ({error}); open its dataset again.") from error


def _issues(content: Sequence[Mapping[str, Any]]) -> tuple[RowIssue, ...]:
    return tuple(RowIssue(**issue) for issue in content)


def dataset_from(content: Mapping[str, Any]) -> Dataset:
    """A Dataset from `plain`. Raises StoreError when it is not one."""
    try:
        return Dataset(
            **{
                **content,
                "requests": tuple(request_from(r) for r in content["requests"]),
                "reported": _issues(content["reported"]),
                "remarks": _issues(content["remarks"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise StoreError(f"A stored dataset cannot be read ({error}); upload it again.") from error


def view_from(content: Mapping[str, Any]) -> View:
    """A View from `plain`."""
    return View(**{**content, "top_tokens": tuple((str(t), float(p)) for t, p in content["top_tokens"])})


def report_from(content: Mapping[str, Any]) -> EditReport:
    """An EditReport from `plain`. Raises StoreError when it is not one."""
    try:
        outcomes = tuple(
            ProbeOutcome(
                **{
                    **o,
                    "answers": tuple(o["answers"]),
                    "against": tuple(o.get("against", ())),
                    "before": view_from(o["before"]),
                    "after": view_from(o["after"]),
                }
            )
            for o in content["outcomes"]
        )
        return EditReport(
            **{
                **content,
                "before": view_from(content["before"]),
                "after": view_from(content["after"]),
                "outcomes": outcomes,
                "stages": tuple((str(s), float(t)) for s, t in content["stages"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"A stored edit report cannot be read ({error}); make the edit again.") from error
