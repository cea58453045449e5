"""How this program is served: to one person (local), to people who log in, or to visitors who may do little (demo).

Everything of it is read here, from the environment:

    GOLDENLAYERS_MODE      local (the default) or demo
    GOLDENLAYERS_LOGIN     yes: the app asks everybody to log in
    GOLDENLAYERS_OPEN      yes: others may reach the app without a login and outside the demo mode
    GOLDENLAYERS_AWAY      minutes after which work of a desk without an open page gives way to others', and is stopped
                           where strangers are served; 0: never
    GOLDENLAYERS_MODELS    demo: names of models, with commas; * stands for letters, digits, - and _
    GOLDENLAYERS_DATASETS  demo: names of datasets, likewise; a visitor's own uploads come besides
    GOLDENLAYERS_LIMITS    demo: fields of `Limits` that differ, as in "jobs=2,hours=4"

Imports nothing heavy: every run of a page asks.
"""

import dataclasses
import hashlib
import hmac
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from goldenlayers_core.errors import ConfigError, DatasetError, ModelError
from goldenlayers_core.places import assets_folder, cache_root
from goldenlayers_core.records import ModelSource

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_UPLOAD: Final = re.compile(r"upload-\w+", re.ASCII)
_PATH: Final = re.compile(r"(?<![\w/:.<])(?:~?/|~\\|[A-Za-z]:\\)[^\s'\"“”;,)]*[^\s'\"“”;,).:]")  # in a sentence


@dataclass(frozen=True, slots=True)
class Limits:
    """What one visitor may have and ask for in the demo mode."""

    uploads: int = 5  # files
    upload_mib: int = 8  # of all of them together
    stored_mib: int = 64  # runs, uploads and texts together
    jobs: int = 4  # at work or waiting
    requests: int = 64  # of one piece of work that edits or traces
    scored: int = 768  # requests of one that asks or scores
    tokens: int = 20_480  # of a key covariance
    seconds: int = 600  # of a search
    steps: int = 500  # the largest whole number that a method's setting may be
    hours: int = 24  # after the last visit everything of a visitor is deleted


@dataclass(frozen=True, slots=True)
class Mode:
    """How the program is served. The default is one person's own machine, where everything is allowed."""

    demo: bool = False
    login: bool = False
    open: bool = False
    models: tuple[str, ...] = ("bundled", "classroom*")
    datasets: tuple[str, ...] = ("bundled", "bundled-hard", "classroom")
    limits: Limits = field(default_factory=Limits)
    away: int = 30  # minutes

    @property
    def strangers(self) -> bool:
        """Whether others than one person at this machine are served."""
        return self.demo or self.login or self.open

    def allows_model(self, name: str) -> bool:
        """Whether a model may be used."""
        return not self.demo or _listed(name, self.models)

    def allows_dataset(self, name: str) -> bool:
        """Whether a dataset may be used; of uploads their desk decides (see tasks.apart)."""
        return not self.demo or _listed(name, self.datasets) or bool(_UPLOAD.fullmatch(name))

    def check_model(self, source: ModelSource) -> None:
        """Raises ModelError for a model that is not allowed; it does not look whether there is one."""
        if not self.allows_model(source.source):
            raise ModelError(f"This demo uses only the models {_words(self.models)}; choose one of them.")
        if self.demo and source != ModelSource(source.source):
            raise ModelError("This demo loads models as they are: leave revision, device and number format unset.")

    def check_dataset(self, name: str) -> None:
        """Raises DatasetError for a dataset that is not allowed; it does not look whether there is one."""
        if not self.allows_dataset(name):
            raise DatasetError(
                f"This demo uses only the datasets {_words(self.datasets)} and your own uploads; choose one of them."
            )

    def apart(self, wished: bool) -> bool:
        """Whether desks see only their own things: always where people are strangers, else where it is wished for."""
        return self.demo or self.login or wished

    def clean(self, text: str) -> str:
        """A sentence without the folders of the machine, where strangers read it."""
        return without_paths(text) if self.demo else text


LOCAL: Final = Mode()


def mode_of(environment: Mapping[str, str] | None = None) -> Mode:
    """The mode that environment variables say (None: those of this process). Raises ConfigError."""
    said = os.environ if environment is None else environment
    name = said.get("GOLDENLAYERS_MODE", "").strip() or "local"
    if name not in ("local", "demo"):
        raise ConfigError(f"GOLDENLAYERS_MODE is {name!r}; set it to demo or local, or leave it unset.")
    return Mode(
        name == "demo",
        _is_yes(said, "GOLDENLAYERS_LOGIN"),
        _is_yes(said, "GOLDENLAYERS_OPEN"),
        _names(said.get("GOLDENLAYERS_MODELS", "")) or LOCAL.models,
        _names(said.get("GOLDENLAYERS_DATASETS", "")) or LOCAL.datasets,
        _limits(said.get("GOLDENLAYERS_LIMITS", "")),
        _minutes(said.get("GOLDENLAYERS_AWAY", "").strip()),
    )


def check_address(address: str | None, mode: Mode) -> None:
    """Raises ConfigError where others can reach the server's address and nothing says that they may."""
    if (address or "").lower() in LOOPBACK or mode.demo or mode.login or mode.open:
        return
    raise ConfigError(
        f"Others can reach {address or 'this address'}, and everybody who does could read files of this machine: "
        "start it with a login (GOLDENLAYERS_LOGIN=yes) or in the demo mode (GOLDENLAYERS_MODE=demo), or say OPEN=yes "
        "to make (else GOLDENLAYERS_OPEN=yes) where only people you trust can."
    )


def why_closed(address: str) -> str | None:
    """Why the app does not start at an address; None where it does."""
    try:
        check_address(address, mode_of())
    except ConfigError as error:
        return str(error)
    return None


def person(issuer: str, subject: str, secret: str) -> str:
    """The secret name of a person's desk, the same from any browser: made with the server's secret, so that nobody who
    knows the person's number at the provider knows it. Raises ConfigError where the provider names nobody."""
    if not issuer or not subject or not secret:
        raise ConfigError("The login names no person (its issuer and subject); check the provider's settings.")
    said = json.dumps([issuer, subject]).encode()
    return hmac.new(b"golden-layers-desk " + secret.encode(), said, hashlib.sha256).hexdigest()[:32]


def without_paths(text: str) -> str:
    """A sentence with what the server's folders mean in their place."""
    for folder, meaning in _folders():
        text = re.sub(re.escape(folder) + r"(?![\w-])(?:[/\\][^\s'\"“”;,):]*[^\s'\"“”;,).:])?", meaning, text)
    return _PATH.sub("a place on this machine", text)


def _folders() -> tuple[tuple[str, str], ...]:
    """The folders of this machine that a sentence may hold, with what they mean, the longest first."""
    store, hub = str(cache_root().absolute()), os.environ.get("HF_HOME", "")
    found = {str(Path.home()): "this machine", tempfile.gettempdir(): "this machine"}
    found |= {str(assets_folder().parent): "this program", store: "the store", str(Path(store).resolve()): "the store"}
    if hub:
        found[hub] = "this machine"
    return tuple(sorted(((f, m) for f, m in found.items() if len(f) > 1), key=lambda pair: -len(pair[0])))


def _listed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns is the whole name; their * reaches over no dot and no slash, so into no folder."""
    return any(re.fullmatch(re.escape(p).replace(r"\*", r"[\w-]*"), name, re.ASCII) for p in patterns)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(names)


def _is_yes(said: Mapping[str, str], name: str) -> bool:
    value = said.get(name, "").strip().lower()
    if value not in ("", "yes", "no"):
        raise ConfigError(f"{name} is {value!r}; set it to yes or no, or leave it unset.")
    return value == "yes"


def _minutes(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ConfigError(f"GOLDENLAYERS_AWAY is {text[:20]!r}; give whole minutes, 0 for never, or leave it unset.")
    return int(text or LOCAL.away)


def _limits(text: str) -> Limits:
    known = {f.name for f in dataclasses.fields(Limits)}
    given: dict[str, int] = {}
    for part in _names(text):
        name, _, value = part.partition("=")
        if name not in known or not (value.isascii() and value.isdigit() and 0 < len(value) < 9):
            raise ConfigError(
                f"GOLDENLAYERS_LIMITS has {part!r}; give whole numbers by name, as in jobs=2, of "
                f"{', '.join(sorted(known))}."
            )
        given[name] = int(value)
    return Limits(**given)
