"""No secret and no control character is logged, whatever handles the log and however."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers import singer
from helpers.raw_server import raw_server, response
from helpers.run import environment, options, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Shared

SECRET = "hunter22-t0k/n"
ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b\u202e"


@pytest.fixture(autouse=True)
def _separate(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that is hidden here is hidden in other tests."""
    factory = logging.getLogRecordFactory()
    monkeypatch.setattr(shared.redact, "_secrets", [])
    yield
    logging.setLogRecordFactory(factory)


class EverythingFormatter(logging.Formatter):
    """Writes all that a record has, as formatters into JSON do."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        return json.dumps(record.__dict__, default=str) + super().format(record)


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "handlers of the root logger": {"root": {"handlers": ["stream"], "level": "DEBUG"}},
    "handlers of named loggers": {
        "loggers": {
            name: {"handlers": ["stream"], "level": "DEBUG", "propagate": False}
            for name in ("tap-invoices", "target-invoices-ack", "urllib3.connectionpool")
        }
    },
}


@pytest.fixture(params=CONFIGURATIONS)
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """All that handlers write, in a logging configuration as `SINGER_SDK_LOG_CONFIG` has."""
    stream = io.StringIO()
    root = logging.getLogger()
    names = ("tap-invoices", "target-invoices-ack", "urllib3.connectionpool")
    loggers = [root, *map(logging.getLogger, names)]
    before = [(each, each.handlers[:], each.level, each.propagate) for each in loggers]
    handler = {"class": "logging.StreamHandler", "stream": stream, "formatter": "everything"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"everything": {"()": EverythingFormatter}},
            "handlers": {"stream": handler},
            **CONFIGURATIONS[request.param],
        }
    )
    yield stream
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def fail(text: str) -> None:
    """Fail because of something else."""
    try:
        int(text)
    except ValueError as error:
        raise RuntimeError(f"caused by {text}") from error


@pytest.mark.parametrize("name", ["tap-invoices", "target-invoices-ack", "urllib3.connectionpool"])
def test_nothing_of_a_secret_is_logged(shared: Shared, log: io.StringIO, name: str) -> None:
    """Not in messages, their arguments, tracebacks and causes, nor at any level."""
    shared.redact.hide_secrets([SECRET, None, ""])
    logger = logging.getLogger(name)
    logger.debug("in the message: " + SECRET)  # noqa: G003 - on purpose
    logger.info("in an argument: %s", SECRET)
    logger.warning("in an object: %s", {"access_token": SECRET, "url": f"?t={quote(SECRET)}"})
    logger.error("in %(name)s", {"name": SECRET, "unused": "x"})
    logger.error("in a wrong call: %d", SECRET)
    try:
        fail(SECRET)
    except RuntimeError:
        logger.exception("in a traceback")
    written = log.getvalue()
    assert written.count("***") >= 8
    assert "in a traceback" in written
    assert "RuntimeError" in written
    assert SECRET not in written
    assert SECRET.replace("/", "%2F") not in written
    assert "hunter22" not in written


@pytest.mark.slow
def test_a_program_with_handlers_of_named_loggers_logs_no_secret(
    shared: Shared, tmp_path: Path
) -> None:
    """The server repeats the token, and urllib3 logs the query, in which it stands here too."""
    body = json.dumps({"message": f"Bearer {SECRET} is unknown"}).encode()
    refusal = response(body, status="401 X")
    handler = {"class": "logging.StreamHandler"}
    log_config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"named": handler},
        **CONFIGURATIONS["handlers of named loggers"],
    }
    text = json.dumps(log_config).replace('"stream"', '"named"')
    (tmp_path / "log.json").write_text(text)  # JSON is YAML
    with raw_server(lambda connection: connection.send(refusal)) as server:
        config: dict[str, Any] = {
            "api_url": server.url,
            "access_token": SECRET,
            "system_id": SECRET,
        }
        if shared.PLUGIN_NAME == "target-invoices-ack":
            config["read_back"] = True
        words = [str(Path(sys.executable).with_name(shared.PLUGIN_NAME))]
        done = run(
            [*words, *options(tmp_path, config=config)],
            stdin=singer.schema() + singer.record(1),
            env=environment(SINGER_SDK_LOG_CONFIG=str(tmp_path / "log.json")),
        )
    assert done.exit_code == 1
    assert '\nThe API answered 401 and said "Bearer *** is unknown"' in done.stderr
    assert "system_id=***" in done.stderr
    assert "hunter22" not in done.stderr


def test_no_control_character_is_logged(shared: Shared, log: io.StringIO) -> None:
    """Such as those that steer a terminal; line ends and tabs are none of them."""
    shared.redact.hide_secrets([SECRET])
    logging.getLogger("tap-invoices").warning("said %s\n\tthen", ESCAPE)
    written = json.loads(log.getvalue().partition("}")[0] + "}")["msg"]
    assert written == "said \ufffd]0;owned\ufffd\ufffd[2J\ufffd\ufffd\n\tthen"


def test_what_holds_no_secret_stays_as_it_is(shared: Shared, log: io.StringIO) -> None:
    shared.redact.hide_secrets([SECRET, "abc"])
    logging.getLogger("tap-invoices").info("abc %s", 5)
    record = json.loads(log.getvalue().partition("}")[0] + "}")
    assert (record["msg"], record["args"]) == ("abc %s", [5])


def test_hiding_twice_costs_no_more(shared: Shared) -> None:
    shared.redact.hide_secrets([SECRET])
    factory = logging.getLogRecordFactory()
    shared.redact.hide_secrets(["another-secret"])
    assert logging.getLogRecordFactory() is factory
    assert shared.redact.redact(f"{SECRET} another-secret") == "*** ***"


secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=20)


@given(secret=secrets | st.text(min_size=4, max_size=12))
@example(secret="\udcff\udcfebytes")  # a variable that is not UTF-8
def test_every_form_of_a_secret_is_hidden(shared: Shared, secret: str) -> None:
    """As it is, as Python or JSON write it, and as it stands in a URL."""
    stripped = secret.strip()
    if len(stripped) < 4:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.redact, "_secrets", [])
        shared.redact.hide_secrets([secret])
        forms = [stripped, repr(secret)[1:-1], json.dumps(secret)[1:-1]]
        if not any("\ud800" <= each <= "\udfff" for each in secret):
            forms += [quote(secret), quote(secret, safe=""), quote_plus(secret)]
        for form in forms:
            assert form not in shared.redact.redact(f"<{form}>")


@given(
    secret=secrets,
    before=st.text("ab \n", max_size=300),
    length=st.integers(1, 320),
)
def test_no_part_of_a_secret_remains_at_a_cut(
    shared: Shared, secret: str, before: str, length: int
) -> None:
    """The server may repeat a token anywhere in a long text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.redact, "_secrets", [])
        shared.redact.hide_secrets(["0" + secret])
        cut = shared.redact.shorten(before + "0" + secret + " and more" * 50, length)
    assert len(cut) <= length
    assert "0" not in cut.replace("and more", "")
    assert "\n" not in cut


def test_text_of_somebody_else_is_put_on_one_line(shared: Shared) -> None:
    assert shared.redact.shorten(" a\r\n\tb \x1b[2J\u2028c ", 100) == "a b \ufffd[2J c"
    assert shared.redact.shorten("a" * 10, 5) == "aaaa…"
    assert shared.redact.shorten("aaaaa", 5) == "aaaaa"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example/x", "https://api.example/x"),
        ("http://user:pass@host:80/x", "http://user:***@host:80/x"),
        ("http://user:p@ss@host", "http://user:***@host"),
        ("http://user:pa/ss:x@host", "http://user:***@host"),
        ("http://token@host", "http://***@host"),
        ("user:pass@host", "user:***@host"),
        ("http://user:@host", "http://user:***@host"),
        ("", ""),
    ],
)
def test_a_url_without_its_password(shared: Shared, url: str, shown: str) -> None:
    assert shared.redact.without_password(url) == shown


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("http://user:pass@host", "pass"),
        ("http://user@host", None),
        ("http://host", None),
        ("http://[", None),
        (None, None),
        (5, None),
    ],
)
def test_the_password_of_a_url(shared: Shared, url: object, password: str | None) -> None:
    assert shared.redact.password_in(url) == password


def test_an_unexpected_error_is_described_without_its_text(shared: Shared) -> None:
    """The text may hold a customer's data."""
    with pytest.raises(RuntimeError) as raised:
        fail("Jane Doe")
    described = shared.redact.describe_safely(raised.value)
    assert described.startswith("Unexpected RuntimeError, caused by ValueError at test_redact.py:")
    assert "Jane" not in described
