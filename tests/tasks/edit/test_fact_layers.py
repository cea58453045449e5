"""One's own fact at every layer: measured once, kept layer by layer, and gone on with after it was broken off."""

from dataclasses import replace

import pytest

from goldenlayers_core.errors import Cancelled, ConfigError
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.records import EditRequest, ModelSource, Probe
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import EditQuestion, Workbench
from goldenlayers_core.tasks.edit import fact_layers as module
from goldenlayers_core.tasks.edit.fact_layers import coarse_first, fact_layers
from goldenlayers_core.tasks.edit.one_edit import edit
from goldenlayers_core.tasks.edit.stored import open_report
from goldenlayers_core.tasks.edit.stored_layers import TABLE, known_layers, layers_name
from goldenlayers_core.tasks.questions import FactLayersQuestion
from goldenlayers_core.tasks.serial import plain
from tests.tiny import LAYERS

QUICK = {"steps": 2, "n_templates": 0}
FRANCE = EditRequest(
    "free",
    "The capital of France is",
    "France",
    "Rome",
    "Paris",
    rephrases=(Probe("France has the capital", ("Rome",), "rephrase"),),
    locality=(Probe("The capital of Japan is", (), "locality"),),
    portability=(Probe("The river of the capital of France is the", ("Tiber",), "portability"),),
)


def question(tiny: ModelSource, request: EditRequest = FRANCE, method: str = "rome") -> FactLayersQuestion:
    return FactLayersQuestion(tiny, plain(request), method, QUICK)


class Breaking(Progress):
    """Cancelled after the first layer."""

    def update(self, done: int, total: int, note: str = "") -> None:
        super().update(done, total, note)
        if note.startswith("Edited layer"):
            raise Cancelled


def test_every_layer_is_measured_as_a_single_edit_would_be(bench: Workbench, tiny: ModelSource) -> None:
    handle = bench.model(tiny)
    digest = weights_digest(handle.model)
    name = fact_layers(bench, question(tiny), Progress())
    assert weights_digest(handle.model) == digest
    assert name == layers_name(handle.fingerprint, handle.dtype_name, FRANCE, "rome", QUICK)
    found = known_layers(bench.store, name, handle.n_layers)
    assert found is not None
    assert (found.layers, found.missing) == (tuple(range(LAYERS)), ())
    for layer in found.layers:
        report, alone = (
            found.at(layer),
            edit(bench, EditQuestion(tiny, plain(FRANCE), "rome", layer, QUICK), Progress()),
        )
        assert report is not None
        single = open_report(bench.store, alone)
        assert [o.after.answer for o in report.outcomes] == [o.after.answer for o in single.outcomes]
        assert report.after.target_new_probability == pytest.approx(single.after.target_new_probability, rel=1e-3)
        assert {o.kind for o in report.outcomes} == {"rewrite", "rephrase", "locality", "portability"}
        assert len(report.after.top_tokens) == 10


def test_what_was_measured_is_kept_when_it_is_broken_off_and_not_measured_again(
    bench: Workbench, tiny: ModelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Cancelled):
        fact_layers(bench, question(tiny), Breaking())
    handle = bench.model(tiny)
    name = layers_name(handle.fingerprint, handle.dtype_name, FRANCE, "rome", QUICK)
    begun = known_layers(bench.store, name, handle.n_layers)
    assert begun is not None
    assert begun.layers == (0,)
    asked: list[tuple[int, ...]] = []
    real = module.edits_at

    def noted(handle, method, requests, layers, *rest):  # type: ignore[no-untyped-def]
        asked.append(tuple(layers))
        return real(handle, method, requests, layers, *rest)

    monkeypatch.setattr(module, "edits_at", noted)
    fact_layers(bench, question(tiny), Progress())
    assert asked == [tuple(sorted(range(1, LAYERS), key=coarse_first))]
    whole = known_layers(bench.store, name, handle.n_layers)
    assert whole is not None
    assert whole.missing == ()
    assert whole.at(0) == begun.at(0)
    fact_layers(bench, question(tiny), Progress())
    assert len(asked) == 1


def test_other_settings_and_other_facts_are_kept_apart(bench: Workbench, tiny: ModelSource) -> None:
    fact_layers(bench, question(tiny), Progress())
    other = replace(FRANCE, target_new="Oslo")
    fact_layers(bench, question(tiny, other), Progress())
    assert len(bench.store.names(TABLE)) == 2


def test_what_is_damaged_is_measured_again(bench: Workbench, tiny: ModelSource) -> None:
    name = fact_layers(bench, question(tiny), Progress())
    bench.store.save_json(TABLE, name, {"rows": "nonsense"})
    assert known_layers(bench.store, name, LAYERS) is None
    fact_layers(bench, question(tiny), Progress())
    found = known_layers(bench.store, name, LAYERS)
    assert found is not None
    assert found.missing == ()


def test_a_text_before_the_prompt_has_no_layers(bench: Workbench, tiny: ModelSource) -> None:
    asked = FactLayersQuestion(tiny, plain(FRANCE), "ice", {})
    with pytest.raises(ConfigError, match="every layer would be the same"):
        fact_layers(bench, asked, Progress())


def test_coarse_layers_come_first() -> None:
    assert sorted(range(9), key=coarse_first) == [0, 4, 8, 2, 6, 1, 3, 5, 7]
