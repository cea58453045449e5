"""Which of the ways to rerun a model gives its own numbers, and what every check says of the row so settled."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from goldenlayers_core.errors import GoldenLayersError
from goldenlayers_core.evaluation.proving.checks import CHECKS, Check, lens_has_parts, lga, reruns
from goldenlayers_core.models import Architecture, ModelHandle
from goldenlayers_core.models.refused import refusal_of
from goldenlayers_core.results.discovery import Finding, Outcome

LIMIT: Final = 2e-3  # relative: what float32 leaves of sums over a whole model
_SAID: Final = {
    "LGA": "inner products of both answers' gradients, all matrices of a block, against autograd's",
    "edit-aware": "the new answer's loss and the old value's size, against a plain pass; gradients are LGA's",
    "trace": "hidden state, MLP and attention restored at the subject, against one whole pass each",
    "lens": "what is read after a layer, against the model cut off there",
    "value": "a value moved at a token, run on from there, against whole rows, all layers, no kept keys",
    "overlay": "an edit over the model, alone and one per sample, against weights with the edit added",
    "sweep": "ROME's edits of several layers computed together, against one after another",
}

Step = Callable[[int, int, str], None]


def settled(handle: ModelHandle) -> ModelHandle:
    """The handle with the fastest way to rerun that gives the model's own numbers: kept keys and packed rows,
    kept keys, or whole rows. Raises UnknownArchitectureError where none does."""
    row = handle.architecture
    ways = [(True, True), (True, False), (False, False)]
    for keeps, packs in ways[0 if row.packs_branches else 1 :]:
        tried = replace(handle, architecture=replace(row, keeps_keys=keeps, packs_branches=packs))
        with tried.lock:
            if how_far(reruns, tried) <= LIMIT and (not packs or how_far(lga, tried) <= LIMIT):
                return tried
    raise refusal_of(row.model_type, "a run from the middle of a row does not give the numbers of the whole row")


def how_far(check: Check, handle: ModelHandle) -> float:
    """How far apart a check is; infinite where it cannot be made."""
    try:
        return check(handle)
    except GoldenLayersError:
        raise
    except Exception:  # whatever a model says that does not take what the check gives it
        return float("inf")


def findings(handle: ModelHandle, is_sum: bool, step: Step | None = None) -> Iterator[Finding]:
    """Every check of a settled row, on the model as it was loaded."""
    yield Finding("loads", "yes", "read without a tensor too few or too many; starting in the middle: the same logits")
    for done, (name, check) in enumerate(CHECKS.items()):
        if step:
            step(done, len(CHECKS), f"Checking {name}")
        with handle.lock:
            try:
                far = check(handle)
            except Exception as error:  # a check that cannot be made is no proof
                yield Finding(name, "no", f"{_SAID[name]}: {str(error).splitlines()[0][:160] or type(error).__name__}")
                continue
            outcome: Outcome = "yes" if far <= LIMIT else "no"
            parts = ""
            if name == "lens":
                parts = "; the parts add up" if is_sum and lens_has_parts(handle) else "; no parts are shown"
            yield Finding(name, outcome, f"{_SAID[name]}: {f'{far:.0e} apart' if far else 'no difference'}{parts}")
    yield Finding(
        "exports", "-", "peft and EasyEdit were not run; merged weights are what the overlay is checked against"
    )


def with_row(handle: ModelHandle, row: Architecture) -> ModelHandle:
    """The same model under another row."""
    return replace(handle, architecture=row)
