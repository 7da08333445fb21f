"""The tap: its settings, its two streams and how they are discovered."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from typing_extensions import override

from tap_invoices import catalog as catalogs
from tap_invoices import environment, filters, inputs, redact, settings, times, wrong_settings
from tap_invoices.account_check.command_line import add_check_option, run_check
from tap_invoices.bookmark import INVOICE_LINES, INVOICES, Bookmark
from tap_invoices.errors import RefusedError, TapError
from tap_invoices.schema import stream_schema
from tap_invoices.stopping import Stopping, closed_pipe_told
from tap_invoices.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    import click
    from singer_sdk import Stream
    from singer_sdk.singerlib import Catalog

    from tap_invoices.client import ExportClient

_ENVIRONMENT_PREFIX = "TAP_INVOICES_"
_NOT_SET = (None, "")  # what schedulers make of a variable that is not there
_SECRETS = ("access_token", "app_key")
_DISCOVERY_TRIES = 3


class TapInvoices(Tap):
    """Singer tap for the invoices of Traede's export API: each one once, with its lines."""

    name = "tap-invoices"
    config_jsonschema = settings.CONFIG
    dynamic_catalog = True
    message_writer_class = Writer

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        """Make a tap; takes what `singer_sdk.Tap` takes.

        Raises:
            ConfigValidationError: A setting is missing or malformed.
            StateError: The state is not one of this tap.
            TapError: The API refuses the token while columns are discovered.
        """
        config = dict(config or {})
        if parse_env_config:
            self.append_builtin_config(self.config_jsonschema)
            config |= environment.read(self.config_jsonschema, _ENVIRONMENT_PREFIX)
        config = {name: value for name, value in config.items() if value not in _NOT_SET}
        redact.hide([*map(config.get, _SECRETS), redact.password_in(config.get("api_url"))])
        Bookmark.from_state(options.get("state") or {})  # refused before anything is asked
        self.stopping = Stopping()
        if catalog:
            catalogs.heed_replication_method(catalog)
        try:
            super().__init__(config=config, catalog=catalog, **options)
        except ConfigValidationError as error:
            raise wrong_settings.in_words(error, self) from None
        self._check_settings()  # where no mapper was set up, it was not done yet

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        inputs.check_config_files(value)
        return super().cb_config(ctx, param, value)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = cls.__doc__
        for option in command.params:
            if option.name in {"catalog", "state"}:
                option.callback = inputs.checked
        command.callback = closed_pipe_told()(cls.invoke)
        add_check_option(command)
        return command

    @classmethod
    @override
    def invoke(cls, *, check: bool = False, **options: Any) -> None:
        if check:
            config = options["config"]
            tap = cls(config=config.config, parse_env_config=config.parse_env, setup_mapper=False)
            run_check(tap, options["about_format"], _columns)
        super().invoke(**options)

    @override
    def setup_mapper(self) -> None:
        self._check_settings()
        super().setup_mapper()

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        self.bookmark = Bookmark.from_state(state)
        super().load_state(state)

    @cached_property
    def client(self) -> ExportClient:
        """The API's client."""
        return self._client()

    @property
    @override
    def input_catalog(self) -> Catalog | None:
        given = super().input_catalog
        if given is not None:
            catalogs.complete(given)
        return given

    @override
    def discover_streams(self) -> Sequence[Stream]:
        # What a sync needs is loaded with it: --help and a bad setting do without.
        from tap_invoices import discovery  # noqa: PLC0415
        from tap_invoices.streams import InvoiceLines, Invoices  # noqa: PLC0415

        sample = [] if self.input_catalog else self._sample()
        return [
            Invoices(self, stream_schema(INVOICES, sample)),
            InvoiceLines(self, stream_schema(INVOICE_LINES, discovery.lines_of(sample))),
        ]

    @contextmanager
    def errors_told(self) -> Iterator[None]:
        """Tell an expected problem in one line and end.

        Left to the SDK, a person would first read of "an unhandled error".

        Raises:
            SystemExit: With 1, after the line.
        """
        try:
            with closed_pipe_told():
                yield
        except TapError as error:
            self.logger.error("%s", error)  # noqa: TRY400 - a person reads this
            raise SystemExit(1) from error
        except Exception as error:  # noqa: BLE001 - told without what it says
            self.logger.error("%s", redact.told_safely(error))  # noqa: TRY400
            raise SystemExit(1) from None

    def write_bookmarks(self, bookmarks: dict[str, dict[str, Any]]) -> None:
        """Write a STATE with the bookmarks of both streams."""
        self.state.setdefault("bookmarks", {}).update(bookmarks)
        self.state_writer.write_state(self.state)

    def _client(self, **options: int) -> ExportClient:
        from tap_invoices.client import ExportClient  # noqa: PLC0415 - see discover_streams

        agent = f"{self.name}/{self.plugin_version}"
        return ExportClient(self.config, user_agent=agent, **options)

    def _check_settings(self) -> None:
        errors = [
            *wrong_settings.key_problems(self),
            *filters.problems(self.config.get("filter_groups") or ()),
        ]
        if problem := times.problem(self.config.get("start_date")):
            errors.append(f"start_date is {problem}")
        if errors:
            raise ConfigValidationError("A setting is malformed", errors=errors)

    def _sample(self) -> list[dict[str, Any]]:
        """Read a sample; without a reachable API there is none, but a refusal is told."""
        from tap_invoices import discovery  # noqa: PLC0415 - see discover_streams

        if not (self.config.get("access_token") and self.config.get("system_id")):
            self.logger.warning(
                "Without access_token and system_id only the documented columns are known.",
            )
            return []
        try:
            return discovery.sample(
                self._client(tries=_DISCOVERY_TRIES),
                drafts=self.config["include_non_booked"],
            )
        except TapError as error:
            if isinstance(error, RefusedError) and not error.retry:
                raise
            self.logger.warning(
                "Only the documented columns are known, other fields arrive in `_extra`: %s",
                error,
            )
            return []

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End between two invoices; the SDK would write a STATE into the middle of a line.

        tests/tap/test_sdk.py notices when the SDK no longer calls this.
        """
        self.logger.info("Signal %d: ending after the current invoice.", signum)
        self.stopping.on_signal(signum)


def _columns(client: Any) -> dict[str, Any]:  # noqa: ANN401 - until discovery uses `_shared`
    from tap_invoices._shared.listing import ExportQuery
    from tap_invoices import discovery

    rows = client.fetch_sample(ExportQuery(since="1970-01-01 00:00:00", lines=True), 100).rows
    sample = [row.decode() for row in rows if hasattr(row, "decode")]
    lines = discovery.lines_of(sample)
    return {
        INVOICES: stream_schema(INVOICES, sample),
        INVOICE_LINES: stream_schema(INVOICE_LINES, lines),
    }
