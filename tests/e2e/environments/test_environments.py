"""Everything is loaded and marked, in each environment of the matrix."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.environments.installs import install
from e2e.environments.matrix import MATRIX, Environment
from e2e.environments.pipeline import Pipeline
from e2e.environments.routes import INVOICES, route

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = list(range(1, INVOICES + 1))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all workers of this test run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "environments"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def folders(
    request: pytest.FixtureRequest, shared: Path, tmp_path: Path
) -> Iterator[tuple[Path, Path]]:
    """Where the programs are installed, and where they run."""
    row: Environment = request.getfixturevalue("row")
    if row.user is None:
        yield shared, tmp_path
        return
    if os.geteuid() != 0:
        pytest.skip("only root can start programs as another user")
    open_to_all = Path(tempfile.mkdtemp())  # pytest's own folders are for its user alone
    open_to_all.chmod(0o755)
    yield open_to_all, open_to_all
    shutil.rmtree(open_to_all)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.name)
def test_everything_is_loaded_and_marked(row: Environment, folders: tuple[Path, Path]) -> None:
    installs, tmp_path = folders
    programs = install(installs, row.install)
    folder = tmp_path / row.folder
    folder.mkdir()
    with route(row.via, tmp_path) as (sandbox, url, variables):
        config = sandbox.config(api_url=url)
        outcome = Pipeline(row, programs, folder, config, variables).run()
        lines = [line["id"] for each in sandbox.invoices(ALL) for line in each["lines"]]
        assert outcome.codes == (0, 0), outcome.log
        assert outcome.stored == {"invoices": ALL, "invoice_lines": lines}, outcome.log
        assert sorted(mark["invoice_id"] for mark in sandbox.marks()) == ALL
    assert outcome.states, outcome.log
    assert "Traceback" not in outcome.log
    assert "Warning" not in outcome.log


@pytest.mark.parametrize("program", ["tap-invoices", "target-invoices-ack"])
def test_socks_without_its_package_is_told_at_start(
    program: str, shared: Path, tmp_path: Path
) -> None:
    row = Environment("socks-without-package", {"ALL_PROXY": "socks5://127.0.0.1:9"})
    folder = tmp_path / "run"
    folder.mkdir()
    config = {"api_url": "http://192.0.2.1", "access_token": "token", "system_id": "warehouse"}
    pipeline = Pipeline(row, install(shared, "newest"), folder, config, {})
    outcome = pipeline.run_alone(program)
    assert outcome.codes[0] == 1
    assert "PySocks" in outcome.log
    assert "socks" in outcome.log
    assert "Traceback" not in outcome.log
    assert outcome.stored == {}
