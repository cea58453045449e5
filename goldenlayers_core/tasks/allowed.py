"""What a visitor may ask for in the demo mode, whatever the page or the address says: names, sizes, numbers.

Nothing here looks whether a file, model or dataset exists, so that no refusal tells of it.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from goldenlayers_core.errors import ConfigError
from goldenlayers_core.records import ModelSource
from goldenlayers_core.tasks.mode import Limits, Mode
from goldenlayers_core.tasks.questions import (
    CovarianceQuestion,
    DatasetChoice,
    ExportQuestion,
    KnowledgeQuestion,
    PileQuestion,
    ScoreQuestion,
    SearchQuestion,
    TokenTraceQuestion,
)

_ASKS: Final = (ScoreQuestion, KnowledgeQuestion)  # one pass per request; other work edits or traces each
_REQUEST_LETTERS: Final = 20_000  # of one request with its probes, as JSON
_STACKED: Final = 32  # edits, layers, sizes
_WORD: Final = re.compile(r"[\w .+-]*")


def check_question(
    question: Any, mode: Mode, owns: Callable[[str], bool], size: Callable[[DatasetChoice], int]
) -> None:
    """Raises a GoldenLayersError for what a visitor may not ask.

    `owns` says whether a stored text is the visitor's; `size` how many requests a dataset's split has.
    """
    if not mode.demo:
        return
    if isinstance(question, ModelSource):
        mode.check_model(question)
        return
    if isinstance(question, ExportQuestion):
        raise ConfigError("This demo writes no folder on its machine; download the edit in another format.")
    model, choice = getattr(question, "model", None), getattr(question, "choice", None)
    if isinstance(model, ModelSource):
        mode.check_model(model)
    if isinstance(choice, DatasetChoice):
        mode.check_dataset(choice.dataset)
        _check_size(question, choice, mode.limits, size(choice))
    _check_source(question, mode.limits, owns)
    _check_numbers(question, mode.limits)


def _check_size(question: Any, choice: DatasetChoice, limits: Limits, available: int) -> None:
    most = limits.scored if isinstance(question, _ASKS) else limits.requests
    n = min(choice.limit or available, available)
    if isinstance(question, TokenTraceQuestion):  # traces one; the dataset's subjects are only looked up
        return
    if isinstance(question, PileQuestion):
        n = question.facts + question.sizes[-1]
    if n > most:
        raise ConfigError(f"{n:,} requests were asked for, and this demo takes {most:,} for such work; choose fewer.")
    if (choice.known_only or isinstance(question, KnowledgeQuestion)) and available > limits.scored:
        raise ConfigError(
            f"Of {available:,} requests this demo does not ask which ones the model knows; choose a split or a file "
            f"of at most {limits.scored:,}."
        )


def _check_source(question: Any, limits: Limits, owns: Callable[[str], bool]) -> None:
    if isinstance(question, SearchQuestion) and not 0 < question.seconds <= limits.seconds:
        raise ConfigError(f"{question.seconds:g} seconds were asked for; this demo searches for {limits.seconds}.")
    if not isinstance(question, CovarianceQuestion):
        return
    if question.source != CovarianceQuestion().source and not owns(question.source):
        raise ConfigError("This demo estimates key covariances from the model's own samples or a text you paste.")
    if question.tokens > limits.tokens:
        raise ConfigError(f"{question.tokens:,} tokens were asked for; this demo takes {limits.tokens:,} at most.")


def _check_numbers(question: Any, limits: Limits) -> None:
    """Settings are words and small numbers; a request is a page of text at most; stacks are low."""
    params = question.to_params()
    if len(json.dumps(params.get("request", {}))) > _REQUEST_LETTERS:
        raise ConfigError(f"The request with its probes has over {_REQUEST_LETTERS:,} letters; give a shorter one.")
    for name in ("earlier", "edit_ids", "layers", "sizes"):
        if len(params.get(name, ())) > 4 * _STACKED or (name != "layers" and len(params.get(name, ())) > _STACKED):
            raise ConfigError(f"{len(params[name])} {name.replace('_', ' ')} were asked for, too many for this demo.")
    for name in ("settings", "config", "edit_aware", "line_check", "damage", "selection"):
        for key, value in _plain(params.get(name)).items():
            if isinstance(value, str) and not _WORD.fullmatch(value):
                raise ConfigError(f"The setting {key} is no word or number; this demo takes no files.")
            if isinstance(value, list | tuple) and len(value) > 4 * _STACKED:
                raise ConfigError(f"The setting {key} has {len(value)} parts, too many for this demo.")
            if isinstance(value, int) and abs(value) > _most(key, limits):
                raise ConfigError(f"The setting {key} is {value:,}; this demo takes {_most(key, limits):,} at most.")


def _most(key: str, limits: Limits) -> int:
    if key == "seed":
        return 2**63
    return 4096 if key == "token_budget" else 10_000 if key == "n_resamples" else limits.steps


def _plain(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
