"""What an address says of a model, a part of a dataset and settings: short, readable, without paths. No torch.

    model     bundled | owner/name | owner/name@revision | here~folder
    dataset   bundled~proxy~32~known | upload-1a2b... | here~facts.csv~test
    settings  steps.10~clamp.4.0

A folder or file is named by its last part alone, after "here~": only the machine it lies on can tell where it is.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.places import is_path, last_part
from goldenlayers_core.records import (
    SCORE_METHODS,
    DamageConfig,
    EditAwareConfig,
    LgaConfig,
    LineCheckConfig,
    ModelSource,
    SelectionConfig,
)
from goldenlayers_core.tasks.questions import DatasetChoice, ScoreQuestion, Split, SweepQuestion
from goldenlayers_core.tasks.serial import restored

HERE: Final = "here"
BETWEEN: Final = "~"  # an address keeps it as it is
SHORT: Final = 12  # digits of a request's digest: enough to tell requests apart
_NAME: Final = re.compile(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?")
_WORD: Final = re.compile(r"[\w-]+")
_SCORING: Final = ("scope", "old_answer", "loss_on", "precision", "fence", "portability", "covariance")


def without_places(settings: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A run's settings for others to read: where its model (a folder, called `model`) and its file of requests lie on
    this machine becomes what they are called."""
    found = dict(settings)
    for part, key, name in (("model", "source", model), ("choice", "dataset", "")):
        inner = found.get(part)
        place = str(inner.get(key, "")) if isinstance(inner, Mapping) else ""
        if is_path(place):
            found[part] = {**inner, key: name or last_part(place)}  # type: ignore[dict-item]
    return found


def _here(name: str) -> str:
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return f"{HERE}{BETWEEN}{last.replace(BETWEEN, '-')}"


def model_text(source: ModelSource) -> str:
    """A model for an address. Device and number format stay out: they are the other machine's own."""
    if is_path(source.source):
        return _here(source.source)
    return source.source + (f"@{source.revision}" if source.revision else "")


def model_from(text: str, known: Iterable[ModelSource]) -> ModelSource | None:
    """The model an address names; one of `known` where it is the same, and None for a folder that none of them is.

    Raises ConfigError for what is no model's name.
    """
    same = next((source for source in known if model_text(source) == text), None)
    if same is not None or text.startswith(f"{HERE}{BETWEEN}"):
        return same
    if not _NAME.fullmatch(text) or is_path(text):
        raise ConfigError(f"“{text[:60]}” is no model's name; give bundled, or a hub name such as owner/name.")
    name, _, revision = text.partition("@")
    return ModelSource(name, revision or None)


def dataset_text(choice: DatasetChoice) -> str:
    """A part of a dataset for an address."""
    name = _here(choice.dataset) if is_path(choice.dataset) else choice.dataset
    parts = [name, "" if choice.split == "all" else choice.split, str(choice.limit or "")]
    return BETWEEN.join(part for part in (*parts, "known" if choice.known_only else "") if part)


def dataset_from(text: str, known: Iterable[str]) -> DatasetChoice | None:
    """The part an address names; a file is found among the `known` names alone, so that no address opens another one.

    None for a file that is none of them. Raises ConfigError for what is no part of a dataset.
    """
    name, *rest = text.split(BETWEEN)
    if name == HERE and rest:
        wanted, *rest = rest
        name = next((n for n in known if is_path(n) and _here(n) == f"{HERE}{BETWEEN}{wanted}"), "")
    elif not _NAME.fullmatch(name) or is_path(name):
        raise ConfigError(f"“{name[:60]}” is no dataset's name; choose one on the page Dataset.")
    values: dict[str, Any] = {}
    for word in rest:
        if word in get_args(Split):
            values["split"] = word
        elif word == "known":
            values["known_only"] = True
        elif word.isascii() and word.isdigit() and len(word) < 9:
            values["limit"] = int(word)
        else:
            raise ConfigError(
                f"“{word[:40]}” is no part of a dataset; give all, proxy or test, a number of requests, or known."
            )
    return DatasetChoice(name, **values) if name else None


def settings_text(settings: Mapping[str, Any]) -> str:
    """Changed settings for an address. A setting that names a file of this machine stays out."""
    kept = {name: value for name, value in settings.items() if not (isinstance(value, str) and _private(value))}
    return BETWEEN.join(f"{name}.{_value(value)}" for name, value in sorted(kept.items()))


def _private(value: str) -> bool:
    return is_path(value) or BETWEEN in value or "/" in value


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "_".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def settings_from(text: str) -> dict[str, Any]:
    """The settings of an address: whole numbers, decimals, true, false, else words. Raises ConfigError."""
    found: dict[str, Any] = {}
    for pair in filter(None, text.split(BETWEEN)):
        name, dot, value = pair.partition(".")
        if not dot or not _WORD.fullmatch(name) or not value:
            raise ConfigError(f"“{pair[:60]}” is no setting; settings are written as name.value, joined by {BETWEEN}.")
        found[name] = _typed(value)
    return found


def _typed(value: str) -> Any:
    if re.fullmatch(r"-?\d{1,12}", value):
        return int(value)
    if re.fullmatch(r"-?\d{1,12}\.\d+(e-?\d{1,3})?|-?\d{1,3}e-?\d{1,3}", value):
        return float(value)
    return {"true": True, "false": False}.get(value, value)


# Questions ------------------------------------------------------------------------------------------------------------


def score_parameters(asked: ScoreQuestion) -> dict[str, str]:
    """What an address says of layer scores, so that they can be computed anew elsewhere."""
    plain = ScoreQuestion()
    pairs = ((asked.settings, restored(type(asked.settings), {})), (asked.selection, plain.selection))
    changed = {
        name: getattr(mine, name)
        for mine, default in pairs
        for name in _SCORING
        if getattr(mine, name, None) != getattr(default, name, None)
    }
    return _parameters(asked.model, asked.choice, asked.method, changed)


def score_question(
    model: ModelSource, choice: DatasetChoice, method: str, settings: Mapping[str, Any]
) -> ScoreQuestion:
    """The question that `score_parameters` wrote. Raises ConfigError."""
    configs: dict[str, type[Any]] = {
        "edit-aware": EditAwareConfig,
        "line-check": LineCheckConfig,
        "damage": DamageConfig,
    }
    config = configs.get(method, LgaConfig)
    plain = restored(config, {})  # what an address means that says nothing, also one of an earlier version
    known = {f.name: getattr(plain, f.name) for f in dataclasses.fields(config) if f.name in _SCORING}
    own = {name: value for name, value in settings.items() if name in known}
    fence = settings.get("fence", SelectionConfig().fence)
    unfit = sorted(set(settings) - {*own, "fence"}) + [
        n for n, value in own.items() if type(value) is not type(known[n])
    ]
    if unfit or isinstance(fence, str):
        raise ConfigError(f"The setting “{(*unfit, 'fence')[0]}” does not fit layer scores; leave it out.")
    selection = SelectionConfig(float(fence))
    if method == "edit-aware":
        return ScoreQuestion(
            model, choice, selection=selection, method="edit-aware", edit_aware=EditAwareConfig(**(known | own))
        )
    if method == "line-check":
        asked = LineCheckConfig(**(known | own))
        return ScoreQuestion(model, choice, selection=selection, method="line-check", line_check=asked)
    if method == "damage":
        return ScoreQuestion(model, choice, selection=selection, method="damage", damage=DamageConfig(**(known | own)))
    if method not in ("", "lga"):
        raise ConfigError(f"The method {method!r} is unknown; choose one of {', '.join(SCORE_METHODS)}.")
    return ScoreQuestion(model, choice, LgaConfig(**(known | own)), selection)


def sweep_parameters(asked: SweepQuestion) -> dict[str, str]:
    """What an address says of a sweep."""
    more = {"layers": asked.layers} if asked.layers else {}
    return _parameters(
        asked.model,
        asked.choice,
        asked.method,
        {**asked.settings, **more, **({"writing": True} if asked.writing else {})},
    )


def sweep_question(
    model: ModelSource, choice: DatasetChoice, method: str, settings: Mapping[str, Any]
) -> SweepQuestion:
    """The question that `sweep_parameters` wrote. Raises ConfigError."""
    rest = dict(settings)
    layers, writing = str(rest.pop("layers", "")), bool(rest.pop("writing", False))
    if layers and not re.fullmatch(r"\d{1,4}(_\d{1,4})*", layers):
        raise ConfigError(f"“{layers[:40]}” names no layers; give whole numbers joined by _, such as 0_3_6.")
    chosen = tuple(int(layer) for layer in layers.split("_") if layer)
    return SweepQuestion(model, choice, method or "rome", rest, chosen, writing)


def _parameters(model: ModelSource, choice: DatasetChoice, method: str, settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "model": model_text(model),
        "dataset": dataset_text(choice),
        "method": method,
        "settings": settings_text(settings),
    }


def short(digest: str) -> str:
    """A request's digest for an address."""
    return digest[:SHORT] if re.fullmatch(r"[0-9a-f]{32}", digest) else digest


def by_short(text: str, digests: Iterable[str]) -> str | None:
    """The digest that `short` shortened; None where there is none, or more than one."""
    listed = tuple(digests)
    if text in listed:
        return text
    found = [digest for digest in listed if len(text) >= 6 and digest.startswith(text)]
    return found[0] if len(set(found)) == 1 else None
