"""The target: what it overrides of the SDK's, and which of its two ways it goes."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers._batch import BaseBatchFileEncoding
from singer_sdk.helpers.capabilities import STREAM_MAPS_CONFIG, PluginCapabilities
from typing_extensions import override

from target_invoices_ack._shared.command import FAILED, end_on_error, publish_at_end
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack._shared.plugin import ConfiguredPlugin
from target_invoices_ack._shared.run_report import RunReport
from target_invoices_ack.client import AckClient
from target_invoices_ack.input.invoice_id import is_draft
from target_invoices_ack.input.messages import CREATED_AT, InvoiceKeys, column
from target_invoices_ack.marking.acknowledger import Acknowledger
from target_invoices_ack.marking.run_counts import RunCounts
from target_invoices_ack.read_back import ReadBack
from target_invoices_ack.reconcile import Reconciliation
from target_invoices_ack.relay.relay import Relay
from target_invoices_ack.settings import CONFIG, Settings, target_setting_errors
from target_invoices_ack.shutdown import StopEvent
from target_invoices_ack.sinks import NullSink, collecting_sink

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from target_invoices_ack.input.messages import Message


class TargetInvoicesAck(ConfiguredPlugin, Target):
    """Singer target that marks an invoice as exported only once a loader has confirmed it."""

    name = "target-invoices-ack"
    config_jsonschema = CONFIG
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    default_sink_class = NullSink

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        **options: Any,  # noqa: ANN401 - the SDK's own
    ) -> None:
        config = self.read_settings(config, is_environment_read=parse_env_config)
        self._stop = StopEvent()
        super().__init__(config=config, **options)
        if options.get("validate_config", True):
            self.check_settings()
        self.exit_code = FAILED  # of the command, once the run has ended
        self._run = self._prepare_run()
        report_file = self.config.get("report_file")
        publish_at_end(RunReport(self.config["system_id"], report_file, self._run.report))
        self.message_reader = self._run

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings for stream maps; its others have no effect here."""
        for name, schema in STREAM_MAPS_CONFIG["properties"].items():
            config_jsonschema["properties"].setdefault(name, schema)

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target as a command.

        The SDK's own would add "Config validation failed" to each invalid setting, and knows
        no exit code of a run.

        Raises:
            SystemExit: At the end, with the exit code.
        """
        super(Target, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        try:
            target = cls(config=config.config, parse_env_config=config.parse_env)
        except ConfigValidationError as error:
            end_on_error(error)
        with suppress(PluginError):  # it was logged with the result of the run
            target.listen(file_input)
        raise SystemExit(target.exit_code)

    @override
    def setup_mapper(self) -> None:
        try:
            super().setup_mapper()
        except MappingError as error:
            raise ConfigValidationError("", errors=[f"stream_maps: {error}"]) from None

    @override
    def get_sink_class(self, stream_name: str) -> type[NullSink]:
        if isinstance(self._run, ReadBack):
            self._run.add_stream(stream_name)
            if stream_name == self.config["stream"]:
                return collecting_sink(self._run.collect)
        return NullSink

    @override
    def process_endofpipe(self) -> None:
        """End the run: mark, and log the result.

        Raises:
            PluginError: Something has ended the run before its end; it was logged.
        """
        if self._stop.is_signalled:
            self.logger.info("%s: ending after what has come in.", self._stop.signal_name)
        super().process_endofpipe()
        self.exit_code = self._run.finish()
        if self._run.problem:
            raise self._run.problem

    def _prepare_run(self) -> Relay | ReadBack:
        settings = Settings.from_config(self.config)
        client = AckClient(settings.api, user_agent=f"{self.name}/{self.plugin_version}")
        acknowledger = Acknowledger(settings, client, RunCounts(), self._stop)
        if settings.loader:
            return Relay(settings, self._stop, acknowledger, self._read_batch)
        since = settings.reconcile_since
        reconciliation = Reconciliation(since, client, acknowledger) if since else None
        return ReadBack(settings, self._stop, acknowledger, reconciliation)

    def _read_batch(self, message: Message) -> list[InvoiceKeys]:
        """Read the invoices of a BATCH, before the loader may delete its files.

        The SDK reads such files in a sink, so a sink is made for this.
        """
        invoices: list[InvoiceKeys] = []

        def collect(record: dict[str, Any]) -> None:
            invoice_id = column(record, self.config["id_property"])
            invoices.append(InvoiceKeys(invoice_id, is_draft(record), record.get(CREATED_AT)))

        sink = collecting_sink(collect)(self, str(message.stream), {"properties": {}}, ())
        assert message.encoding is not None  # noqa: S101 - of a BATCH that was parsed
        encoding = BaseBatchFileEncoding(message.encoding.format, message.encoding.compression)
        sink.process_batch_files(encoding, message.manifest or [])
        return invoices

    @override
    def own_setting_errors(self) -> Iterable[str]:
        return target_setting_errors(self.config)

    @override
    def check_settings(self) -> None:
        super().check_settings()
        if self.config.get("loader") and self.config.get("stream_maps"):
            self.logger.warning("stream_maps of the target has no effect with loader.")

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the input; what came before is drained as at any end.

        The SDK would drain inside the handler, and emit a STATE for records whose drain the
        signal interrupted (https://github.com/meltano/sdk/issues/3775).
        tests/target/test_sdk.py notices when it no longer calls this.
        """
        self._stop.on_signal(signum)  # nothing is logged: that could interrupt another message
