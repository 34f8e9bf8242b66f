"""Imports point one way: fine_tune_slm -> lambdas -> slm_core; training -> extraction, slm_core.

casebook imports extraction; nothing imports fine_tune_slm; handlers do not import each other; only training imports
torch (fine_tune_slm starts it as a process); and only fine_tune_slm/localcloud knows moto.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
ROOMS = {
    "slm_core": ROOT / "core" / "slm_core",
    "lambdas": ROOT / "lambdas",
    "extraction": ROOT / "extraction",
    "casebook": ROOT / "casebook",
    "training": ROOT / "training",
    "fine_tune_slm": ROOT / "fine_tune_slm",
}
MAY_IMPORT = {
    "slm_core": set(),
    "lambdas": {"slm_core"},
    "extraction": set(),
    "casebook": {"extraction"},
    "training": {"extraction", "slm_core"},
    "fine_tune_slm": {"lambdas", "slm_core", "extraction", "casebook"},
}
# A library that belongs to some rooms: the modules, by prefix, that may import it. `peft` and its like import torch.
BELONGS_TO = {
    **dict.fromkeys(("torch", "transformers", "peft", "accelerate", "bitsandbytes"), ("training",)),
    "moto": ("fine_tune_slm.localcloud",),
    "boto3": ("slm_core", "lambdas", "training", "fine_tune_slm"),
    "aws_lambda_powertools": ("slm_core", "lambdas"),
}
# A library that comes with a declared one, by contract and always at the same version.
COMES_WITH = {
    "botocore": "boto3",
    "urllib3": "boto3",
    "httpx2": "huggingface-hub",
    "markupsafe": "jinja2",
    "tokenizers": "transformers",
}


def imported_modules(module: str, source: str) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, `from . import x` and import_module("x") included."""
    package = module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                base = [*base, name] if name else base
                yield from (".".join([*base, alias.name]) for alias in names)
            case ast.Call(func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module")):
                yield from (argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant))


def is_under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def forbidden_imports(module: str, source: str) -> list[str]:
    """Return what a module of the project may not import and does, a sentence each."""
    room = module.split(".", maxsplit=1)[0]
    handlers = {path.stem for path in ROOMS["lambdas"].glob("*.py")} - {"__init__"}
    found = []
    for name in imported_modules(module, source):
        top = name.split(".")[0]
        owners = BELONGS_TO.get(top, (room,))
        sibling = name.removeprefix("lambdas.").split(".")[0]
        if top in ROOMS and top != room and top not in MAY_IMPORT[room]:
            found.append(f"{module} imports {name}: {room} may import only {sorted(MAY_IMPORT[room])}")
        elif room == "lambdas" and sibling in handlers:
            found.append(f"{module} imports {name}: handlers do not import each other")
        elif not any(is_under(module, owner) for owner in owners):
            found.append(f"{module} imports {name}: only {', '.join(owners)} may")
    return found


def modules_of(room: str) -> Iterator[tuple[str, str]]:
    for path in sorted(ROOMS[room].rglob("*.py")):
        parts = path.relative_to(ROOMS[room].parent).with_suffix("").parts
        yield ".".join(parts), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_imports_only_what_the_architecture_allows(room: str) -> None:
    modules = list(modules_of(room))

    assert modules, f"{room} has no module: did it move?"
    assert [sentence for module, source in modules for sentence in forbidden_imports(module, source)] == []


def declared_distributions() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = sum(project["optional-dependencies"].values(), project["dependencies"])
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_every_library_that_a_room_imports_is_declared() -> None:
    sources = [module for room in ROOMS for module in modules_of(room)]
    libraries = {name.split(".")[0] for module, source in sources for name in imported_modules(module, source)}
    foreign = libraries - ROOMS.keys() - sys.stdlib_module_names
    providers = packages_distributions() | {library: [package] for library, package in COMES_WITH.items()}
    declared = declared_distributions()

    undeclared = {name for name in foreign if declared.isdisjoint(map(canonicalize_name, providers.get(name, [])))}
    assert undeclared == set()


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("slm_core.lease", "from fine_tune_slm.cli import main"),
        ("slm_core.lease", "import lambdas.start_instance"),
        ("extraction.parser", "from slm_core import errors"),
        ("casebook.writer", "def write():\n    import training.recipe"),
        ("lambdas.stop_instance", "from lambdas.start_instance import handler"),
        ("lambdas.stop_instance", "from lambdas import start_instance"),
        ("lambdas.stop_instance", "from . import start_instance"),
        ("lambdas.stop_instance", "from .start_instance import handler"),
        ("lambdas.stop_instance", "import start_instance"),
        ("fine_tune_slm.cli", "import training.__main__"),
        ("fine_tune_slm.cli", "import importlib\nimportlib.import_module('training')"),
        ("fine_tune_slm.report", "import torch.nn.functional as F"),
        ("extraction.scores", "from transformers import AutoTokenizer"),
        ("extraction.schema", "import boto3"),
        ("fine_tune_slm.cli", "from moto.server import ThreadedMotoServer"),
        ("training.recipe", "import aws_lambda_powertools"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_found(
    module: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "start_instance.py").touch()
    monkeypatch.setitem(ROOMS, "lambdas", tmp_path)

    assert len(forbidden_imports(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("lambdas.start_instance", "from slm_core.instance import Instance\nimport boto3"),
        ("training.recipe", "import torch\nfrom extraction.prompt import render\nfrom .batches import TokenBudget"),
        ("fine_tune_slm.localcloud.server", "import moto.core\nfrom fine_tune_slm.localcloud import agent"),
        ("casebook.writer", "import json\nfrom extraction import schema"),
    ],
)
def test_an_import_that_points_the_right_way_is_allowed(module: str, source: str) -> None:
    assert forbidden_imports(module, source) == []
