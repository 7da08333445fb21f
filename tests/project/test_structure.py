"""The modules keep the design: one name each, no import cycle, imports point downwards."""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from generate.programs import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from generate.programs import Program

SHARED = "_shared"
ALIKE = {"__init__", "__main__", "client", "settings", "shutdown"}
"""Modules that do the same job in both programs."""

NOT_IN_THE_GLOSSARY = {
    "ahead": "prefetch",
    "answer": "response",
    "answers": "response",
    "few": "batch",
    "heard": "confirmed",
    "refusal": "rejection",
    "refusals": "rejections",
    "refused": "rejected",
    "standin": "sandbox",
    "surroundings": "environment",
    "told": "logged, emitted",
    "verdict": "policy",
}
"""Parts of names that the glossary has another word for."""


def _name(program: Program) -> str:
    return program.name


every_program = pytest.mark.parametrize("program", PROGRAMS, ids=_name)


def test_no_two_modules_have_one_name() -> None:
    """Modules that do the same job in both programs are listed."""
    names = Counter(path.stem for path in _modules().values())
    assert {name for name, count in names.items() if count > 1} <= ALIKE


@pytest.mark.parametrize("program", PROGRAMS, ids=_name)
def test_modules_import_without_a_cycle(program: Program) -> None:
    """Imports for type checking count too: they show what a module has to know."""
    _assert_no_cycle(_imports(program))


@every_program
def test_imports_point_downwards(program: Program) -> None:
    """A subpackage counts as a whole: it does not use what is built on top of it."""
    whole: dict[str, set[str]] = {}
    for module, imported in _imports(program).items():
        node = _subpackage(module)
        whole.setdefault(node, set()).update({_subpackage(each) for each in imported} - {node})
    _assert_no_cycle(whole)
    assert not whole.get(f"{_package(program)}.{SHARED}")


def test_identifiers_use_the_glossary() -> None:
    """Only names that the programs define count, not those of libraries."""
    found = {
        f"{module}: {name} ({NOT_IN_THE_GLOSSARY[part]})"
        for module, path in _modules().items()
        for name in _defined_names(path)
        for part in _parts(name)
        if part in NOT_IN_THE_GLOSSARY
    }
    assert not found


def _package(program: Program) -> str:
    return program.name.replace("-", "_")


def _paths(program: Program) -> dict[str, Path]:
    """Return the program's modules by name, the shared ones included."""
    root = program.folder / _package(program)
    # `rglob` does not follow the link to the shared folder.
    paths = {*root.rglob("*.py"), *(root / SHARED).rglob("*.py")}
    return {".".join(path.relative_to(root.parent).with_suffix("").parts): path for path in paths}


def _modules() -> dict[str, Path]:
    """Return the modules of both programs, the shared ones once."""
    found = {module: path for program in PROGRAMS for module, path in _paths(program).items()}
    unique = {path.resolve(): module for module, path in sorted(found.items(), reverse=True)}
    return {module: path for path, module in unique.items()}


def _imports(program: Program) -> dict[str, set[str]]:
    """Return for each module of a program the program's modules that it imports, anywhere."""
    paths = _paths(program)
    return {
        module: {found for name in _imported_names(module, path) if (found := _find(name, paths))}
        - {module}
        for module, path in paths.items()
    }


def _imported_names(module: str, path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")[: -node.level] if node.level else []
            base = ".".join((*parents, *filter(None, [node.module])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _find(name: str, paths: dict[str, Path]) -> str | None:
    """Return the module that an imported name stands for, or is defined in."""
    parent = name.rpartition(".")[0]
    candidates = (name, f"{name}.__init__", parent, f"{parent}.__init__")
    return next((each for each in candidates if each in paths), None)


def _subpackage(module: str) -> str:
    """Return the package below the program's own that a module is in, or the module."""
    parts = module.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 else module


def _assert_no_cycle(imports: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        # Each is imported by the one after it.
        pytest.fail(" <- ".join(error.args[1]))


def _defined_names(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def _parts(name: str) -> list[str]:
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def test_the_checks_see_a_cycle_and_a_name() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a <- b <- a|b <- a <- b"):
        _assert_no_cycle({"a": {"b"}, "b": {"a"}})
    assert _parts("_LONGEST_WAIT") == ["longest", "wait"]
    assert _parts("readBackAnswers") == ["read", "back", "answers"]
