"""Lessons 4 to 7: what they compute and ask; on made-up results, and once on tiny real models."""

from pathlib import Path

import numpy as np
import pytest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.errors import ConfigError, RequestError
from goldenlayers_core.records import EditRequest, ModelSource, Probe
from goldenlayers_core.results.learn.lga import Arrows
from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, Workbench, open_workbench
from goldenlayers_core.tasks.learn import golden, lga
from goldenlayers_core.tasks.learn import layer as lesson_layer
from goldenlayers_core.tasks.learn import wrong as lesson_wrong
from goldenlayers_core.tasks.learn.pile import pile
from goldenlayers_core.tasks.learn.probe_texts import probe_texts
from goldenlayers_core.tasks.questions import PileQuestion, ProbeTextsQuestion, SweepQuestion
from goldenlayers_core.tasks.truth.stored_sweep import open_sweep, save_sweep
from goldenlayers_core.tasks.truth.sweep import sweep as run_sweep
from tests.made_lessons import made_pile
from tests.made_up import made_report, made_sweep, view
from tests.tiny import save_tiny


def test_thirds_name_the_part_of_the_model_where_a_metric_is_largest() -> None:
    scores = np.tile(np.repeat([0.9, 0.5, 0.2], 10), (4, 1))
    sweep = made_sweep(requests=4, scores=scores)
    found = lesson_layer.thirds(sweep, "rewrite")
    assert found is not None
    assert found.winners == (0,)
    assert found.means == pytest.approx((0.9, 0.5, 0.2))
    assert found.layers[1] == tuple(range(10, 20))
    assert lesson_layer.thirds(sweep, "portability") is None  # no such probes
    assert lesson_layer.thirds(made_sweep(layers=(0, 1, 2)), "rewrite") is None  # all shallow
    level = lesson_layer.thirds(made_sweep(requests=4, scores=np.full((4, 30), 0.7)), "rewrite")
    assert level is not None
    assert level.winners == (0, 1, 2)
    two = np.tile(np.repeat([0.9, 0.88, 0.2], 10), (4, 1))
    (level_two,) = lesson_layer.questions(made_sweep(requests=4, scores=two), "run")
    assert level_two.right == (0, 1)
    assert "counts as level" in level_two.explanation
    (asked,) = lesson_layer.questions(sweep, "run")
    assert (asked.key, asked.right, asked.about) == ("take", (0,), "run")
    assert "90 % in the shallow third, layers 0 to 9" in asked.explanation


def test_the_lesson_reads_the_sessions_sweep_else_the_largest(tmp_path: Path) -> None:
    store = open_workbench(tmp_path).store
    small, large = (made_sweep(requests=n, dataset=f"first {n}") for n in (4, 9))
    two_layers = made_sweep(requests=20, layers=(0, 1))
    ids = [save_sweep(store, SweepQuestion(), found) for found in (large, small, two_layers)]
    chosen = lesson_layer.lesson_sweep(store, "f" * 32)
    assert chosen is not None
    assert chosen.run_id == ids[0]
    wanted = lesson_layer.lesson_sweep(store, "f" * 32, ids[1])
    assert wanted is not None
    assert wanted.run_id == ids[1]
    assert lesson_layer.lesson_sweep(store, "another") is None


def test_what_tells_layers_apart_is_counted_where_edits_take() -> None:
    sweep = made_sweep(requests=12, peak=3)
    found = lesson_layer.apart(sweep)
    took, stayed = sweep.mean("rewrite"), sweep.mean("locality")
    taking = [layer for layer in range(30) if took[layer] >= 0.8]
    assert 0 < len(taking) < 30
    assert (found.taking, found.n_layers) == (len(taking), 30)
    assert found.least is not None
    assert found.most is not None
    assert found.least[1] == stayed[taking].min() == stayed[found.least[0]]
    assert found.most[1] == stayed[taking].max()
    assert lesson_layer.apart(made_sweep(requests=3, scores=np.zeros((3, 30)))).least is None


def test_the_small_sweep_has_few_requests_and_every_kth_layer() -> None:
    asked = lesson_layer.small_sweep(ModelSource(), DatasetChoice("bundled", "proxy", 32), 30)
    assert asked.layers == tuple(range(0, 30, 3))
    assert (asked.choice.limit, asked.choice.known_only, asked.choice.split) == (6, True, "proxy")
    assert lesson_layer.small_sweep(ModelSource(), DatasetChoice(), 4).layers == (0, 1, 2, 3)


def test_proxies_and_judges_never_share_a_request_and_n_alone_changes() -> None:
    sweep = made_sweep(requests=12)
    draws = [golden.draw(sweep, n, 3) for n in range(1, 9)]
    for n, found in enumerate(draws, 1):
        assert len(found.proxies) == n
        assert not set(found.proxies) & set(found.held_out)
        assert found.held_out == draws[0].held_out
        assert found.low <= found.regret <= found.high
        assert found.best_regret <= found.regret + 1e-12
        assert found.oracle - found.score == pytest.approx(found.regret)
    assert golden.draw(sweep, 2, 0).proxies != golden.draw(sweep, 2, 1).proxies
    with pytest.raises(RequestError, match="9 proxy requests were asked for; this sweep has 1 to 8"):
        golden.draw(sweep, 9)
    with pytest.raises(RequestError, match="3 are needed at least"):
        golden.draw(made_sweep(requests=2), 1)


def test_the_curve_is_the_mean_of_its_draws() -> None:
    sweep = made_sweep(requests=9, layers=(0, 3, 6, 9), n_layers=12)
    curve = golden.proxy_curve(sweep, 20)
    assert curve.most == 6
    for n in (1, 4, 6):
        draws = [golden.draw(sweep, n, number) for number in range(20)]
        assert curve.regret[n - 1] == pytest.approx(np.mean([d.regret for d in draws]))
        chosen = [d.golden_layer for d in draws]
        layer, share = curve.favourite(n)
        assert share == pytest.approx(chosen.count(layer) / 20)
        assert share == max(chosen.count(x) for x in sweep.layers) / 20
    assert curve.picks.sum(axis=1).tolist() == [20] * 6
    assert len(curve.to_frame()) == 6


def test_where_every_request_has_the_same_best_layer_one_proxy_is_enough() -> None:
    scores = np.zeros((9, 30))
    scores[:, 7] = 1.0
    sweep = made_sweep(requests=9, scores=scores)
    curve = golden.proxy_curve(sweep, 20)
    assert (curve.settled, curve.regret.max(), curve.favourite(1)) == (1, 0.0, (7, 1.0))
    own, enough = golden.questions(sweep, curve, "run")
    assert own.answers == ("three quarters or more",)
    assert enough.answers[0].startswith("1")
    assert "9 of 9 requests" in own.explanation


@pytest.mark.parametrize(("degrees", "sign"), [(0, 1), (60, 1), (90, 0), (270, 0), (120, -1), (180, -1)])
def test_the_sign_of_the_inner_product_is_that_of_the_cosine(degrees: float, sign: int) -> None:
    arrows = Arrows(350, 2.0, 350 + degrees, 0.5)
    (ox, oy), (nx, ny) = arrows.old, arrows.new
    assert arrows.inner == pytest.approx(ox * nx + oy * ny)
    assert arrows.sign == sign
    assert lga.sign_question(arrows).right == (sign + 1,)
    with pytest.raises(ConfigError, match="an arrow's length is 0 or more"):
        Arrows(0, -1, 0, 1)


def test_lga_is_judged_by_real_edits() -> None:
    sweep = made_sweep(requests=10, peak=3)
    values = np.zeros((10, 30))
    values += 1e-4 * np.sin(np.arange(30))  # something inside the fences
    worst = int(sweep.mean("score").argmin())
    values[:, worst] = 2e-4
    selection = select(values)
    assert selection.golden_layer == worst
    found = lga.judged(sweep, selection)
    assert found is not None
    assert found.rank >= 29  # two layers may be level
    assert found.third == "worst"
    assert found.apart == pytest.approx(found.golden_score - found.pick_score)
    assert found.regret == pytest.approx(found.golden_regret + found.apart)
    asked = lga.edits_question(found, "run")
    assert asked.answers == ("among the worst third of the layers",)
    assert f"Layer {worst} is number {found.rank} of 30" in asked.explanation
    picked = lga.pick_question(selection, "run")
    ((first, last),) = [map(int, answer.removeprefix("layers ").split(" to ")) for answer in picked.answers]
    assert first <= worst <= last
    assert lga.judged(made_sweep(layers=(0, 1, 2)), selection) is None


def test_a_layer_more_is_asked_of_the_same_sweep(tmp_path: Path) -> None:
    store = open_workbench(tmp_path).store
    sweep = made_sweep(requests=4, layers=(0, 3, 6))
    asked = SweepQuestion(choice=DatasetChoice("bundled", "proxy", 4), settings=QUICK, layers=(0, 3, 6))
    save_sweep(store, asked, sweep)
    more = lga.sweep_with(store.runs()[0], sweep, 5)
    assert more.layers == (0, 3, 5, 6)
    assert (more.choice, more.settings, more.method) == (asked.choice, asked.settings, asked.method)


def test_the_telling_edit_took_and_its_kinds_of_probe_differ() -> None:
    sweep = made_sweep(requests=8, seed=3)
    row, layer = lesson_wrong.telling_edit(sweep)
    place = sweep.layers.index(layer)
    rates = {name: sweep.of(name)[:, :] for name in ("rewrite", "rephrase", "locality")}
    assert rates["rewrite"][row, place] == 1
    spread = abs(rates["rephrase"] - rates["locality"])
    assert spread[row, place] == spread[rates["rewrite"] == 1].max()


def test_which_kind_of_probe_comes_off_worst() -> None:
    from goldenlayers_core.results import ProbeOutcome

    old, new = view("Paris", 0.1, 0.9), view("Rome", 0.9, 0.1)

    def outcome(kind: str, success: bool) -> ProbeOutcome:
        return ProbeOutcome(f"A {kind} prompt", kind, "", ("Rome",), old, new, success, 0.1)

    kinds = (("rewrite", True), ("rephrase", True), ("rephrase", False), ("locality", False))
    report = made_report(tuple(outcome(*each) for each in kinds), old, new)
    asked = lesson_wrong.kind_question(report)
    assert asked is not None
    assert asked.answers == ("neighbours: other facts that should stay",)
    assert "rephrases 1 of 2, neighbours 0 of 1" in asked.explanation
    good = made_report((outcome("rephrase", True), outcome("locality", True)), old, new)
    fine = lesson_wrong.kind_question(good)
    assert fine is not None
    assert fine.answers == ("none: all of them come out as wished",)
    assert lesson_wrong.kind_question(made_report((outcome("rewrite", True),), old, new)) is None


def test_the_pile_says_what_breaks_first_when_and_what_warns() -> None:
    found = made_pile()
    first, when, warning = lesson_wrong.pile_questions(found, "name")
    assert first.answers == ("layer 25",)
    assert when.answers == ("at 3 edits",)
    assert warning.answers == ("the words",)
    assert "with 1 edit, the perplexity with 6 edits" in warning.explanation
    assert lesson_wrong.signs(found) == (
        "at layer 4 neither passed its caution; at layer 15 the words with 1 and the perplexity with 6; "
        "at layer 25 both passed it with 1 edit"
    )
    assert "not at all at layer 4, not at all at layer 15, with 3 at layer 25" in when.explanation
    assert [curve.breaks_at for curve in found.curves] == [None, None, 3]
    assert len(found.to_frame()) == 12


def fact(number: int) -> EditRequest:
    """A fact about a country, with a rephrase and a neighbour."""
    name = ("France", "Italy", "Brazil", "Japan")[number % 4]
    return EditRequest(
        case_id=f"c{number}",
        prompt=f"The capital of {name} is",
        subject=name,
        target_new="Rome",
        target_true="Paris",
        rephrases=(Probe(f"{name} has the capital", ("Rome",), "rephrase"),),
        locality=(Probe("The language spoken in Japan is", ("Japanese",), "locality"),),
    )


QUICK = {"steps": 2, "n_templates": 0}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("lessons")
    save_tiny(folder / "tiny")
    return open_workbench(folder / "cache")


@pytest.fixture(scope="module")
def tiny(bench: Workbench) -> ModelSource:
    return ModelSource(str(bench.root.parent / "tiny"))


@pytest.fixture(scope="module")
def table(bench: Workbench) -> str:
    """Four facts as an uploaded table."""
    rows = "\n".join(f"{f.prompt},{f.subject},{f.target_new},{f.target_true}" for f in map(fact, range(4)))
    name, _ = bench.upload(f"prompt,subject,target_new,target_true\n{rows}\n".encode(), "facts.csv")
    return name


def test_the_texts_are_those_of_the_sweeps_edits(bench: Workbench, tiny: ModelSource, table: str) -> None:
    asked = SweepQuestion(tiny, DatasetChoice(table, limit=2), settings=QUICK)
    sweep = open_sweep(bench.store, run_sweep(bench, asked, Progress()))
    request = bench.dataset(table).requests[1]
    assert lesson_layer.texts_of(bench.store, sweep, request.digest) is None
    question = lesson_layer.texts_question(tiny, sweep, request)
    probe_texts(bench, ProbeTextsQuestion.from_params(question.to_params()), Progress())
    found = lesson_layer.texts_of(bench.store, sweep, request.digest)
    assert found is not None
    assert found.layers == sweep.layers
    for place, layer in enumerate(sweep.layers):
        said = found.at(layer)
        assert said is not None
        ((probe, text, hit), *_) = said
        assert (probe.kind, probe.before) == ("rewrite", sweep.answers_before[1])
        assert hit == bool(sweep.of("rewrite")[1, place])
        if not hit:  # where it took, the sweep wrote down the target alone
            assert text == sweep.answers[1][place]
    assert found.at(99) is None
    assert len(found.to_frame()) == len(sweep.layers) * len(found.probes)


def test_each_kind_of_probe_is_read_once(bench: Workbench, tiny: ModelSource) -> None:
    from goldenlayers_core.tasks.serial import plain

    question = ProbeTextsQuestion(tiny, plain(fact(0)), "rome", QUICK, (0, 2))
    name = probe_texts(bench, question, Progress())
    content = bench.store.load_json(lesson_layer.TABLE, name)
    assert [p["kind"] for p in content["probes"]] == ["rewrite", "rephrase", "locality"]
    assert np.shape(content["hits"]) == (2, 3)


def test_edits_pile_up_and_are_kept(bench: Workbench, tiny: ModelSource, table: str) -> None:
    question = PileQuestion(tiny, DatasetChoice(table), settings=QUICK, layers=(0, 2), sizes=(0, 1, 3), facts=1)
    name = pile(bench, PileQuestion.from_params(question.to_params()), Progress())
    found = lesson_wrong.open_pile(bench.store, name)
    assert found is not None
    assert [curve.layer for curve in found.curves] == [0, 2]
    assert found.sizes == (0, 1, 3)
    assert len(found.written) == 3
    for curve in found.curves:
        assert curve.passes[0].changed == 0
        assert curve.passes[0].norm == 0
        assert [p.norm for p in curve.passes] == sorted(p.norm for p in curve.passes)
    assert lesson_wrong.find_pile(bench.store, found.fingerprint, "float32", question) == (name, found)
    other = PileQuestion(tiny, DatasetChoice(table), layers=(1,))
    assert lesson_wrong.find_pile(bench.store, found.fingerprint, "float32", other) == (name, found)
    assert lesson_wrong.find_pile(bench.store, "another", "float32", question) is None
    with pytest.raises(RequestError, match="has 4 requests; 5 are needed"):
        pile(bench, PileQuestion(tiny, DatasetChoice(table), layers=(0,), sizes=(0, 1), facts=4), Progress())


@pytest.mark.parametrize("wrong", [{"sizes": (1, 2)}, {"sizes": (0, 3, 2)}, {"facts": 0}, {"layers": ()}])
def test_a_pile_that_cannot_be_measured_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="give"):
        PileQuestion(**{"layers": (0,), **wrong})  # type: ignore[arg-type]
