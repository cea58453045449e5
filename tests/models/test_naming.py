"""Names for people: no digest of a conversion, no path of a cache, and the same weights are called the same."""

import shutil
from pathlib import Path

import pytest

from goldenlayers_core.models import load_model
from goldenlayers_core.models.drafts import make_whole
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.gemma.place import folder_of
from goldenlayers_core.models.naming import folder_title, source_title
from tests.tiny import save_tiny


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("bundled", "SmolLM2-135M-Instruct"),
        ("gemma", "Gemma 3 270M"),
        ("classroom:3", "Classroom, fact planted in layer 3"),
        ("owner/name", "owner/name"),
        ("/root/.cache/goldenlayers/models/SmolLM2-135M-Instruct.Q4_1-b179c9523d0e", "SmolLM2-135M-Instruct"),
        ("/c/models/my-model.Q4-0123456789ab", "my-model.Q4"),
        ("/data/my-model", "my-model"),
        ("./my-model.gguf", "my-model"),
        ("/h/hub/models--owner--a.name/snapshots/0123abcd", "owner/a.name"),
    ],
)
def test_a_source_has_a_readable_name_before_it_is_loaded(source: str, title: str) -> None:
    assert source_title(source) == title


def test_gemma_and_the_classroom_are_known_by_their_folders() -> None:
    assert folder_title(folder_of(Path("/somewhere"))) == "Gemma 3 270M"
    assert folder_title(Path("/c/models/classroom-1-f01b8260-layer-4")) == "Classroom, fact planted in layer 4"
    assert folder_title(Path("/c/models/classroom-1-f01b8260-base")) == "Classroom, nothing planted"


def test_weights_of_a_kept_folder_are_called_as_that_under_any_path(tmp_path: Path) -> None:
    plain = save_tiny(tmp_path / "plain")

    def make(draft: Path) -> str:
        shutil.copytree(plain, draft, dirs_exist_ok=True)
        return folder_fingerprint(draft)

    cache = tmp_path / "cache"
    kept = make_whole(cache / "models" / "some-model.Q4-0123456789ab", "converted from some-model.Q4.gguf", make)
    copy = shutil.copytree(plain, tmp_path / "x7")
    names = [load_model(str(folder), cache=cache).name for folder in (kept, copy)]
    assert names == ["some-model.Q4", "some-model.Q4"]
    other = save_tiny(tmp_path / "other", seed=1)
    assert load_model(str(other), cache=cache).name == "other"
