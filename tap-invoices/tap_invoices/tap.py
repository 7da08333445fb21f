"""The tap: what it changes of the SDK's `Tap`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from typing_extensions import override

from tap_invoices import PROCESS_STARTED, settings
from tap_invoices._shared import command, input_files
from tap_invoices._shared.api_settings import ApiSettings
from tap_invoices._shared.delivered_ids import INVOICE_LINES, INVOICES
from tap_invoices._shared.errors import PluginError
from tap_invoices._shared.plugin import ConfiguredPlugin
from tap_invoices._shared.run_report import RunReport
from tap_invoices.account_check.command_line import add_check_option, run_check
from tap_invoices.bookmark import Bookmark, strip_unknown_keys
from tap_invoices.catalog import parse_catalog
from tap_invoices.records.stream_output import Writer
from tap_invoices.shutdown import SignalGuard
from tap_invoices.sync_counts import SyncCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import FrameType

    import click
    from singer_sdk import Stream

    from tap_invoices._shared.listing import ExportClient
    from tap_invoices._shared.response import JSON
    from tap_invoices.records.stream_output import RecordWriter
    from tap_invoices.sync import Count, Sync, SyncOptions


class TapInvoices(ConfiguredPlugin, Tap):
    """Singer tap for the invoices of Traede's export API: each one once, with its lines."""

    name = "tap-invoices"
    config_jsonschema = settings.CONFIG
    dynamic_catalog = True
    message_writer_class = Writer

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        catalog: Mapping[str, Any] | None = None,
        state: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        config = self.read_settings(config, is_environment_read=parse_env_config)
        self._guard = SignalGuard()
        self._counts = SyncCounts()
        if options.get("setup_mapper") is False and "access_token" not in config:
            # discovery can do without
            self.config_jsonschema = {**self.config_jsonschema, "required": []}  # type: ignore[misc]
        self._bookmark = Bookmark.from_state(state or {})  # rejected before any request
        super().__init__(
            config=config,
            catalog=None if catalog is None else parse_catalog(catalog),
            state=state or {},
            **options,
        )
        self.check_settings()  # without a mapper, this was not done yet

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        singer_command = super().get_singer_command()
        for option in singer_command.params:
            if option.name in {"catalog", "state"}:
                option.callback = input_files.check_json_option
        add_check_option(singer_command)
        return singer_command

    @classmethod
    @override
    def invoke(cls, *, check: bool = False, **options: Any) -> None:
        try:
            if check:
                found = options["config"]
                tap = cls(config=found.config, parse_env_config=found.parse_env, setup_mapper=False)
                command.publish_at_end(None)  # that of the last run stays
                run_check(tap, options["about_format"])
            super().invoke(**options)
        except Exception as error:  # noqa: BLE001 - click would add lines of its own
            command.end_on_error(error)

    @override
    def setup_mapper(self) -> None:
        self.check_settings()
        report = RunReport(
            self.config["system_id"], self.config.get("report_file"), self._counts.report
        )
        command.publish_at_end(report)
        catalog = self.catalog  # may request a sample
        try:
            super().setup_mapper()
        except ConfigValidationError:
            raise
        except Exception as error:
            raise PluginError(
                f"stream_maps and flattening do not fit the columns ({_describe(error)}). "
                f"The streams are {', '.join(catalog)}.",
            ) from error

    @override
    def own_setting_errors(self) -> Iterable[str]:
        return settings.own_setting_errors(self.config)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        self._bookmark = Bookmark.from_state(state)
        bookmarks = strip_unknown_keys(state)
        other_system, system_id = self._bookmark.system_id, self.config.get("system_id")
        if other_system not in (None, system_id):
            self.logger.warning(
                "The state is that of system %s and is ignored: this is a first sync of system %s.",
                other_system,
                system_id,
            )
            self._bookmark, bookmarks = Bookmark(), {}
        super().load_state({"bookmarks": bookmarks})

    @override
    def discover_streams(self) -> Sequence[Stream]:
        # What a sync needs is loaded with it: --help and a bad setting do without.
        from tap_invoices import discovery  # noqa: PLC0415
        from tap_invoices.streams import InvoiceLines, Invoices  # noqa: PLC0415

        sample = [] if self.input_catalog else self._read_sample()
        schemas = discovery.learn_schemas(sample)
        return [
            Invoices(self, schemas[INVOICES], self._make_sync),
            InvoiceLines(self, schemas[INVOICE_LINES]),
        ]

    def _make_sync(self, options: SyncOptions, writer: RecordWriter, count: Count) -> Sync:
        """Make the sync of both streams.

        Args:
            options: What to read.
            writer: Writes invoices and their lines.
            count: Is called with numbers of invoices and lines that were written.
        """
        from tap_invoices.sync import ExportReader, Sync  # noqa: PLC0415 - see discover_streams

        self._counts.last_state = self.state or None  # the SDK has emitted what was given
        reader = ExportReader(self._client, options, self._bookmark, self._counts, PROCESS_STARTED)
        return Sync(reader, writer, self._write_bookmarks, self._guard, count)

    @cached_property
    def _client(self) -> ExportClient:
        from tap_invoices._shared.http import HttpClient  # noqa: PLC0415 - see discover_streams
        from tap_invoices._shared.listing import ExportClient  # noqa: PLC0415

        api = ApiSettings.from_config(self.config)
        http = HttpClient(api, user_agent=f"{self.name}/{self.plugin_version}")
        self._counts.stats = http.stats
        return ExportClient(http, api)

    def _read_sample(self) -> list[dict[str, JSON]]:
        """Read a sample of the account's invoices; without credentials there is none.

        Raises:
            PluginError: The API rejects the request or cannot be reached. A sync that went on
                with the documented columns would leave the other ones empty for good.
        """
        from tap_invoices import discovery  # noqa: PLC0415 - see discover_streams

        if not self.config.get("access_token"):
            self.logger.warning(
                "Without access_token, discovery knows only the documented columns. Set it, and "
                "discover again before you load.",
            )
            return []
        return discovery.read_sample(
            self._client,
            drafts=self.config["include_non_booked"],
            is_limited=self.config["page_size"] > 0,
        )

    def _write_bookmarks(self, bookmarks: dict[str, dict[str, Any]]) -> None:
        self.state.setdefault("bookmarks", {}).update(bookmarks)
        self.state_writer.write_state(self.state)
        self._counts.last_state = self.state

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End between two invoices; the SDK would write a STATE into the middle of a line.

        tests/tap/test_sdk.py notices when the SDK no longer calls this.
        """
        self._guard.on_signal(signum)


def _describe(error: Exception) -> str:
    """Describe an error of the SDK's, which repeats settings and names of columns, no data."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
