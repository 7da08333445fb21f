"""A Meltano project as a reader of the how-to pages makes it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from generate import hub
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT
from helpers.howto_pages import ENVIRONMENT, MELTANO_YML, Page, is_seen
from helpers.run import CompletedRun, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helpers.howto_pages import Block


_FOREIGN = ("MELTANO_", "PG", "TAP_", "TARGET_", "TRAEDE_", "WAREHOUSE_", "VIRTUAL_ENV")
_MADE_BY_RUNS = (".meltano/meltano.db", ".meltano/run", "output", "warehouse.duckdb")


class MeltanoProject:
    """A folder in which pages are followed.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path, wheels: Path) -> None:
        """Begin with an empty folder.

        Args:
            folder: The folder.
            wheels: Where the wheels of both packages are.
        """
        self.folder = folder
        self._wheels = wheels
        self._account: dict[str, str] = {}
        self._begun_with = ""
        self._installed: set[str] = set()

    def use(self, account: Mapping[str, str]) -> None:
        """Say what stands in `.env`, once a page has told of that file."""
        self._account |= account
        if (self.folder / ENVIRONMENT).exists():
            self._write_environment()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a command in this project."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return own | {
            "CHECKOUT": str(CHECKOUT),
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), own["PATH"])),
            "UV_FIND_LINKS": str(self._wheels),
        }

    def begin(self) -> None:
        """Have at once what the first page makes step by step."""
        plugins = {
            program.plural: [yaml.safe_load(hub.path(program).read_text())] for program in PROGRAMS
        }
        project = {
            "default_environment": "dev",
            "environments": [{"name": "dev"}],
            "plugins": plugins,
        }
        (self.folder / MELTANO_YML).write_text(yaml.safe_dump(project, sort_keys=False))
        self.prepare("project")

    def follow(self, name: str) -> list[CompletedRun]:
        """Follow a page from top to bottom; all of it has to go well.

        Returns:
            What each of its commands said.
        """
        said: list[CompletedRun] = []
        for block in Page(name).blocks:
            self.paste(block)
            if block.language == "sh":
                said.append(self.type(block.text).check())
            elif block.language == "text":
                assert is_seen(block.text, said[-1].stdout), said[-1].stdout
        return said

    def prepare(self, *names: str) -> None:
        """Do what pages say must be there, but none of their runs."""
        for block in (block for name in names for block in Page(name).blocks):
            self.paste(block)
        if not self._installed.issuperset(names):
            self.type("meltano install").check()
            self._installed.update(names)

    def paste(self, block: Block) -> None:
        """Add lines to the file that they are for, if they are."""
        if block.title == ENVIRONMENT:
            names = {line.partition("=")[0] for line in block.text.splitlines()}
            assert names <= self._account.keys()
            self._write_environment()
        elif block.title == MELTANO_YML:
            path = self.folder / MELTANO_YML
            merged = _merged(yaml.safe_load(path.read_text()), yaml.safe_load(block.text))
            path.write_text(yaml.safe_dump(merged, sort_keys=False))

    def type(self, command: str, **variables: str) -> CompletedRun:
        """Carry out what a reader would type, which may be several lines."""
        return run(
            ["bash", "-eu", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment | variables,
            merge_stderr=True,
        )

    def _write_environment(self) -> None:
        lines = (f"{name}={value}\n" for name, value in self._account.items())
        (self.folder / ENVIRONMENT).write_text("".join(lines))

    def keep(self) -> None:
        """Let `begin_again` come back to here."""
        self._begun_with = (self.folder / MELTANO_YML).read_text()

    def begin_again(self) -> None:
        """Go back to the project as it was; what is installed stays."""
        (self.folder / MELTANO_YML).write_text(self._begun_with)
        for name in _MADE_BY_RUNS:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _merged(ours: Any, added: Any) -> Any:
    """Add lines as a reader would: into what has the same name, or else as something new."""
    if isinstance(ours, dict) and isinstance(added, dict):
        both = {name: _merged(ours[name], added[name]) for name in ours.keys() & added.keys()}
        return ours | added | both
    if isinstance(ours, list) and all(isinstance(each, dict) for each in ours):
        by_name = {each["name"]: each for each in ours}
        return list(_merged(by_name, {each["name"]: each for each in added}).values())
    return added
