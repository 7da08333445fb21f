"""The definitions for Meltano Hub, in the folders and the form that the Hub has them in.

What a program says of itself comes from the program, what is said about it from the
`meltano.yml` of this repository, and only what the Hub alone wants to know stands here.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import yaml

from generate import definitions, repository
from generate.programs import PROGRAMS, TAP, TARGET
from helpers.checkout import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from generate.programs import Program

VARIANT = "original"  # Meltano's word for the one that is no other's variant
_ABOUT_IT = ("name", "namespace", "label", "description", "executable")
_PYTHON = "Programming Language :: Python :: "

_FOR_THE_HUB: dict[str, Any] = {
    "domain_url": "https://api.traede.com",
    "keywords": ["api", "invoices", "meltano_sdk"],
    "maintenance_status": "beta",
    "quality": "unknown",  # the Hub's to say
    "variant": VARIANT,
}
_USAGE = {
    TAP.name: (
        "An invoice stays pending in Traede until it is marked as exported. Run the tap with "
        "`target-invoices-ack`, which marks it once your loader has it:\n\n"
        "```bash\nmeltano run tap-invoices target-invoices-ack\n```\n"
    ),
    TARGET.name: (
        "Name your loader in `loader`, as a command, and run both together:\n\n"
        "```bash\n"
        "meltano config set target-invoices-ack loader "
        "'meltano invoke --no-install target-postgres'\n"
        "meltano run tap-invoices target-invoices-ack\n```\n"
    ),
}


def path(program: Program) -> Path:
    """Return where a program's definition is, below `hub/` as below the Hub's `_data/meltano/`."""
    return CHECKOUT / "hub" / program.plural / program.name / f"{VARIANT}.yml"


def text(program: Program) -> str:
    """Write a program's definition, its keys in the Hub's order."""
    ours = _in_meltano_yml(program)
    told = (
        _FOR_THE_HUB
        | {key: ours[key] for key in _ABOUT_IT}
        | definitions.definition(program)
        | {
            "pip_url": program.name,
            "repo": repository.address(),
            "supported_python_versions": _pythons(program),
            "usage": _USAGE[program.name],
        }
    )
    return yaml.dump(told, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=90)


def files() -> dict[Path, str]:
    """Return what every file of `hub/` should hold."""
    return {path(program): text(program) for program in PROGRAMS}


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such."""


def _write(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _write)


def _in_meltano_yml(program: Program) -> dict[str, Any]:
    plugins = yaml.safe_load((CHECKOUT / "meltano.yml").read_text())["plugins"][program.plural]
    found: dict[str, Any] = next(each for each in plugins if each["name"] == program.name)
    return found


def _pythons(program: Program) -> list[str]:
    project = tomllib.loads((program.folder / "pyproject.toml").read_text())["project"]
    versions = (each.removeprefix(_PYTHON) for each in project["classifiers"] if _PYTHON in each)
    return [version for version in versions if version[0].isdigit()]
