"""What a test of a page does again and again."""

from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from goldenlayers_core.attribution.selection import select
from goldenlayers_core.results import LayerScores, ProbeOutcome, View
from goldenlayers_core.tasks import DatasetChoice, EditQuestion, ScoreQuestion
from goldenlayers_core.tasks.edit.stored import save_report
from goldenlayers_core.tasks.scores.stored import save_scores
from pages._shared import cached, show
from tests.made_up import made_report

APP = Path(__file__).resolve().parents[2] / "app.py"
PATIENCE = 180  # seconds
SOME = DatasetChoice("bundled", "proxy", 4)  # enough to see that it works


def start(page: str, **state: object) -> AppTest:
    """A new session on a page."""
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    return go(app, page)


def opened(page: str, /, **asked: str) -> AppTest:
    """A new browser that opens an address."""
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    app.switch_page(f"pages/{page}.py")
    app.query_params.update(asked)
    return healthy(app.run())


def go(app: AppTest, page: str) -> AppTest:
    """The same session on another page; as in a browser, the sidebar's links carry no parameters."""
    app.query_params.clear()
    app.switch_page(f"pages/{page}.py").run()
    return healthy(app)


def healthy(app: AppTest) -> AppTest:
    """No traceback is on the page."""
    assert not app.exception, app.exception[0].value
    return app


def twins(app: AppTest) -> AppTest:
    """The same page with the table of every chart open."""
    return unfolded(app, show.TWIN)


def unfolded(app: AppTest, prefix: str) -> AppTest:
    """The same page with every expander open whose key begins so."""
    for box in app.expander:
        key = box.proto.id.split("-", 2)[-1]  # "$$ID-hash-key"
        if key.startswith(prefix):
            app.session_state[key] = True
    app.run()
    return healthy(app)


def press(app: AppTest, key: str) -> AppTest:
    """Press a button and see what comes of it."""
    app.button(key=key).click().run()
    return healthy(app)


def work_done(app: AppTest) -> AppTest:
    """Wait for all background work, then look again."""
    bench = cached.workbench()
    for job in bench.jobs():
        assert not bench.queue_of(job.job_id).wait(job.job_id, PATIENCE).active
    app.run()
    return healthy(app)


def texts(app: AppTest) -> str:
    """Everything that is written on the page and in its sidebar."""
    headings = (app.title, app.header, app.subheader)
    kinds = (*headings, app.markdown, app.caption, app.info, app.warning, app.error, app.success)
    beside = (app.sidebar.markdown, app.sidebar.caption)
    return "\n".join(str(element.value) for kind in (*kinds, *beside) for element in kind)


def stored_scores(n_requests: int = 6, n_layers: int = 8, seed: int = 0, dataset: str = "bundled") -> str:
    """A score run of made-up numbers in the store; its id."""
    values = np.random.default_rng(seed).normal(size=(n_requests, n_layers))
    names = tuple(f"{dataset}-{seed}-{i}" for i in range(n_requests))
    scores = LayerScores(
        method="lga",
        model="Some model",
        fingerprint="f" * 32,
        dataset=dataset,
        scope="mlp",
        old_answer="dataset",
        case_ids=names,
        request_digests=names,
        prompts=tuple(f"The capital of {n} is" for n in names),
        targets_old=("Paris",) * n_requests,
        targets_new=("Rome",) * n_requests,
        relations=("capital",) * n_requests,
        values=values,
        norm_old=np.abs(values) + 1,
        norm_new=np.abs(values) + 1,
        seconds=3.0,
        n_computed=n_requests,
        provenance={"dtype": "float32", "device": "cpu"},
    )
    question = ScoreQuestion(choice=DatasetChoice(dataset))
    return save_scores(cached.workbench().store, question, scores, select(scores.values))


def stored_edit() -> str:
    """An edit's report of made-up numbers in the store; its id."""
    before, after = (View(text, p, 1 - p, ((text, 0.5),)) for text, p in (("Paris", 0.1), ("Rome", 0.9)))
    outcome = ProbeOutcome("The capital of France is", "rewrite", "", ("Rome",), before, after, True, 0.5)
    report = made_report((outcome,), before, after)
    return save_report(cached.workbench().store, EditQuestion(), report, "Some model")
