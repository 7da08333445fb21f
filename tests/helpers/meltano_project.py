"""A Meltano project as a reader of the how-to pages makes it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from generate import hub
from generate.programs import PROGRAMS
from helpers.checkout import CHECKOUT
from helpers.howto_pages import ENVIRONMENT, MELTANO_YML, Page, is_seen
from helpers.run import CompletedRun, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from helpers.howto_pages import Block


# Coverage would measure Meltano alone: the plugins' environments are without it.
_FOREIGN = (
    "COVERAGE_",
    "MELTANO_",
    "PG",
    "TAP_",
    "TARGET_",
    "TRAEDE_",
    "WAREHOUSE_",
    "VIRTUAL_ENV",
)
_MADE_BY_RUNS = (".meltano/meltano.db", ".meltano/run", "output", "warehouse.duckdb")
_CONFIG_SET = "meltano config set "


class MeltanoProject:
    """A folder in which pages are followed.

    Attributes:
        folder: The folder.
        account: What stands in `.env`.
    """

    def __init__(self, folder: Path, wheels: Path) -> None:
        """Begin with an empty folder.

        Args:
            folder: The folder.
            wheels: Where the wheels of both packages are.
        """
        self.folder = folder
        self._wheels = wheels
        self.account: dict[str, str] = {}
        self._begun_with: dict[Path, str] = {}
        self._installed: set[str] = set()

    def use(self, account: Mapping[str, str]) -> None:
        """Say what stands in `.env`, once a page has told of that file."""
        self.account |= account
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
        for block in Page("project").blocks:
            self.paste(block)
        for program in PROGRAMS:
            definition = yaml.safe_load(hub.path(program).read_text())
            with self._edit() as project:
                project.setdefault("plugins", {})[program.plural] = [definition]
        self._install("project")

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
        """Do what pages say must be there, but none of their runs.

        `meltano config set` takes seconds, so what it would write is written at once; it is
        carried out where a test follows the page.
        """
        for block in (block for name in names for block in Page(name).blocks):
            self.paste(block)
            for line in block.text.splitlines():
                if line.startswith(_CONFIG_SET):
                    self._set(*shlex.split(line.removeprefix(_CONFIG_SET)))
        self._install(*names)

    def paste(self, block: Block) -> None:
        """Write a block into the file that it is for, if it is for one."""
        if block.title == ENVIRONMENT:
            names = {line.partition("=")[0] for line in block.text.splitlines()}
            assert names <= self.account.keys()
            self._write_environment()
        elif block.title:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)

    def type(self, command: str, **variables: str) -> CompletedRun:
        """Carry out what a reader would type, which may be several lines."""
        return self.run(["bash", "-eu", "-o", "pipefail", "-c", command], **variables)

    def run(self, command: Sequence[str], **variables: str) -> CompletedRun:
        """Run a command in this folder."""
        environment = self.environment | variables
        return run(command, cwd=self.folder, env=environment, merge_stderr=True)

    def _write_environment(self) -> None:
        lines = (f"{name}={value}\n" for name, value in self.account.items())
        (self.folder / ENVIRONMENT).write_text("".join(lines))

    def _set(self, plugin: str, name: str, value: str) -> None:
        with self._edit() as project:
            plugins = [each for kind in project["plugins"].values() for each in kind]
            (found,) = [each for each in plugins if each["name"] == plugin]
            found.setdefault("config", {})[name] = yaml.safe_load(value)

    def _install(self, *names: str) -> None:
        """Install plugins, if no page that brings some of them was prepared before."""
        if not self._installed.issuperset(names):
            self.type("meltano install").check()
            self._installed.update(names)

    @contextmanager
    def _edit(self) -> Iterator[dict[str, Any]]:
        path = self.folder / MELTANO_YML
        project: dict[str, Any] = yaml.safe_load(path.read_text())
        yield project
        path.write_text(yaml.safe_dump(project, sort_keys=False))

    def _project_files(self) -> list[Path]:
        return [self.folder / MELTANO_YML, *self.folder.glob(f"*.{MELTANO_YML}")]

    def keep(self) -> None:
        """Let `begin_again` come back to here."""
        self._begun_with = {path: path.read_text() for path in self._project_files()}

    def begin_again(self) -> None:
        """Go back to the project as it was; what is installed stays."""
        for path in self._project_files():
            path.unlink()
        for path, text in self._begun_with.items():
            path.write_text(text)
        for name in _MADE_BY_RUNS:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
