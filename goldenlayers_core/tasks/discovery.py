"""An architecture without a row, examined: loaded, probed, and the proposed row held against the model check by check.

Nothing is used that a person has not accepted: accepting writes a file that is loaded like a model, and only when it is
named. Importing this loads no torch.
"""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenlayers_core.errors import ConfigError, ModelError
from goldenlayers_core.models.accepted import Accepted, accepted_from, as_python, config_digest, is_row_file, keep
from goldenlayers_core.models.architecture import Architecture
from goldenlayers_core.records import SPILLS, ModelSource, digest_of
from goldenlayers_core.results.discovery import Discovery
from goldenlayers_core.runtime import Progress, Store
from goldenlayers_core.tasks.heavy import heavy
from goldenlayers_core.tasks.questions import Question
from goldenlayers_core.tasks.serial import plain, restored

if TYPE_CHECKING:
    from goldenlayers_core.tasks.workbench import Workbench

KIND: Final = "discoveries"
_NOT_SHOWN: Final = ("title", "names", "literature_layer", "literature_source", "in_float64")


@dataclass(frozen=True)
class DiscoverQuestion(Question):
    """Examine a model whose architecture has no row."""

    model: ModelSource = field(default_factory=ModelSource)


def discover(source: ModelSource, cache: Path, progress: Progress) -> Discovery:
    """A proposed row and what was verified of it.

    Raises ConfigError for a family that has a row, UnknownArchitectureError with the reason for what cannot be used
    here, or another ModelError.
    """
    if is_row_file(source.source):
        raise ConfigError(f"{source.source} is an accepted row already; give the folder or the hub name of a model.")
    if source.spills or len(source.devices) > 1:
        raise ConfigError(f"A model is examined as a whole in memory; choose a single device without {SPILLS}.")
    heavy()
    from goldenlayers_core.evaluation.proving.settle import findings, settled, with_row
    from goldenlayers_core.models import load_model
    from goldenlayers_core.models.discovery.proposal import propose
    from goldenlayers_core.models.refused import refusal_of

    dtype = "float64" if source.dtype == "float64" else "float32"  # probes need numbers that rounding leaves alone
    asked = dataclasses.replace(source, dtype=dtype)
    handle = load_model(asked, cache=cache, progress=progress.update, rows=_unexamined)
    model_type = handle.architecture.model_type
    if handle.quantised:
        raise refusal_of(model_type, "its weights are quantised, and probes need plain numbers")
    progress.update(0, 1, f"Examining {handle.name}")
    with handle.lock:
        proposal = propose(handle.model)
    proved = settled(with_row(handle, proposal.row))
    found = tuple(findings(proved, proposal.is_sum, progress.update))
    folder = Path(str(handle.model.config._name_or_path))
    row = proved.architecture
    return Discovery(
        name=handle.name,
        source=source.source,
        model_type=model_type,
        columns=_columns(row),
        remarks=_remarks(row, proposal.is_sum, proposal.windows),
        findings=found,
        python=as_python(row),
        accepted=Accepted(_lasting(source.source), source.revision, config_digest(folder), row).text,
    )


def examine(bench: "Workbench", question: DiscoverQuestion, progress: Progress) -> str:
    """The name under which the store keeps what was found of a model."""
    bench.mode.check_model(question.model)
    found = discover(question.model, bench.root, progress)
    name = digest_of(question.model)
    bench.store.save_json(KIND, name, plain(found))
    return name


def found_in(store: Store, name: str) -> Discovery:
    """What was found of a model. Raises StoreError where it is gone."""

    def make(content: Any) -> Discovery:
        return restored(Discovery, content)

    return store.read_json(KIND, name, make)


def accept(found: Discovery, cache: Path) -> Path:
    """Write the row down as accepted; the file is what to load. Raises ModelError where a check of it failed."""
    failed = [one.check for one in found.findings if one.outcome == "no"]
    if failed:
        raise ModelError(
            f"The row proposed for {found.name} fails {', '.join(failed)}, so that it cannot be used; write one by "
            "hand in goldenlayers_core/models/families.py."
        )
    return keep(accepted_from(found.accepted, found.name), found.name, cache)


def _unexamined(model_type: str, _folder: Path) -> Architecture:
    """A row that says nothing yet. Raises ConfigError for a family that has one, UnknownArchitectureError for one that
    is refused by name."""
    from goldenlayers_core.models.architectures import known_architectures
    from goldenlayers_core.models.refused import reason_against, refusal_of

    if model_type in known_architectures():
        raise ConfigError(f"The architecture {model_type!r} has a row already; load the model as it is.")
    if reason := reason_against(model_type):
        raise refusal_of(model_type, reason)
    return Architecture(model_type, model_type, blocks="", embedding="", final_norm="", mlp=("",), attention=())


def _lasting(source: str) -> str:
    """A folder's name that holds wherever a command is run; a hub name as it is."""
    path = Path(source).expanduser()
    return str(path.resolve()) if path.exists() else source


def _columns(row: Architecture) -> tuple[tuple[str, str], ...]:
    """The columns of a row in words, without those that say nothing of a model's structure."""
    told = []
    for column in dataclasses.fields(row):
        value = getattr(row, column.name)
        if column.name not in _NOT_SHOWN and value not in ("", ()):
            told.append((column.name, ", ".join(value) if isinstance(value, tuple) else str(value)))
    return tuple(told)


def _remarks(row: Architecture, is_sum: bool, windows: tuple[str, ...]) -> tuple[str, ...]:
    told = []
    if not is_sum:
        told.append(
            "The residual stream is no sum of what attention and MLP write: the lens shows probabilities and no parts."
        )
    if not row.keeps_keys:
        told.append(
            "Kept keys and values do not give the numbers of whole rows, so whole rows are rerun, which is slow."
        )
    elif not row.packs_branches:
        why = f" (config.json has {', '.join(windows)})" if windows else ""
        told.append(f"Rows are padded and not packed into one{why}, which takes longer.")
    return tuple(told)
