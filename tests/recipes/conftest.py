"""One project and one database for all pages; each page begins with both as new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from demo.postgres import Postgres
from sandbox.client import Sandbox
from support import wheels
from support.accounts import APP_KEY, Account, in_environment
from support.recipes import MeltanoProject

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Begun:
    """A project after the first page, and which invoices were marked meanwhile."""

    project: MeltanoProject
    marked: set[int]


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with Postgres() as database:
        yield database


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory, database: Postgres) -> Begun:
    built = wheels.build(tmp_path_factory.mktemp("wheels"))
    project = MeltanoProject(tmp_path_factory.mktemp("invoices"), built)
    with Sandbox.start(app_key=APP_KEY, invoices=3) as sandbox:
        project.use(database.environment | in_environment(sandbox))
        project.follow("project")
        project.keep()
        return Begun(project, sandbox.marked())


@pytest.fixture
def account(begun: Begun, database: Postgres) -> Iterator[Account]:
    begun.project.begin_again()
    with (
        Sandbox.start(app_key=APP_KEY, invoices=40, drafts=2) as sandbox,
        database.connect() as connection,
    ):
        begun.project.use(in_environment(sandbox))
        account = Account(begun.project, sandbox, connection)
        account.begin_again()
        yield account
