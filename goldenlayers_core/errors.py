"""The exception tree. `str(error)` is one sentence for a person: what came, what is allowed, what to do."""

import errno
from typing import Final

_SHORT: Final = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "alloc_failed")
_NO_ROOM_FOR_CODE: Final = "could not create a primitive"  # oneDNN's whole message, had it no memory for its code


class GoldenLayersError(Exception):
    """Anything a person can put right; the UI and the command line show the message and nothing else."""


class ModelError(GoldenLayersError):
    """A model cannot be loaded or used; the one already loaded stays loaded."""


class UnknownArchitectureError(ModelError):
    """The architecture has no row in `models.architectures`."""


class ModelNotFoundError(ModelError):
    """No such folder, file or hub name, or the hub cannot be reached."""


class GatedModelError(ModelError):
    """The repository exists but asks for a token that is missing or not accepted."""


class UnsafeWeightsError(ModelError):
    """Only pickled weights are offered; they are never unpickled."""


class ModelTooLargeError(ModelError):
    """The weights do not fit into the memory at hand; `short_by` is how many bytes there are too few, 0: not known."""

    def __init__(self, message: str, short_by: int = 0) -> None:
        super().__init__(message)
        self.short_by = short_by


class MemoryShortError(ModelError):
    """Memory ran out during work, and again with half the token budget; what was finished is kept in the store."""


class NotFiniteError(ModelError):
    """What a model computed is not finite, so that nothing can be chosen by it (an overflow of float16)."""


class DatasetError(GoldenLayersError):
    """A dataset cannot be read or used."""


class EncodingError(DatasetError):
    """The bytes are not text in UTF-8, UTF-16 or Latin-1."""


class FormatError(DatasetError):
    """The content is none of the known formats."""


class MappingError(DatasetError):
    """A table's columns are not, or not well enough, mapped to the fields of a request."""


class LanguageError(DatasetError):
    """A file tells its facts in several languages, and none of them is chosen; `languages` are those there are."""

    def __init__(self, message: str, languages: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.languages = languages


class RequestError(GoldenLayersError):
    """A request cannot be scored or edited as it stands (empty target, subject not in the prompt, ...)."""


class ConfigError(GoldenLayersError):
    """A setting is outside what is allowed."""


class NoPartsError(ConfigError):
    """This work has no parts that could be shared out; one process does it."""


class EditError(GoldenLayersError):
    """An edit could not be computed (layer out of range, non-finite values, an edit of another model)."""


class StoreError(GoldenLayersError):
    """Something in the store is missing, damaged or of another version."""


class EngineError(GoldenLayersError):
    """The workers of a run, or the cluster they are on, cannot go on; what was finished is kept in the store."""


class Cancelled(GoldenLayersError):  # noqa: N818 - it is no error, and reads better so
    """A person cancelled the work; what was finished is kept in the store."""


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that memory could not be had: of a GPU, torch's allocator, oneDNN, Python or the system."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not isinstance(error, RuntimeError):
        return False
    words = str(error).lower().strip()
    return words == _NO_ROOM_FOR_CODE or any(short in words for short in _SHORT)
