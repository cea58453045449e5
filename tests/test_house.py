"""The rules of the house, held by a machine: who imports whom, how long things are, what is never written.

Each rule is one row of `RULES` and brings sources that break it, so that every rule is shown able to fail. The sources
and patterns are put together from parts where this file would otherwise break its own rules.
"""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = "goldenlayers_core"
TOPS = ("app.py", "serve.py", CORE, "pages", "benchmarks", "tests", "assets", ".ci", "Makefile", "pyproject.toml")
TEXT = frozenset({".py", ".md", ".toml", ".css", ".html", ".js", ""})

# What each part of the core may import of the others (design.md, section 3). A part without a row is refused.
BASE = frozenset({"errors", "places", "scripts", "subject", "texts", "records", "results"})
MAY_IMPORT = MappingProxyType(
    {
        "__init__": frozenset[str](),
        "errors": frozenset[str](),
        "places": frozenset[str](),
        "scripts": frozenset[str](),
        "subject": frozenset({"errors", "scripts"}),
        "texts": frozenset[str](),  # what of a text counts: no word of the project
        "records": frozenset({"errors", "subject"}),
        "results": frozenset({"errors", "records", "texts"}),
        "datasets": BASE,
        "models": BASE,
        "runtime": BASE,
        "figures": BASE,
        "reports": BASE | {"figures"},
        "attribution": BASE | {"models"},
        "editing": BASE | {"models"},
        "evaluation": BASE | {"models", "attribution", "editing"},
    }
)
MAY_IMPORT_ALL = frozenset({"tasks", "commands", "__main__"})  # where everything meets; the last two import tasks
# Wings: within these floors, what each folder may import of the others. What serves every wing (a floor's root, or
# pages/_shared) imports none; what stands above them (faces, the table of wings and what reads it, pages) imports all.
FLOORS = ("results", "figures", "tasks", "pages")
ROOT_WING, ABOVE_WINGS = "root", "above"
BELOW = MappingProxyType(
    {
        ROOT_WING: frozenset[str](),
        "scores": frozenset({ROOT_WING}),
        "edit": frozenset({ROOT_WING, "scores"}),
        "truth": frozenset({ROOT_WING, "scores", "edit"}),
        "runs": frozenset({ROOT_WING, "scores", "edit", "truth"}),
        "learn": frozenset({ROOT_WING, "scores", "edit", "truth"}),
        "present": frozenset({ROOT_WING, "scores", "edit", "truth", "runs"}),
        ABOVE_WINGS: frozenset({ROOT_WING, "scores", "edit", "truth", "runs", "learn", "present", "above"}),
    }
)
ABOVE = (
    f"{CORE}/results/__init__.py",
    f"{CORE}/figures/__init__.py",
    f"{CORE}/tasks/__init__.py",
    f"{CORE}/tasks/crew.py",
    f"{CORE}/tasks/wings.py",
    f"{CORE}/tasks/notebook.py",
    f"{CORE}/tasks/report.py",
    f"{CORE}/tasks/slides.py",
)
HEAVY = ("torch", "transformers", "accelerate", "safetensors.torch")
LIGHT = frozenset({"__init__", *BASE, "datasets", "runtime", "figures", "reports", "pages", "app"})
UNPICKLERS = ("pickle", "dill", "shelve", "marshal", "joblib")

MAX_LINES = ((f"{CORE}/", 300), ("pages/_", 300), ("pages/", 100), ("app.py", 60))
MAX_FUNCTION_LINES = 50

PATTERNS = MappingProxyType(
    {
        "reads a pickle": r"\b(pickle|dill|joblib)\.(loads?|Unpickler)\b|\bread_pickle\(|\ballow_pickle\s*=\s*True",
        "reads weights with torch's unpickler": r"\btorch\.load\(",
        "runs code of a model repository": r"trust_remote_code[\"']?\s*[:=]\s*True",
        "is unfinished": rf"\b({'TO' + 'DO'}|{'FIX' + 'ME'}|{'X' * 3})\b|raise\s+{'NotImpl' + 'ementedError'}"
        r"|(?i:coming\ssoon)",
    }
)


def project_files() -> Iterator[str]:
    """Paths (relative, with slashes) of the texts that the rules are about."""
    for top in (*TOPS, *(file.name for file in ROOT.glob("*.md"))):
        for file in sorted((ROOT / top).rglob("*")) if (ROOT / top).is_dir() else [ROOT / top]:
            if file.is_file() and file.suffix in TEXT and "__pycache__" not in file.parts:
                yield file.relative_to(ROOT).as_posix()


def in_core(path: str) -> bool:
    return path.startswith(f"{CORE}/") and path.endswith(".py")


def in_product(path: str) -> bool:
    return in_core(path) or path == "app.py" or (path.startswith("pages/") and path.endswith(".py"))


def is_python(path: str) -> bool:
    return path.endswith(".py")


def part_of(path: str) -> str:
    """`pages`, `app`, or the part of the core (a row of MAY_IMPORT) that a file belongs to."""
    parts = path.removesuffix(".py").split("/")
    return parts[1] if parts[0] == CORE else parts[0]


def imports(path: str, source: str) -> Iterator[tuple[int, str]]:
    """(line, full dotted name) of everything a file imports, at any depth, relative and by `import_module` too."""
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            yield from ((node.lineno, ".".join([*above, *filter(None, [node.module]), a.name])) for a in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from ((node.lineno, a.value) for a in node.args if isinstance(a, ast.Constant) and a.value)


def within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def check_directions(path: str, source: str) -> Iterator[str]:
    part = part_of(path)
    if in_core(path) and part not in MAY_IMPORT and part not in MAY_IMPORT_ALL:
        yield f"{path}: {part} has no row in MAY_IMPORT"
        return
    for line, name in imports(path, source):
        where, top, *rest = f"{path}:{line}", *name.split(".")
        if in_core(path) and top in ("streamlit", "pages", "app", "tests", "benchmarks"):
            yield f"{where}: the core imports {top}"
        if part in LIGHT and within(name, HEAVY):
            yield f"{where}: {part} imports {name}"
        if within(name, UNPICKLERS):
            yield f"{where}: imports {name}"
        if top == "pages" and not (rest and rest[0].startswith("_")):
            yield f"{where}: a page imports another page"
        if top != CORE or rest[:1] in ([], ["__version__"], [part]):
            continue
        if any(piece.startswith("_") and piece != "__init__" for piece in rest):
            yield f"{where}: {name} is private to its part"
        if in_core(path) and part not in MAY_IMPORT_ALL and rest[0] not in MAY_IMPORT[part]:
            yield f"{where}: {part} imports {rest[0]}"


def wing_of(path: str) -> tuple[str, str] | None:
    """The floor and the wing that a file (or an imported module, as a path) belongs to; None off those floors."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    if parts[0] == CORE and len(parts) > 1 and parts[1] in FLOORS:
        if path in ABOVE or len(parts) == 2:
            return parts[1], ABOVE_WINGS
        in_folder = len(parts) > 3 or (ROOT / CORE / parts[1] / parts[2]).is_dir()
        return parts[1], parts[2] if in_folder else ROOT_WING
    if parts[0] == "pages" and len(parts) > 1:
        wing = parts[1].removeprefix("_") if parts[1].startswith("_") else ABOVE_WINGS
        return "pages", ROOT_WING if wing == "shared" else wing
    return None


def file_of(name: str) -> str | None:
    """The project's file that an imported name stands in: its module, or the package whose face it is."""
    parts = name.split(".")
    for n in (len(parts), len(parts) - 1):
        for path in ("/".join(parts[:n]) + ".py", "/".join([*parts[:n], "__init__.py"])):
            if n and (ROOT / path).is_file():
                return path
    return None


def check_wings(path: str, source: str) -> Iterator[str]:
    here = wing_of(path)
    if here is None:
        return
    floor, wing = here
    if wing not in BELOW:
        yield f"{path}: {wing} is no wing; the wings are {', '.join(BELOW)}"
        return
    for line, name in imports(path, source):
        there = wing_of(file_of(name) or "")
        if there is None or there[0] != floor or there[1] == wing:
            continue
        if there[1] not in BELOW[wing]:
            yield f"{path}:{line}: {floor}: {wing} imports {there[1]} ({name})"


def check_names_of_wings(path: str, source: str) -> Iterator[str]:
    *_, folder, name = ("", *path.removesuffix(".py").split("/"))
    if name.strip("_") == folder.strip("_") or name.startswith(f"{folder.strip('_')}_"):
        yield f"{path}: the name repeats its folder's"


def circles(edges: Mapping[str, frozenset[str]]) -> list[str]:
    """The files that can be reached from themselves, by imports of whole files (also those for types only)."""
    found = []
    for start in edges:
        seen, ahead = set[str](), list(edges[start])
        while ahead:
            at = ahead.pop()
            if at not in seen:
                seen.add(at)
                ahead += edges.get(at, ())
        if start in seen:
            found.append(start)
    return sorted(found)


def imported_files(path: str, source: str) -> frozenset[str]:
    return frozenset(filter(None, (file_of(name) for _, name in imports(path, source)))) - {path}


def check_file_length(path: str, source: str) -> Iterator[str]:
    limit = next((limit for start, limit in MAX_LINES if path.startswith(start)), None)
    if limit and (n := len(source.splitlines())) >= limit:
        yield f"{path}: {n} lines; fewer than {limit} are allowed"


def check_function_length(path: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            n = (node.end_lineno or node.lineno) - node.lineno + 1
            if n >= MAX_FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {n} lines; fewer than {MAX_FUNCTION_LINES} are allowed"


def check_prints(path: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id == "print" and path != f"{CORE}/__main__.py":
            yield f"{path}:{node.lineno}: prints"


def check_stars(path: str, source: str) -> Iterator[str]:
    yield from (f"{path}:{line}: star import" for line, name in imports(path, source) if name.endswith("*"))


def check_names(path: str, source: str) -> Iterator[str]:
    if re.fullmatch(r"(.*/)?_?utils?(\.py|/.*)", path):
        yield f"{path}: a name that says nothing"


def check_text(path: str, source: str) -> Iterator[str]:
    for what, pattern in PATTERNS.items():
        for found in re.finditer(pattern, source):
            yield f"{path}:{source[: found.start()].count(chr(10)) + 1}: {what} ({found.group()!r})"


# Sentences about how good a way to choose a layer is, whatever was measured. What is known is computed from it
# (tasks/layer_said.py), for the model, the method and the data at hand.
FIXED_CLAIMS = (
    r"LGA_CAUTION|ON_BUNDLED|\bBUNDLED\.(sweep|gradients)\b",
    r"(?i)\b(LGA|gradients?|its (picks?|choice)) (misleads?|(is|are) (often )?(a )?(poor|wrong|right|bad))\b",
    r"(?i)\bon the bundled model (it|its|LGA|gradients)\b",
    r"(?i)\bearly layers (\([^)]*\) )?(are|edit) best\b|\btry an early layer\b",
    r"(?i)\bone edit moves little\b",
)


def says_to_people(path: str) -> bool:
    return in_product(path) or path.startswith("assets/") or path == "README.md"


def check_fixed_claims(path: str, source: str) -> Iterator[str]:
    text = re.sub(r"\"\s*\n\s*f?\"|\s+", " ", source)  # a sentence may go on in the next line
    for pattern in FIXED_CLAIMS:
        yield from (f"{path}: says {found.group()!r}, whatever was measured" for found in re.finditer(pattern, text))


def check_hooks(path: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and re.fullmatch(r"register_\w*hook", node.attr):
            yield f"{path}:{node.lineno}: {node.attr} outside models/hooks.py"


def check_caches(path: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        name = node.attr if isinstance(node, ast.Attribute) else node.name if isinstance(node, ast.alias) else ""
        if name in ("cache_data", "cache_resource"):
            yield f"{path}: {name} outside pages/_shared/cached.py"


def check_docstrings(path: str, source: str) -> Iterator[str]:
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        yield f"{path}: no docstring"
    for node in tree.body:
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if named and not node.name.startswith("_") and not ast.get_docstring(node):
            yield f"{path}:{node.lineno}: {node.name} has no docstring"


MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "deque", "OrderedDict", "Counter"})


def check_globals(path: str, source: str) -> Iterator[str]:
    tree = ast.parse(source)
    yield from (f"{path}:{node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global))
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        read_only = isinstance(node, ast.AnnAssign) and re.search(
            r"Final|Mapping|Sequence", ast.unparse(node.annotation)
        )
        called = ast.unparse(node.value.func).split(".")[-1] if isinstance(node.value, ast.Call) else ""
        if (isinstance(node.value, MUTABLE) or called in MUTABLE_CALLS) and not read_only and target != "__all__":
            yield f"{path}:{node.lineno}: {target} can be changed by anyone; use a tuple, MappingProxyType or Final"


@dataclass(frozen=True)
class Rule:
    """A check of one file, which files it is about, and (path, source) pairs that must fail."""

    check: Callable[[str, str], Iterator[str]]
    about: Callable[[str], bool]
    bad: tuple[tuple[str, str], ...]

    def broken_by(self, path: str, source: str) -> list[str]:
        return list(self.check(path, source)) if self.about(path) else []


def uses_hooks_wrongly(path: str) -> bool:
    return is_python(path) and (
        (in_product(path) or path.startswith("benchmarks/")) and path != f"{CORE}/models/hooks.py"
    )


LONG_FUNCTION = "def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1)
RULES = (
    Rule(
        check_directions,
        in_product,
        (
            (f"{CORE}/errors.py", f"from {CORE}.records import Probe"),
            (f"{CORE}/records/facts.py", f"def f():\n    import {CORE}.results"),
            (f"{CORE}/datasets/x.py", "from ..models import load_model"),
            (f"{CORE}/models/x.py", f"from {CORE} import runtime"),
            (f"{CORE}/editing/x.py", f"from {CORE}.attribution import lga"),
            (f"{CORE}/attribution/x.py", f"from {CORE}.tasks import score"),
            (f"{CORE}/evaluation/x.py", f"from {CORE}.editing.rome import _private"),
            (f"{CORE}/figures/x.py", "import torch.nn as nn"),
            (f"{CORE}/runtime/x.py", "from safetensors.torch import load_file"),
            (f"{CORE}/datasets/x.py", "import importlib\nimportlib.import_module('transformers')"),
            (f"{CORE}/tasks.py", "import streamlit as st"),
            (f"{CORE}/models/x.py", "import pickle"),
            (f"{CORE}/nowhere/x.py", ""),
            ("pages/home.py", "from torch import Tensor"),
            ("pages/_shared/show.py", "import transformers"),
            ("pages/home.py", "from pages.model import card"),
            ("pages/home.py", f"from {CORE}.models._private import secret"),
            ("app.py", "import torch"),
        ),
    ),
    Rule(
        check_wings,
        in_product,
        (
            (f"{CORE}/tasks/scores/x.py", f"from {CORE}.tasks.truth.sweep import sweep"),
            (f"{CORE}/tasks/scores/x.py", f"from {CORE}.tasks.edit.one_edit import edit"),
            (f"{CORE}/tasks/edit/x.py", f"def f():\n    from {CORE}.tasks.truth import sweep"),
            (f"{CORE}/tasks/truth/x.py", f"from {CORE}.tasks.present.slide import Slide"),
            (f"{CORE}/tasks/learn/x.py", f"from {CORE}.tasks.present.tour import tour"),
            (f"{CORE}/tasks/present/x.py", f"from {CORE}.tasks.learn.know import speak"),
            (f"{CORE}/tasks/workbench.py", f"from {CORE}.tasks.scores.layer_scores import score"),
            (f"{CORE}/tasks/workbench.py", f"from {CORE}.tasks.wings import KINDS"),
            (f"{CORE}/tasks/truth/x.py", f"from {CORE}.tasks import wings"),
            (f"{CORE}/tasks/edit/x.py", f"from {CORE}.tasks import Workbench"),
            (f"{CORE}/tasks/nowhere/x.py", ""),
            (f"{CORE}/results/scores/x.py", "from ..truth.sweep import SweepResult"),
            (f"{CORE}/results/arrays.py", f"from {CORE}.results.scores.trace import TraceResult"),
            (f"{CORE}/figures/edit/x.py", f"from {CORE}.figures.truth.card import SCORE"),
            (f"{CORE}/figures/frame.py", f"from {CORE}.figures import race"),
            ("pages/_scores/x.py", "from pages._edit import controls"),
            ("pages/_shared/x.py", "from pages._runs import entry"),
            ("pages/_learn/x.py", "from pages._present import screen"),
            ("pages/_nowhere/x.py", ""),
        ),
    ),
    Rule(
        check_names_of_wings,
        in_product,
        ((f"{CORE}/figures/truth/truth.py", ""), (f"{CORE}/tasks/edit/edit_many.py", ""), ("pages/_edit/edit.py", "")),
    ),
    Rule(
        check_file_length,
        in_product,
        tuple((path, "\n" * n) for path, n in ((f"{CORE}/x.py", 300), ("pages/x.py", 100), ("app.py", 60))),
    ),
    Rule(check_function_length, in_product, ((f"{CORE}/x.py", LONG_FUNCTION), ("pages/x.py", LONG_FUNCTION))),
    Rule(check_prints, in_product, ((f"{CORE}/x.py", "def f():\n    print(1)"), ("app.py", "map(print, [])"))),
    Rule(check_stars, is_python, (("tests/x.py", "from os import *"), (f"{CORE}/x/y.py", "from . import *"))),
    Rule(check_names, is_python, (("tests/utils.py", ""), (f"{CORE}/models/utils.py", ""), ("pages/utils/x.py", ""))),
    Rule(
        check_text,
        lambda path: True,
        tuple(
            ("README.md", text)
            for text in (
                "pickle" + ".load(file)",
                "np.load(file, allow_pickle" + "=True)",
                "torch" + ".load(file)",
                "trust_remote_code" + "=True",
                "'trust_remote_code'" + ": True",
                "# TO" + "DO later",
                "# FIX" + "ME",
                "X" * 3,
                "raise NotImplemented" + "Error",
                "Coming" + " soon",
            )
        ),
    ),
    Rule(
        check_fixed_claims,
        says_to_people,
        (
            (f"{CORE}/tasks/x.py", "LGA_CAUTION = ''"),
            (f"{CORE}/tasks/x.py", 'X = "on the bundled model "\n    "its pick is often a poor layer"'),
            ("pages/_scores/x.py", "On the bundled model it misleads: for two sets"),
            ("assets/lessons/lga.md", "**Here LGA is wrong.** Its layer"),
            ("assets/lessons/wrong.md", "One edit\nmoves little."),
            ("README.md", "- LGA misleads on the bundled model"),
            ("README.md", "early layers (0 to 6) edit best"),
        ),
    ),
    Rule(
        check_hooks,
        uses_hooks_wrongly,
        tuple(
            (f"{CORE}/editing/x.py", f"module.{name}(f)")
            for name in (
                "register_forward_hook",
                "register_forward_pre_hook",
                "register_full_backward_hook",
                "register_hook",
            )
        ),
    ),
    Rule(
        check_caches,
        lambda path: in_product(path) and path != "pages/_shared/cached.py",
        (("pages/x.py", "@st.cache_data\ndef f(): ..."), ("app.py", "from streamlit import cache_resource")),
    ),
    Rule(
        check_docstrings,
        in_core,
        ((f"{CORE}/x.py", ""), (f"{CORE}/x.py", '"""x"""\ndef f(): ...'), (f"{CORE}/x.py", '"""x"""\nclass C: ...')),
    ),
    Rule(
        check_globals,
        in_core,
        tuple(
            (f"{CORE}/x.py", source)
            for source in (
                "A = []",
                "A: dict[str, int] = {}",
                "A = {1}",
                "A = collections.deque()",
                "def f():\n global a",
            )
        ),
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.check.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    files = [path for path in project_files() if rule.about(path)]
    assert files
    broken = [line for path in files for line in rule.broken_by(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert not broken, "\n".join(broken)


BAD = [(rule, path, source) for rule in RULES for path, source in rule.bad]


@pytest.mark.parametrize(
    ("rule", "path", "source"), BAD, ids=[f"{r.check.__name__}{i}" for i, (r, *_) in enumerate(BAD)]
)
def test_the_rule_can_fail(rule: Rule, path: str, source: str) -> None:
    assert rule.broken_by(path, source)


def test_no_file_is_imported_by_what_it_imports() -> None:
    files = [path for path in project_files() if in_product(path)]
    assert not circles({path: imported_files(path, (ROOT / path).read_text(encoding="utf-8")) for path in files})


def test_a_circle_is_seen() -> None:
    workbench, kinds = f"{CORE}/tasks/workbench.py", f"{CORE}/tasks/kinds.py"
    one = imported_files(workbench, f"def f():\n    from {CORE}.tasks.kinds import Kind")
    other = imported_files(kinds, f"if TYPE_CHECKING:\n    from {CORE}.tasks.workbench import Workbench")
    assert circles({workbench: one, kinds: other, f"{CORE}/errors.py": frozenset({kinds})}) == [kinds, workbench]


def test_what_is_allowed_passes() -> None:
    source = '"""x"""\nfrom typing import Final\nA: Final = {}\nB = (1,)\n__all__ = ["f"]\ndef _f(): ...'
    assert not [line for rule in RULES for line in rule.broken_by(f"{CORE}/models/x.py", source)]
    assert not list(
        check_directions("pages/x.py", f"import streamlit\nfrom pages._shared import show\nimport {CORE}.tasks")
    )
    assert not list(
        check_directions(f"{CORE}/evaluation/x.py", f"from {CORE}.editing import delta\nfrom . import metrics")
    )


# ---- what an import brings along, seen from outside


def brought_along(module: str, unwanted: tuple[str, ...]) -> list[str]:
    """Which of `unwanted` a fresh interpreter has loaded after importing `module` (or more, with commas)."""
    code = f"import sys, {module}; sys.stdout.write(' '.join(m for m in {unwanted!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


LIGHT_MODULES = [
    f"{CORE}.{part}" if part != "__init__" else CORE
    for part in sorted(LIGHT)
    if any((ROOT / CORE / name).is_file() for name in (f"{part}.py", f"{part}/__init__.py"))
]


def test_light_modules_bring_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "streamlit")
    if brought_along(", ".join(LIGHT_MODULES), heavy):  # all in one interpreter; one each only to say which
        assert not {module: found for module in LIGHT_MODULES if (found := brought_along(module, heavy))}
        pytest.fail(f"Some of {LIGHT_MODULES} bring one of {heavy} together, and none does alone.")


def test_what_is_brought_along_is_seen() -> None:
    assert brought_along("json", ("json.decoder", "torch")) == ["json.decoder"]


# ---- what the documentation names

NAMED = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)+[\w-]+\.(?:py|md|json|zip|toml))\b")


def missing_files(text: str) -> list[str]:
    """The project's files that a text names, from its top or from the core, and that are not there."""
    tops = (ROOT, ROOT / CORE)
    named = (path for path in NAMED.findall(text) if any((top / path.split("/")[0]).is_dir() for top in tops))
    return sorted({path for path in named if not any((top / path).is_file() for top in tops)})


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_the_files_that_a_page_names_are_there(page: str) -> None:
    assert not missing_files((ROOT / page).read_text(encoding="utf-8"))


def test_a_file_that_is_not_there_is_seen() -> None:
    assert missing_files("`tasks/nowhere.py`, `tasks/wings.py`, docs/none.md, and https://else.org/a/b.py") == [
        "docs/none.md",
        "tasks/nowhere.py",
    ]


# ---- requirements and versions

PIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!]*( *; .+)?")


def unpinned(text: str) -> list[str]:
    """The lines of a requirements file that leave the version, or what belongs to one kind of machine, open."""
    lines = [line.split(" #")[0].strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [x for x in lines if x != "-c requirements.txt" and (not PIN.fullmatch(x) or x.startswith("nvidia"))]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


EXTRAS = ("requirements-quantised.txt", "requirements-ray.txt", "requirements-store.txt")


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", *EXTRAS])
def test_every_requirement_is_pinned(file: str) -> None:
    assert unpinned((ROOT / file).read_text()) == []


def test_quantised_models_are_read_by_what_is_tested() -> None:
    pins = [x for x in (ROOT / "requirements-quantised.txt").read_text().splitlines() if "==" in x]
    assert pins
    assert set(pins) <= set((ROOT / "requirements-dev.txt").read_text().splitlines())


@pytest.mark.parametrize(
    "line", ["numpy", "numpy>=2", "numpy==2.*", "torch==2.13.0+cpu", "-e .", "nvidia-cudnn-cu13==9.1"]
)
def test_an_open_requirement_is_seen(line: str) -> None:
    assert unpinned(f"# ours\n{line}\npandas==3.1.1\n") == [line]


def test_every_library_we_import_is_a_requirement() -> None:
    lines = [line for file in ("requirements.txt", *EXTRAS) for line in (ROOT / file).read_text().splitlines()]
    named = {canonical(line.split("==")[0]) for line in lines if "==" in line}
    owners = importlib.metadata.packages_distributions()
    ours = {*sys.stdlib_module_names, CORE, "pages", "app"}
    files = [path for path in project_files() if in_product(path)]
    tops = {name.split(".")[0] for path in files for _, name in imports(path, (ROOT / path).read_text())}
    missing = {top for top in tops - ours if not {canonical(owner) for owner in owners.get(top, [top])} & named}
    assert not missing


def test_one_version_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'__version__ = "{version}"' in (ROOT / CORE / "__init__.py").read_text()
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)
