"""The pages about other schedulers than Meltano's, followed as they are written."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from helpers.howto_pages import Page
from helpers.meltano_project import MeltanoProject
from helpers.plugin_envs import Program

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.howto_pages import Block
    from helpers.postgres_account import Account

pytestmark = pytest.mark.xdist_group("howto operations")

AIRFLOW = Program("airflow", ("apache-airflow==3.3.*",))


def test_cron_without_meltano(account: Account, built: Path, tmp_path: Path) -> None:
    project = MeltanoProject(tmp_path, built)
    values = settings(account)
    for block in Page("cron").blocks:
        project.paste(filled(block, values) if block.language == "json" else block)
        if block.language == "sh":
            project.type(block.text).check()
    assert account.is_loaded_and_marked_once()

    (line,) = [block.text for block in Page("cron").blocks if block.language == "crontab"]
    command = line.removeprefix("0 * * * * cd /srv/invoices && ")
    new = account.sandbox.add(2)
    assert project.type(command).check().stdout == ""
    assert set(new) <= set(account.ids("invoices.invoices"))
    assert account.is_loaded_and_marked_once()

    account.sandbox.fail({"kind": "status", "status": 403, "on": "export", "times": None})
    failed = project.type("./load-invoices")
    assert failed.exit_code == 1
    account.sandbox.heal()
    project.type(command).check()
    assert account.is_loaded_and_marked_once()


def settings(account: Account) -> dict[str, str | int]:
    names = ("host", "port", "user", "password", "database")
    warehouse = {name: account.project.account[f"WAREHOUSE_{name.upper()}"] for name in names}
    return warehouse | account.sandbox.config() | {"app_key": "key", "port": int(warehouse["port"])}


def filled(block: Block, values: dict[str, str | int]) -> Block:
    """Put values where the page has an ellipsis, and the sandbox in the API's place."""
    content = json.loads(block.text)
    content |= {name: values[name] for name in content if name in values}
    if "system_id" in content:
        content["api_url"] = values["api_url"]
    assert "\u2026" not in content.values()
    return type(block)(block.language, block.title, json.dumps(content))


def test_run_with_airflow(account: Account) -> None:
    account.project.prepare("postgresql")
    path = account.project.environment["PATH"] + os.pathsep + str(AIRFLOW.path().parent)
    for block in Page("airflow").blocks:
        account.project.paste(block)
        if block.language == "sh":
            ran = account.project.type(block.text, PATH=path).check()
            assert "state=success" in ran.stdout
    assert account.is_loaded_and_marked_once()
