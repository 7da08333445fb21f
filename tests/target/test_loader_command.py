"""The loader's command and environment: what is refused, what is warned of, what is hidden."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from helpers import pythons
from helpers.run import TARGET, finish, write_json
from helpers.singer import invoice, pages, state
from helpers.target_process import KEEPER, loader
from target_invoices_ack.relay.loader_command import LoaderError, loader_environment, parse_command

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.target_process import Account

SELF = [
    "target-invoices-ack",
    "/opt/venv/bin/target-invoices-ack --config x.json",
    "sh -c 'target-invoices-ack --config x.json'",
    "sh -c 'cd /x; target-invoices-ack|cat'",
    "env -i A=b target-invoices-ack",
    "uv run --no-sync target-invoices-ack",
    "meltano invoke --no-install target-invoices-ack",
    "python -m target_invoices_ack",
]
OTHERS = [
    "cat --config target-invoices-ack",
    "cat --project target-invoices-ack",
    "sh -c 'cat target-invoices-ack.json'",
]


@pytest.mark.parametrize("command", SELF)
def test_a_command_that_is_the_target_itself_is_refused(command: str) -> None:
    with pytest.raises(LoaderError, match="names this target itself"):
        parse_command(command)


@pytest.mark.parametrize("command", OTHERS)
def test_another_command_is_not_taken_for_it(command: str) -> None:
    assert parse_command(command) == shlex.split(command)


def test_a_folder_of_its_name_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "target-invoices-ack").mkdir()
    parse_command(f"cat {tmp_path}/target-invoices-ack")


def test_a_loader_that_is_the_target_in_disguise_ends_at_once(account: Account) -> None:
    """A script starts it, which no word of the command tells."""
    script = account.folder / "load"
    config = write_json(account.folder, "inner", account.config(loader="cat"))
    script.write_text(f"#!/bin/sh\nexec {shlex.quote(TARGET)} --config {shlex.quote(config)}\n")
    script.chmod(0o755)

    ran = account.run(pages([1]), loader=str(script))

    assert ran.exit_code == 1
    assert not account.marked
    assert any("names this target itself" in each for each in ran.errors)


@pytest.mark.parametrize("name", ["target-csv", "target-avro"])
def test_a_loader_that_replaces_what_is_there_is_warned_of(account: Account, name: str) -> None:
    replacing = account.folder / name
    replacing.write_text("#!/bin/sh\ncat > /dev/null\n")
    replacing.chmod(0o755)

    ran = account.run(pages([1]), loader=str(replacing))

    assert ran.exit_code == 0
    assert f"{name} was seen to replace what earlier runs have loaded" in ran.stderr


def test_a_loader_that_is_not_found_does_not_break_the_taps_pipe(account: Account) -> None:
    """The tap can write everything, far more than a pipe holds, and the reason comes last."""
    target = account.start(loader="no-such-loader")
    assert target.stdin is not None
    target.stdin.write(pages([1]))
    for number in range(2, 100):
        target.stdin.write(invoice(number, text="x" * 10_000) + state(number))

    ran = finish(target)

    assert ran.exit_code == 1
    *_, error, summary = ran.stderr.splitlines()
    assert "The loader 'no-such-loader' is not found" in error
    assert "Received 0 =" in summary


@pytest.mark.parametrize("content", ["#!/no/such/program\n", ""])
def test_a_loader_that_the_system_does_not_start_is_named(account: Account, content: str) -> None:
    path = account.folder / "loader"
    path.write_text(content)
    path.chmod(0o755)

    ran = account.run(pages([1]), loader=str(path))

    assert ran.exit_code == 1
    assert len(ran.errors) == 1
    assert "cannot be started" in ran.errors[0]
    assert not ran.states


def test_the_loader_gets_no_secret_of_either_program(account: Account) -> None:
    program = '(HERE / "environment").write_text(json.dumps(dict(os.environ)))\n' + KEEPER
    environ = {
        "TRAEDE_TOKEN": account.sandbox.token,
        "HEADER": f"Bearer {account.sandbox.token}",
        "TAP_INVOICES_ACCESS_TOKEN": "another token",
        "TARGET_INVOICES_ACK_APP_KEY": "another key",
        "TARGET_INVOICES_ACK_SYSTEM_ID": "erp",
        "WAREHOUSE_PASSWORD": "key of the warehouse",
        "PIN": "key",
    }

    ran = account.run(
        pages([1]), loader=loader(account.folder, program), app_key="key", env=environ
    )

    assert ran.exit_code == 0
    got: dict[str, str] = json.loads((account.folder / "environment").read_text())
    assert got["WAREHOUSE_PASSWORD"] == "key of the warehouse"
    assert got["TARGET_INVOICES_ACK_SYSTEM_ID"] == "erp"
    assert not {"TRAEDE_TOKEN", "HEADER", "TAP_INVOICES_ACCESS_TOKEN", "PIN"} & got.keys()
    assert "TARGET_INVOICES_ACK_APP_KEY" not in got
    assert not [name for name, text in got.items() if account.sandbox.token in text]


def test_a_meltano_that_starts_the_loader_logs_only_the_messages() -> None:
    """The one around the target wraps them, in JSON if the user has set that for it."""
    environ = {"MELTANO_CLI_LOG_FORMAT": "json"}
    assert loader_environment([], environ)["MELTANO_CLI_LOG_FORMAT"] == "plain"


def test_the_loaders_python_path_keeps_what_it_had() -> None:
    path = loader_environment([], {"PYTHONPATH": "/a:/b"})["PYTHONPATH"]
    assert path.endswith("/python_path:/a:/b")
    assert loader_environment([], {"PYTHONPATH": ""})["PYTHONPATH"] == path.removesuffix(":/a:/b")


VERSIONS = [(3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 14)]


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("own", [None, "print('own')", "raise ImportError('own')"])
def test_any_python_starts_with_signals_blocked_and_its_own_customization(
    tmp_path: Path, version: tuple[int, int], own: str | None
) -> None:
    python = pythons.of_version(*version)
    if python is None:
        pytest.skip("is not on this machine")
    folder = tmp_path / "with spaces"
    folder.mkdir()
    if own:
        (folder / "sitecustomize.py").write_text(own)
    program = "import signal; print(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))"

    done = subprocess.run(
        [python, "-W", "error", "-c", program],
        env=loader_environment([], {"PYTHONPATH": str(folder)}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == ("own\n" if own and "print" in own else "") + "[2, 15]\n"
    without = subprocess.run(
        [python, "-c", ""], env={"PYTHONPATH": str(folder)}, capture_output=True, check=False
    )
    assert done.stderr == without.stderr.decode()


def test_a_loader_behind_a_wrapper_that_unblocks_signals_is_warned_of(account: Account) -> None:
    dash = shutil.which("dash")
    assert dash is not None
    command = loader(account.folder, "for line in sys.stdin:\n    pass\nsay({})")
    words = [dash, "-c", f"{command}; exit $?"]

    ran = account.run(pages([1], [2]), loader=shlex.join(words))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2]
    if sys.platform == "linux":
        assert ran.stderr.count("The loader's process dash does not keep SIGINT and SIGTERM") == 1


def test_a_loader_that_ends_after_its_input_is_trusted_though_it_is_unshielded(
    account: Account,
) -> None:
    """Only later, and without a signal to the target."""
    words: list[Any] = ["dash", "-c", f"{loader(account.folder, KEEPER)}; exit $?"]

    ran = account.run(pages([1], [2]), loader=shlex.join(words))

    assert ran.exit_code == 0
    assert sorted(account.marked) == [1, 2]
