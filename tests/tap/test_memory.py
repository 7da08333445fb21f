"""Memory: in proportion to one answer, and flat however many pages there are."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from helpers.raw_server import Connection, raw_server, response
from helpers.run import run
from helpers.tap_process import command, discover
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

INVOICES = 15_000
MEBIBYTE = 1 << 20
# The tap's own peak, from a small process: a child's begins at what its parent holds.
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def big() -> Iterator[Sandbox]:
    with Sandbox.start(invoices=INVOICES) as running:
        yield running


@pytest.fixture(scope="module")
def answer_size(big: Sandbox) -> int:
    """Bytes of the whole list in one answer."""
    response = requests.get(
        f"{big.url}/v10/invoices/export",
        params={"system_id": "warehouse", "includes[]": "lines"},
        headers={"Authorization": f"Bearer {big.token}"},
        timeout=60,
    )
    return len(response.content)


def peak(folder: Path, sandbox: Sandbox, **settings: Any) -> int:
    """Run the tap and return the most bytes that it held."""
    config = sandbox.config(start_date="2020-01-01", **settings)
    catalog = discover(folder, sandbox.config(include_non_booked=False))
    return measure(command(folder, config, catalog=catalog))


def measure(tap: list[str]) -> int:
    return int(run([sys.executable, "-c", MEASURE, *tap]).check().stdout)


@pytest.fixture(scope="module")
def at_rest(big: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> int:
    """What a run over an empty list holds."""
    nothing = [{"key": "created_at", "operator": "lt", "value": "2000-01-01"}]
    return peak(tmp_path_factory.mktemp("empty"), big, filter_groups=[{"filters": nothing}])


@pytest.mark.parametrize("paging", ["honoured", "ignored"])
def test_one_answer_of_everything_takes_at_most_three_times_its_size(
    big: Sandbox, tmp_path: Path, answer_size: int, at_rest: int, paging: str
) -> None:
    big.behave(paging=paging)
    assert peak(tmp_path, big, page_size=0) - at_rest < 3 * answer_size


def test_with_pages_it_does_not_grow_with_the_list(
    big: Sandbox, tmp_path: Path, at_rest: int
) -> None:
    big.behave(paging="honoured")
    assert peak(tmp_path, big, page_size=250) - at_rest < 16 * MEBIBYTE


def test_discovery_holds_a_fraction_of_an_answer_of_everything(
    big: Sandbox, tmp_path: Path, at_rest: int
) -> None:
    """Where the server ignores the limit, and the list has 256 MiB.

    It stops reading after 16 MiB, and holds some of such answers.
    """
    [invoice] = big.invoices([1])
    rows = (json.dumps(invoice, default=str).encode() + b",") * 1000

    def respond(connection: Connection) -> None:
        connection.send(response(b'{"invoices": [', length=False))
        for _ in range(256 * MEBIBYTE // len(rows)):
            connection.send(rows)

    with raw_server(respond) as server:
        tap = command(tmp_path, big.config(api_url=server.url))
        assert measure([*tap, "--discover"]) - at_rest < 128 * MEBIBYTE
