"""What others wrote to check taps, on what this tap emits: none of it knows the SDK or us.

`singer-check-tap` is that of Singer's own authors, over their current library;
`fa-singer-io` is a second implementation of the specification, with strict types.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from helpers.plugin_envs import Program
from helpers.run import TAP, options, run
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PYTHON_LIBRARY = ("singer-tools==0.4.*", "singer-python==6.*")
CHECK_TAP = Program("singer-check-tap", _PYTHON_LIBRARY)
REFERENCE = Program("python", _PYTHON_LIBRARY)
STRICT = Program("python", ("fa-singer-io==3.*",))

STRICT_CHECK = """
import sys
from fa_purity import Unsafe
from fa_singer_io.singer.deserializer import try_from_file
from fa_singer_io.singer.validate import validate_record

def value(result):
    return result.alt(Unsafe.raise_exception).to_union()

schemas, records, states = {}, 0, 0
for result in try_from_file(sys.stdin):
    kind, message = value(result).map(
        lambda record: ("RECORD", record),
        lambda schema: ("SCHEMA", schema),
        lambda state: ("STATE", state),
    )
    if kind == "SCHEMA":
        schemas[message.stream] = message
    elif kind == "RECORD":
        value(validate_record(schemas[message.stream], message))
        records += 1
    else:
        states += 1
print(len(schemas), records, states)
"""

CATALOG_CHECK = """
import json, sys
import singer
from singer import metadata
catalog = singer.Catalog.from_dict(json.load(open(sys.argv[1])))
streams = {each.tap_stream_id: each for each in catalog.streams}
for line in sys.stdin:
    message = singer.parse_message(line)
    if isinstance(message, singer.RecordMessage):
        stream = streams[message.stream]
        known = stream.schema.to_dict()
        seen = singer.transform(message.record, known, metadata=metadata.to_map(stream.metadata))
        assert seen.keys() == message.record.keys(), (message.stream, seen.keys())
for name, each in sorted(streams.items()):
    keys = metadata.get(metadata.to_map(each.metadata), (), "table-key-properties")
    print(name, *keys)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An account with what is odd in one: drafts, late properties, large numbers, NUL."""
    with Sandbox.start(invoices=30, drafts=3) as running:
        yield running


@pytest.fixture(scope="module")
def catalog(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The catalog, discovered before the account became odd."""
    words = options(tmp_path_factory.mktemp("discovery"), config=sandbox.config())
    found: dict[str, Any] = json.loads(run([TAP, *words, "--discover"]).check().stdout)
    for number, invoice in enumerate(sandbox.invoices()[:10]):
        sandbox.change(
            invoice["id"],
            late={"a": [number, Decimal("17.10")]},
            currency=208,
            comment="NUL \0, line\u2028end, \U0001f4b6",
            total=Decimal("1234567890.12345678"),
            customer_id=123456789012345678,
            customer=invoice["customer"] | {"late": None},
        )
    return found


SETTINGS: list[dict[str, Any]] = [
    {},
    {"page_size": 4},
    {"include_non_booked": True},
    {"flattening_enabled": True, "flattening_max_depth": 2},
    {"stream_maps": {"invoices": {"total_text": "str(total)", "comment": None}}},
]


@pytest.fixture(params=SETTINGS, ids=str)
def output(
    request: pytest.FixtureRequest, sandbox: Sandbox, catalog: dict[str, Any], tmp_path: Path
) -> bytes:
    """The tap's output."""
    config = sandbox.config(**request.param)
    return run([TAP, *options(tmp_path, config=config, catalog=catalog)]).check().output


@pytest.mark.slow
def test_singers_own_checker_finds_the_output_valid(output: bytes) -> None:
    done = run([str(CHECK_TAP.path())], stdin=output).check()
    assert f"It contained {len(output.splitlines())} messages for 2 streams." in done.stdout


def test_a_strict_implementation_decodes_and_validates_all(output: bytes) -> None:
    done = run([str(STRICT.path()), "-I", "-c", STRICT_CHECK], stdin=output).check()
    kinds = [json.loads(line)["type"] for line in output.splitlines()]
    counts = [kinds.count(each) for each in ("SCHEMA", "RECORD", "STATE")]
    assert done.stdout.split() == [str(each) for each in counts]


def test_the_reference_library_loads_catalog_and_records(
    sandbox: Sandbox, catalog: dict[str, Any], tmp_path: Path
) -> None:
    """Each record fits the catalog that was discovered, as that library understands both."""
    words = options(tmp_path, config=sandbox.config(), catalog=catalog)
    output = run([TAP, *words]).check().output
    path = str(tmp_path / "catalog.json")
    done = run([str(REFERENCE.path()), "-I", "-c", CATALOG_CHECK, path], stdin=output).check()
    assert done.stdout.split() == ["invoice_lines", "id", "invoices", "id"]


@pytest.mark.parametrize(
    ("broken", "by"),
    [
        (b'{"type":"RECORD","stream":"invoices","record":{"id":"one"}}\n', "a wrong type"),
        (b'{"type":"RECORD","stream":"others","record":{"id":1}}\n', "a stream without SCHEMA"),
        (b'{"type":"RECORD","stream":"invoices"}\n', "a message without its record"),
    ],
)
def test_the_checkers_find_what_is_wrong(
    sandbox: Sandbox, tmp_path: Path, broken: bytes, by: str
) -> None:
    output = run([TAP, *options(tmp_path, config=sandbox.config())]).check().output + broken
    for command in ([str(CHECK_TAP.path())], [str(STRICT.path()), "-I", "-c", STRICT_CHECK]):
        assert run(command, stdin=output).exit_code != 0, by
