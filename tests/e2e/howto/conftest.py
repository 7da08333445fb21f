"""One project and one database for all pages; each page begins with both as new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helpers import wheels
from helpers.meltano_project import MeltanoProject
from helpers.postgres_account import APP_KEY, Account, in_environment, nobody
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.postgres import Postgres


@pytest.fixture(scope="session")
def database(postgres_server: Postgres) -> Postgres:
    return postgres_server.with_new_database()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def project(
    tmp_path_factory: pytest.TempPathFactory, built: Path, database: Postgres
) -> MeltanoProject:
    project = MeltanoProject(tmp_path_factory.mktemp("invoices"), built)
    project.use(database.environment | nobody())
    project.begin()
    project.keep()
    return project


@pytest.fixture
def account(project: MeltanoProject, database: Postgres) -> Iterator[Account]:
    project.begin_again()
    with (
        Sandbox.start(app_key=APP_KEY, invoices=40, drafts=2) as sandbox,
        database.connect() as connection,
    ):
        project.use(in_environment(sandbox))
        account = Account(project, sandbox, connection)
        account.begin_again()
        yield account
