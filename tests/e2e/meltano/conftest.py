"""Meltano, PostgreSQL and the loader, set up once for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.counts import Api
from demo.project import Project
from e2e.meltano.pipeline import MeltanoPipeline
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.postgres import Postgres

_APP_KEY = "key"
_SYSTEM = "warehouse"


@pytest.fixture(scope="session")
def database(postgres_server: Postgres) -> Postgres:
    return postgres_server.with_new_database()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, database: Postgres) -> Iterator[Project]:
    with Project(tmp_path_factory.mktemp("project")) as project:
        project.use(database.environment)
        project.install()
        yield project


@pytest.fixture
def pipeline(project: Project, database: Postgres) -> Iterator[MeltanoPipeline]:
    with (
        Sandbox.start(app_key=_APP_KEY, invoices=60, drafts=3) as sandbox,
        database.connect() as connection,
    ):
        api = Api(sandbox.url, sandbox.token, _APP_KEY, _SYSTEM)
        yield MeltanoPipeline(project, sandbox, api, connection)
