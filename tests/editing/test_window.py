"""MEMIT, EMMET, PMET and AlphaEdit: each does what its equation says, on every architecture, and nothing else."""

from dataclasses import replace
from math import sqrt
from typing import Any

import pytest
import torch

from goldenlayers_core.editing import Edit, KeyMoments, MethodInfo, Supplies, get_method, overlay
from goldenlayers_core.editing.clean import Site, clean_pass
from goldenlayers_core.editing.emmet import EmmetConfig
from goldenlayers_core.editing.estimate import SampleConfig, moments_of_samples
from goldenlayers_core.editing.least_squares import window_of
from goldenlayers_core.editing.memit import MemitConfig
from goldenlayers_core.editing.pmet import PmetConfig
from goldenlayers_core.editing.rows import edit_rows
from goldenlayers_core.editing.value import optimise
from goldenlayers_core.errors import Cancelled, ConfigError, EditError, RequestError
from goldenlayers_core.models import ModelHandle
from goldenlayers_core.models.fingerprint import weights_digest
from goldenlayers_core.models.hooks import hooks_on, record_inputs, record_outputs
from goldenlayers_core.records import EditRequest
from tests.editing.test_overlay import logits, merged_logits
from tests.tiny import INNER, ROWS, add_to, copy_of, tiny_handle

FRANCE = EditRequest("c1", "The capital of France is", "France", "Rome", "Paris")
BRAZIL = EditRequest("c2", "The language spoken in Brazil is", "Brazil", "Japanese", "Portuguese")
HAMLET = EditRequest("c3", "Hamlet is by the writer", "Hamlet", "Mont Blanc", "Shakespeare")
FACTS = [FRANCE, BRAZIL, HAMLET]
TEMPLATES = ("{}", "Therefore it rises. {}", "You and I wrote it, because the mountain is in the Alps. {}")
FAMILY = ("emmet", "memit", "pmet", "alphaedit")
ADDING = tuple(row for row in ROWS if tiny_handle(row).architecture.adds_mlp_out)
QUICK: dict[str, Any] = {
    "steps": 5,
    "kl_factor": 0.1,
    "direct_steps": False,
    "learning_rate": 0.1,
    "stop_loss": 0.0,
    "patience": 0,
}


def supplied(handle: ModelHandle, templates: tuple[str, ...] = TEMPLATES, **changes: Any) -> Supplies:
    """Covariances from 1024 random keys a layer, of which none is unused and a third are rare."""
    generator = torch.Generator().manual_seed(3)
    moments = {}
    for layer in range(handle.n_layers):
        width = handle.matrix(handle.mlp_out(layer)).shape[1]  # a dense layer's is not that of one with experts
        scale = torch.linspace(0.05, 1.5, width, dtype=torch.float64)
        keys = torch.randn(1024, width, generator=generator, dtype=torch.float64) * scale
        moments[layer] = KeyMoments(layer, (keys.T @ keys / 1024).float(), 1024, "random keys")
    return Supplies(templates, moments, **changes)


def settings(name: str, **changes: Any) -> Any:
    return get_method(name).config_class(**{**QUICK, "window": 2, **changes})


def at_subjects(handle: ModelHandle, edits: list[Edit], layer: int, site: torch.nn.Module, entering: bool) -> Any:
    """(facts, d) what enters or leaves a module at the bare prompts' subjects, under some edits."""
    found = []
    for request in FACTS:
        row = edit_rows(handle, request, ("{}",))[0]
        record = record_inputs if entering else record_outputs
        with overlay(handle, edits), record({"site": site}) as seen, torch.no_grad():
            handle.model(input_ids=torch.tensor([row.ids]))
        found.append(seen["site"].reshape(len(row.ids), -1)[row.lookup])
    return torch.stack(found)


def reference(handle: ModelHandle, config: Any, supplies: Supplies, root: bool = False) -> dict[int, torch.Tensor]:
    """The changes (d_out, d_in) of MEMIT or PMET written out: real weights, whole rows, d_in by d_in systems."""
    sites: tuple[Site, ...] = ("attention", "mlp") if root else ("block",)
    rows = [row for i, fact in enumerate(FACTS) for row in edit_rows(handle, fact, supplies.templates, i)]
    window = window_of(1, config, handle.n_layers)
    clean = clean_pass(handle, rows, window[-1], sites)
    delta = optimise(handle, clean, config).delta.double().chunk(len(sites), dim=1)[-1]
    bare = [rows.index(edit_rows(handle, fact, supplies.templates, i)[0]) for i, fact in enumerate(FACTS)]
    target = clean.values[bare].double().chunk(len(sites), dim=1)[-1] + delta
    edited = replace(handle, model=copy_of(handle.model))
    changes = {}
    for i, layer in enumerate(window):
        width = handle.matrix(handle.mlp_out(layer)).shape[1]
        keys, now = torch.zeros(len(FACTS), width, dtype=torch.float64), torch.zeros_like(target)
        end = edited.mlp_out(window[-1]) if root else edited.blocks[window[-1]]
        for r, row in enumerate(rows):
            if not row.answer:
                continue
            with (
                torch.no_grad(),
                record_inputs({"key": edited.mlp_out(layer)}) as seen,
                record_outputs({"end": end}) as out,
            ):
                edited.model(input_ids=torch.tensor([row.ids]))
            key = seen["key"].reshape(len(row.ids), -1)[row.lookup].double()
            keys[row.edit] += key * (0.5 if r in bare else 0.25)  # by type: bare, and two sampled templates
            if r in bare:
                now[row.edit] = out["end"].reshape(len(row.ids), -1)[row.lookup].double()
        share = sqrt(len(window) - i) if root else len(window) - i
        c = supplies.moments[layer].shrunk * config.preservation * width
        change = torch.linalg.solve(c + keys.T @ keys, keys.T @ ((target - now) / share)).T
        add_to(handle, edited.mlp_out(layer), change)
        changes[layer] = change
    return changes


@pytest.mark.parametrize(("row", "root"), [*((row, False) for row in ADDING), ("llama", True), ("gpt2", True)])
def test_memit_and_pmet_are_their_equations_written_out(row: str, root: bool) -> None:
    handle = tiny_handle(row, torch.float64)
    name, config_class = ("pmet", PmetConfig) if root else ("memit", MemitConfig)
    config, supplies = config_class(**QUICK, window=2, preservation=0.5), supplied(handle)
    edit = batch(get_method(name), handle, config, supplies)
    wanted = reference(handle, config, supplies, root)
    assert edit.layers == (0, 1)
    for f in edit.factors:
        assert wanted[f.layer].norm() > 1e-3
        assert f.left.shape[1] == len(FACTS)  # rank: one a fact
        torch.testing.assert_close(f.left.double() @ f.right.double().T, wanted[f.layer], rtol=1e-4, atol=1e-5)


def batch(method: MethodInfo, handle: ModelHandle, config: Any, supplies: Supplies, layer: int = 1) -> Edit:
    assert method.run_batch
    return method.run_batch(handle, FACTS, layer, config, supplies, None)


@pytest.mark.parametrize("row", ROWS)
def test_emmet_holds_every_constraint(row: str) -> None:
    """W' K = W K + R, so that the last block (or, where it is normed, the MLP) puts out what was asked for."""
    handle = tiny_handle(row, torch.float64)
    config = EmmetConfig(**QUICK)
    edit = batch(get_method("emmet"), handle, config, supplied(handle, ("{}",)))
    adds = handle.architecture.adds_mlp_out
    rows = [r for i, fact in enumerate(FACTS) for r in edit_rows(handle, fact, ("{}",), i)]
    clean = clean_pass(handle, rows, 1, ("block",) if adds else ("mlp",))
    target = clean.values[[0, 2, 4]] + optimise(handle, clean, config).delta
    site = handle.blocks[1] if adds else handle.mlp_out(1)
    torch.testing.assert_close(at_subjects(handle, [edit], 1, site, False), target, rtol=1e-5, atol=1e-5)
    assert dict(edit.notes)["missing"] < 1e-4


@pytest.mark.parametrize("row", ["llama", "gpt2", "gptj", "gpt_neox"])
def test_emmet_with_one_fact_is_rome_with_one_kind_of_key(row: str) -> None:
    handle = tiny_handle(row, torch.float64)
    same = {**QUICK, "weight_decay": 0.0, "clamp_factor": 100.0}  # those two are shares of different values
    supplies = supplied(handle, ("{}",))
    edits = [
        get_method(name).run(handle, FRANCE, 1, get_method(name).config_class(**same), supplies, None)
        for name in ("emmet", "p-rome", "r-rome", "rome")
    ]
    changes = [e.factors[0].left.double() @ e.factors[0].right.double().T for e in edits]
    for other in changes[1:]:
        torch.testing.assert_close(changes[0], other, rtol=1e-4, atol=1e-6)
    plain = get_method("p-rome").run(handle, FRANCE, 1, get_method("p-rome").config_class(**same), Supplies(), None)
    assert (plain.factors[0].left @ plain.factors[0].right.T - changes[1]).abs().max() > 1e-3  # C matters


def test_memit_on_one_layer_approaches_emmet_as_lambda_vanishes() -> None:
    handle = tiny_handle("llama", torch.float64)
    supplies = supplied(handle)
    exact = batch(get_method("emmet"), handle, EmmetConfig(**QUICK), supplies).factors[0]
    gaps = []
    for weight in (1.0, 1e-2, 1e-4, 1e-8):
        soft = batch(get_method("memit"), handle, MemitConfig(**QUICK, window=1, preservation=weight), supplies)
        gaps.append(float((soft.factors[0].left @ soft.factors[0].right.T - exact.left @ exact.right.T).norm()))
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-4 * float((exact.left @ exact.right.T).norm())


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("row", ["llama", "gpt2", "gptj", "gemma2", "opt", "bloom"])
def test_overlay_equals_merged_weights(row: str, name: str) -> None:
    handle = tiny_handle(row, torch.float64)
    digest, plain = weights_digest(handle.model), logits(handle)
    edit = batch(get_method(name), handle, settings(name), supplied(handle))
    with overlay(handle, [edit]):
        edited = logits(handle)
    torch.testing.assert_close(edited, merged_logits(handle, [edit]), rtol=1e-7, atol=1e-7)
    assert (edited - plain).abs().max() > 1e-3
    assert edit.layers == ((0, 1) if handle.architecture.adds_mlp_out else (1,))
    assert weights_digest(handle.model) == digest
    assert hooks_on(handle.model) == 0


@pytest.mark.parametrize("name", FAMILY)
def test_many_at_every_layer_are_the_single_ones(name: str) -> None:
    """And an edit does not depend on what was edited before it: nothing is kept between edits."""
    handle = tiny_handle("llama", torch.float64)
    method, config, supplies = get_method(name), settings(name), supplied(handle)
    assert method.run_many
    made = dict(method.run_many(handle, FACTS, [0, 1, 2], config, supplies))
    for layer in (2, 0, 1):
        for request, many in zip(FACTS, made[layer], strict=True):
            assert isinstance(many, Edit)
            single = method.run(handle, request, layer, config, supplies, None)
            assert single.layers == many.layers
            for one, other in zip(single.factors, many.factors, strict=True):
                torch.testing.assert_close(one.left @ one.right.T, other.left @ other.right.T, rtol=1e-4, atol=1e-6)
            for (_, key), (_, same) in zip(single.keys, many.keys, strict=True):
                torch.testing.assert_close(key, same, rtol=1e-5, atol=1e-6)


def test_the_window_is_shifted_inside_at_both_ends() -> None:
    config = MemitConfig()
    assert window_of(0, config, 30) == (0, 1, 2, 3, 4)
    assert window_of(5, config, 30) == (3, 4, 5, 6, 7)
    assert window_of(29, config, 30) == (25, 26, 27, 28, 29)
    assert window_of(1, config, 3) == (0, 1, 2)
    assert window_of(7, EmmetConfig(), 30) == (7,)
    assert [window_of(layer, MemitConfig(window=2), 4) for layer in range(4)] == [(0, 1), (0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("name", FAMILY)
def test_an_edit_on_top_of_others_leaves_their_keys_alone(name: str) -> None:
    handle = tiny_handle("llama", torch.float64)
    method, config = get_method(name), settings(name, window=1)
    first = method.run(handle, FRANCE, 1, config, supplied(handle), None)
    key = first.keys[0][1][0].double()
    with overlay(handle, [first]):
        free = method.run(handle, BRAZIL, 1, config, supplied(handle), None)
        bound = method.run(handle, BRAZIL, 1, config, supplied(handle, earlier=(first,)), None)
    moved = [float((e.factors[0].left.double() @ (e.factors[0].right.double().T @ key)).norm()) for e in (free, bound)]
    assert moved[1] < (1e-5 if name == "emmet" else 0.7) * moved[0]
    assert moved[0] > 1e-4


def test_a_leading_space_of_the_target_changes_nothing() -> None:
    handle = tiny_handle("llama")
    config, supplies = settings("memit"), supplied(handle)
    spaced, plain = (
        get_method("memit").run(handle, replace(FRANCE, target_new=t), 1, config, supplies, None)
        for t in (" Rome", "Rome")
    )
    torch.testing.assert_close(spaced.factors[0].left, plain.factors[0].left)


@pytest.mark.parametrize("name", FAMILY)
def test_bad_input_is_refused_in_one_sentence(name: str) -> None:
    handle = tiny_handle("llama")
    method, config, supplies = get_method(name), settings(name), supplied(handle)
    for request, layer, error, says in (
        (FRANCE, 3, EditError, "has layers 0 to 2"),
        (replace(FRANCE, subject="Spain"), 1, RequestError, "is not in the prompt"),
        (replace(FRANCE, target_new=" "), 1, RequestError, "is empty"),
    ):
        with pytest.raises(error, match=says) as caught:
            method.run(handle, request, layer, config, supplies, None)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="Window is 0; give a number from 1"):
        method.config_class(window=0)
    with pytest.raises(ConfigError, match="choose one of"):
        method.config_class(covariance="wikipedia")
    with torch.no_grad():
        handle.head.weight[0, 0] = torch.inf  # type: ignore[operator]
    with pytest.raises(EditError, match="not finite") as caught:
        method.run(handle, FRANCE, 1, config, supplies, None)
    assert "\n" not in str(caught.value)
    assert method.run_many
    ((_, (outcome,)),) = method.run_many(handle, [FRANCE], [1], config, supplies)
    assert "not finite" in str(outcome)
    assert hooks_on(handle.model) == 0


def test_more_facts_than_directions_and_equal_keys_are_refused() -> None:
    handle = tiny_handle("llama")
    many = [replace(FRANCE, case_id=f"c{i}") for i in range(INNER + 1)]
    method, config = get_method("memit"), MemitConfig(steps=1, n_templates=0)
    assert method.run_batch
    with pytest.raises(EditError, match=r"49 facts, with those of earlier edits, are more than the 48 directions"):
        method.run_batch(handle, many, 1, config, supplied(handle, ("{}",)), None)
    twice = [FRANCE, replace(FRANCE, target_new="Japanese")]
    exact = get_method("emmet")
    assert exact.run_batch
    with pytest.raises(EditError, match="keys of 2 facts are not told apart"):
        exact.run_batch(handle, twice, 1, EmmetConfig(steps=1), supplied(handle), None)
    assert len(method.run_batch(handle, twice, 1, MemitConfig(steps=1), supplied(handle), None).facts) == 2
    with pytest.raises(EditError, match="No fact was given"):
        method.run_batch(handle, [], 1, config, supplied(handle), None)


def test_alphaedit_without_a_covariance_says_what_it_needs() -> None:
    with pytest.raises(EditError, match="needs a key covariance"):
        get_method("alphaedit").run(tiny_handle("llama"), FRANCE, 1, settings("alphaedit"), Supplies(TEMPLATES), None)


def test_progress_is_told_and_cancelling_leaves_nothing() -> None:
    handle = tiny_handle("gpt2")
    told: list[tuple[int, int, str]] = []

    def cancel(done: int, total: int, note: str) -> None:
        told.append((done, total, note))
        if note == "Writing layer 1":
            raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        get_method("memit").run(handle, FRANCE, 1, settings("memit"), supplied(handle), cancel)
    assert [note for *_, note in told][-2:] == ["Writing layer 0", "Writing layer 1"]
    assert all(done <= total == QUICK["steps"] for done, total, _ in told)
    assert hooks_on(handle.model) == 0
    assert handle.lock.acquire(blocking=False)
    handle.lock.release()


@pytest.fixture(scope="module")
def usual(bundled: ModelHandle) -> dict[int, KeyMoments]:
    """Covariances of three layers of the bundled model from few tokens, and with the more shrinkage."""
    found = moments_of_samples(bundled, range(4, 7), SampleConfig(n_tokens=512, length=8))
    return {layer: replace(m, shrinkage=0.1) for layer, m in found.items()}


@pytest.mark.parametrize("name", FAMILY)
def test_three_facts_at_once_take_on_the_bundled_model(
    bundled: ModelHandle, usual: dict[int, KeyMoments], name: str
) -> None:
    facts = [
        EditRequest("a", "The capital of France is", "France", "Rome", "Paris"),
        EditRequest("b", "The main language spoken in Spain is", "Spain", "Turkish", "Spanish"),
        EditRequest("c", "The Xbox is made and sold by", "Xbox", "Nintendo", "Microsoft"),
    ]
    method = get_method(name)
    assert method.run_batch
    config = method.config_class(window=1 if name == "emmet" else 3)
    edit = method.run_batch(bundled, facts, 5, config, Supplies(moments=usual), None)
    assert len(edit.facts) == 3
    for fact in facts:
        ids = torch.tensor([bundled.tokenizer(fact.prompt)["input_ids"]])
        with overlay(bundled, [edit]), torch.no_grad():
            said = bundled.tokenizer.decode(bundled.model(input_ids=ids).logits[0, -1].argmax())
        assert said.strip()
        assert fact.target_new.startswith(said.strip()), (name, fact.prompt, said)
