"""One Meltano project with Dagster beside it; each test begins with a new account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.dagster.engine import Dagster
from helpers import wheels
from helpers.howto_pages import Page
from helpers.meltano_project import MeltanoProject
from helpers.postgres_account import APP_KEY, Account, in_environment, nobody
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.postgres import Postgres

PAGES = ("postgresql", "read-back", "reconcile")
MINUTES_APART = 9000  # 58 invoices a year, none of them at midnight


@pytest.fixture(scope="session")
def database(postgres_server: Postgres) -> Postgres:
    return postgres_server.with_new_database()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, database: Postgres) -> MeltanoProject:
    built = wheels.build(tmp_path_factory.mktemp("wheels"))
    project = MeltanoProject(tmp_path_factory.mktemp("invoices"), built)
    project.use(database.environment | nobody())
    project.begin()
    project.prepare(*PAGES)
    project.keep()
    project.type(Page("dagster").commands[0]).check()
    return project


@pytest.fixture(scope="session")
def dagster(project: MeltanoProject) -> Iterator[Dagster]:
    with Dagster(project) as dagster:
        yield dagster


@pytest.fixture
def account(project: MeltanoProject, database: Postgres) -> Iterator[Account]:
    project.begin_again()
    with (
        Sandbox.start(app_key=APP_KEY, invoices=160, drafts=3, id_step=MINUTES_APART) as sandbox,
        database.connect() as connection,
    ):
        project.use(in_environment(sandbox))
        account = Account(project, sandbox, connection)
        account.begin_again()
        yield account
