"""A scored workbench for tests of pages, and what they do again and again."""

import shutil
from pathlib import Path

from streamlit.testing.v1 import AppTest

from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, Workbench
from goldenlayers_core.tasks.scoring import score
from tests.lending import lend_models

APP = Path(__file__).resolve().parents[2] / "app.py"
PATIENCE = 300.0  # seconds; the machine may be busy with other things
THREE = DatasetChoice("bundled", "proxy", 3)


def scored(folder: Path) -> Path:
    """A cache folder that holds the converted model and the scores of three bundled requests."""
    bench = Workbench(lend_models(folder))
    score(bench, ScoreQuestion(choice=THREE), Progress())
    bench.close()
    return folder


def copied(folder: Path, to: Path) -> None:
    """Another such folder."""
    lend_models(to, folder)
    for part in ("runs", "tables", "fingerprints"):
        shutil.copytree(folder / part, to / part, dirs_exist_ok=True)


def opened(page: str, **state: object) -> AppTest:
    """A new session of the app with its state set, on `pages/<page>.py`."""
    app = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def finished(app: AppTest, bench: Workbench, slot: str) -> AppTest:
    """The app after the job that `slot` waits for is over."""
    job_id = app.session_state[f"job:{slot}"]
    view = bench.queue_of(job_id).wait(job_id, PATIENCE)
    assert not view.active, view
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    """Everything a person reads in Markdown, captions, headings and boxes."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.warning, app.error)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")
