"""A workbench that has scored, for tests of the pages that show scores and edits."""

import re
import shutil
from pathlib import Path

from streamlit.testing.v1 import AppTest

from goldenlayers_core.runtime import Progress
from goldenlayers_core.tasks import DatasetChoice, ScoreQuestion, open_workbench
from goldenlayers_core.tasks.scores.layer_scores import score
from tests.lending import lend_models
from tests.pages.driving import texts

_LINK = re.compile(r'\[([^\]]+)\]\([^)"]*(?:"[^"]*")?\)')  # [word](address "meaning")
THREE = DatasetChoice("bundled", "proxy", 3)


def scored(folder: Path) -> Path:
    """A cache folder that holds the converted model and the scores of three bundled requests."""
    bench = open_workbench(lend_models(folder))
    score(bench, ScoreQuestion(choice=THREE), Progress())
    bench.close()
    return folder


def copied(folder: Path, to: Path) -> None:
    """The same in a folder that has the model already."""
    for part in ("runs", "tables"):
        shutil.copytree(folder / part, to / part, dirs_exist_ok=True)


def words(app: AppTest) -> str:
    """Everything a person reads on the page, as it was before it was escaped for Markdown and words were linked."""
    return _LINK.sub(r"\1", texts(app).replace("\\", ""))
