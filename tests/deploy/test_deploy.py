"""The Dockerfile, the service and the start script: what they name is there, and nothing is given away."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.running import free_port
from tests.deploy.docker_steps import instructions
from tests.lending import lend_models

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STEPS = instructions(DOCKERFILE)
UNIT = ROOT / "deploy" / "golden-layers.service"
ANALYZE = shutil.which("systemd-analyze")
HADOLINT = Path(sys.executable).with_name("hadolint")


def told(instruction: str) -> list[str]:
    return [rest for name, rest in STEPS if name == instruction]


def settings(name: str) -> dict[str, str]:
    """NAME=VALUE of every line of an instruction."""
    return dict(pair.split("=", 1) for rest in told(name) for pair in shlex.split(rest))


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert not done.stdout


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    assert ignored.index(".streamlit/secrets.toml") > ignored.index("!.streamlit")
    sources = [p for rest in told("COPY") if "--from" not in rest for p in rest.split()[:-1]]
    assert {"app.py", "serve.py", "pages", "goldenlayers_core", "requirements.txt"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == name or source.startswith(f"{name}/") for name in allowed), source


def test_it_runs_as_nobody_in_particular_and_writes_into_its_volume() -> None:
    (user,) = told("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert [name for name, _ in STEPS].index("USER") < [name for name, _ in STEPS].index("CMD")
    assert told("VOLUME") == ["/data"]
    said = settings("ENV")
    for name in ("HOME", "TMPDIR", "HF_HOME", "GOLDENLAYERS_CACHE"):
        assert said[name].startswith("/data"), name
    assert said["GOLDENLAYERS_MODE"] == "demo"


def test_base_and_packages_are_pinned_and_there_is_no_browser() -> None:
    bases = {rest.split()[0] for rest in told("FROM")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases.pop())
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            assert re.match(r"[\w.-]+==[\w.+-]+", line), line
    model = re.search(r"^MODEL := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert model
    assert model[1] in DOCKERFILE
    assert "apt-get" not in DOCKERFILE
    assert not any("chromium" in rest for rest in told("RUN"))


def test_the_health_check_asks_what_the_server_answers() -> None:
    (check,) = told("HEALTHCHECK")
    command = json.loads(check.split("CMD ", 1)[1])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "health check", "exec")
    assert f":{told('EXPOSE')[0]}/healthz" in command[2]


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here (Debian: systemd)")
def test_systemd_understands_the_service(tmp_path: Path) -> None:
    """As it is but for the folder, which systemd wants to be there."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/golden-layers", str(ROOT)))
    done = subprocess.run([ANALYZE, "verify", unit], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert unit.name not in done.stderr
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystems=strict"))
    done = subprocess.run([ANALYZE, "verify", unit], capture_output=True, text=True, timeout=120)
    assert "ProtectSystems" in done.stderr


def test_the_service_is_shut_in() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    for name, value in (("DynamicUser", "yes"), ("ProtectSystem", "strict"), ("NoNewPrivileges", "yes")):
        assert service[name] == value
    assert service["ReadWritePaths"] == "/var/lib/golden-layers"
    assert service["MemoryMax"]
    assert service["Restart"] == "on-failure"
    assert service["EnvironmentFile"].startswith("-/etc/")
    lines = UNIT.read_text().splitlines()
    said = [pair for line in lines if line.startswith("Environment=") for pair in line.split("=", 1)[1].split()]
    paths = [pair for pair in said if pair.startswith(("HOME=", "HF_HOME=", "GOLDENLAYERS_CACHE="))]
    assert len(paths) == 3
    assert all(pair.split("=", 1)[1].startswith("/var/lib/golden-layers") for pair in paths)
    assert "GOLDENLAYERS_MODE=demo" in said


@contextmanager
def started(folder: Path, *names: str) -> Iterator[tuple[str, Path]]:
    """The server by deploy/start.sh, with nothing of this process's environment; its address and its log."""
    port, cache = free_port(), folder / "cache"
    cache.mkdir()
    lend_models(cache)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "GOLDENLAYERS_CACHE": str(cache),
        "GOLDENLAYERS_NAMES": " ".join(names),
        "GOLDENLAYERS_LOG": "json",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["sh", ROOT / "deploy" / "start.sh", "127.0.0.1", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(30)


def asked(address: str, log: Path) -> tuple[int, dict]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=20) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.loads(answer.read())
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(log.read_text()[-3000:])


def test_a_store_of_a_newer_version_is_told_by_a_server_that_never_opened_it(tmp_path: Path) -> None:
    with started(tmp_path, "localhost") as (address, log):
        (tmp_path / "cache" / "store.json").write_text('{"version": 999}')
        status, ill = asked(address, log)
    assert (status, ill["well"], ill["findings"]["store"], ill["served"]) == (503, False, False, None)


def test_the_script_starts_a_server_whose_health_follows_its_store(tmp_path: Path) -> None:
    with started(tmp_path, "layers.example.org", "localhost") as (address, log):
        status, well = asked(address, log)
        assert (status, well["well"]) == (200, True)
        assert well["resident_bytes"] > 50 * 2**20
        assert well["served"] == {"models": [], "models_loaded": 0, "models_reused": 0, "jobs": []}
        assert str(tmp_path) not in json.dumps(well)
        with urllib.request.urlopen(f"{address}/", timeout=60) as page:
            assert b"<title>Streamlit</title>" in page.read()
        (tmp_path / "cache" / "store.json").write_text('{"version": 999}')
        status, ill = asked(address, log)
        assert (status, ill["well"], ill["findings"]["store"]) == (503, False, False)
        assert str(tmp_path) not in json.dumps(ill)
    written = {path.name for path in tmp_path.iterdir()} - {"server.log"}
    assert written <= {"cache", "tmp", ".streamlit", ".cache"}
    assert os.listdir(tmp_path / "tmp") == []
