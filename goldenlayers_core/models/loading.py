"""`load_model`: a name, a folder or a file -> ModelHandle. Weights come from safetensors only; no remote code runs."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer

from goldenlayers_core.errors import ModelError
from goldenlayers_core.models.checking import check_layout, check_numbers, check_tensors, check_tokenizer
from goldenlayers_core.models.fingerprint import folder_fingerprint
from goldenlayers_core.models.handle import ModelHandle
from goldenlayers_core.models.memory import straight_to
from goldenlayers_core.models.opening import Reading, Rows, opening
from goldenlayers_core.models.packed import in_dtype, pack
from goldenlayers_core.models.spread import settle
from goldenlayers_core.models.telling import Tell, telling
from goldenlayers_core.places import cache_root
from goldenlayers_core.records import ModelSource


def load_model(
    source: str | ModelSource,
    device: str = "auto",
    dtype: str = "auto",
    *,
    revision: str | None = None,
    cache: Path | None = None,
    progress: Tell | None = None,
    rows: Rows | None = None,
    room: int | None = None,
) -> ModelHandle:
    """Load a decoder-only language model, frozen and in evaluation mode.

    `progress(done, total, note)` is called while a model is fetched from the hub, converted and read, and may raise to
    cancel. `rows(model_type, folder)` gives its row; None: the table's, or that of a file with an accepted one.
    `room`: bytes for weights on a device with "+disk" behind its name (`models.offload`), or on the first of several
    devices; None: a share of the free.

    Raises a ModelError of one sentence (unknown name or architecture, gated, pickled weights, too large) or a
    ConfigError (device, dtype); nothing that was loaded before is touched.
    """
    asked = source if isinstance(source, ModelSource) else ModelSource(source, revision, device, dtype)
    found = opening(asked, cache or cache_root(), progress=progress, rows=rows, room=room)
    target = found.how.target
    # reading and hashing share the files' pages, and two cores
    with ThreadPoolExecutor(1) as beside, straight_to(target):
        hashing = beside.submit(folder_fingerprint, found.folder)
        model, tokenizer = _read(found.folder, found.name, found.how, progress)
        fingerprint = hashing.result()
    if found.forget_damaged(fingerprint):
        return load_model(asked, cache=cache, progress=progress, rows=rows, room=room)
    model.eval().requires_grad_(False)
    if not found.how.rooms:
        model = model.to(target)
    return found.handle(model, tokenizer, fingerprint)


def _read(folder: Path, name: str, how: Reading, progress: Tell | None) -> tuple[Any, Any]:
    with telling(progress, f"Reading {name}, tensors"):
        tokenizer = read_tokenizer(name, folder)  # first: while it is read it takes far more memory than it keeps
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615  # a folder, not a hub name
                folder,
                dtype=how.dtype,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                **how.settings(),
            )
        except (ValueError, OSError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
            raise ModelError(f"The weights of {name} cannot be read ({str(error).splitlines()[0][:160]}).") from error
        model, info = loaded
        check_layout(name, model, how.architecture)
        if how.rooms:  # before a weight on disk is looked at
            settle(model, how.architecture.blocks, how.target)
        check_tensors(name, info, how.architecture)
        if how.quantised:
            if how.quantised.treatment == "kept":
                pack(name, model)
            in_dtype(model, how.dtype)
        check_numbers(name, model, how.dtype)
        check_tokenizer(name, tokenizer, int(model.get_input_embeddings().weight.shape[0]))
    return model, tokenizer


def read_tokenizer(name: str, folder: Path) -> Any:
    """The tokenizer beside a model's weights. Raises ModelError where there is none."""
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)  # nosec B615  # a folder
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        raise ModelError(f"{name} has no usable tokenizer beside its weights; add its tokenizer files.") from error
