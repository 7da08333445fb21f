"""The target: its settings, and which of its two ways it goes."""

from __future__ import annotations

import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._batch import BaseBatchFileEncoding
from singer_sdk.helpers.capabilities import PluginCapabilities
from typing_extensions import override

from target_invoices_ack import (
    config_files,
    note,
    reconcile,
    redact,
    settings,
    states,
    wrong_settings,
)
from target_invoices_ack.acknowledger import Acknowledger
from target_invoices_ack.api import ExportApi
from target_invoices_ack.errors import TargetError
from target_invoices_ack.readback import ReadBack
from target_invoices_ack.reconcile import Reconciliation
from target_invoices_ack.relay import Relay
from target_invoices_ack.sinks import FileSink, IgnoringSink, InvoiceSink
from target_invoices_ack.stopping import Stop

if TYPE_CHECKING:
    from types import FrameType

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.sinks import Sink

    from target_invoices_ack.messages import Message

_SECRETS = ("access_token", "app_key")


class TargetInvoicesAck(Target):
    """Singer target that marks an invoice as exported only once a loader has confirmed it.

    Attributes:
        stop: Asked by signals and by failures.
        invoices_read: Reading back: the invoices that were read.
    """

    name = "target-invoices-ack"
    config_jsonschema = settings.CONFIG
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    default_sink_class = IgnoringSink

    def __init__(self, *, config: dict[str, Any] | None = None, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        """Make a target; takes what `singer_sdk.Target` takes.

        Raises:
            ConfigValidationError: A setting is missing or malformed.
        """
        redact.hide(
            [(config or {}).get(name) for name in _SECRETS]
            + [os.environ.get(f"TARGET_INVOICES_ACK_{name.upper()}") for name in _SECRETS],
        )
        self.stop = Stop()
        self.invoices_read: set[int] = set()
        try:
            super().__init__(config=config, **options)
        except ConfigValidationError as error:
            raise wrong_settings.in_words(error, self) from None
        if options.get("validate_config", True):
            self._check_settings()
        self._reader: Relay | ReadBack = (
            Relay(self.config, self.stop, self.acknowledger, self._ids_in_files)
            if self.config.get("loader")
            else ReadBack(self.config, self.stop, self._begin_reconciliation)
        )
        self.message_reader = self._reader
        self._reconciliation: Reconciliation | None = None

    @cached_property
    def api(self) -> ExportApi:
        """The API's client."""
        return ExportApi(self.config, user_agent=f"{self.name}/{self.plugin_version}")

    @cached_property
    def acknowledger(self) -> Acknowledger:
        """What marks."""
        default = not self.config.get("loader")
        skip_exported = self.config.get("skip_exported")
        return Acknowledger(
            self.config,
            self.api,
            self.stop,
            skip_exported=default if skip_exported is None else skip_exported,
        )

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        config_files.check(value)
        return super().cb_config(ctx, param, value)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = cls.__doc__.partition("\n")[0]  # type: ignore[union-attr]
        return command

    @override
    def get_sink_class(self, stream_name: str) -> type[Sink]:
        return InvoiceSink if stream_name == self.config["stream"] else IgnoringSink

    @override
    def process_endofpipe(self) -> None:
        """End the way that was gone.

        Raises:
            TargetError: The input was bad, or marking has failed for good.
            SystemExit: Something is unmarked or missing, or the loader failed.
        """
        if self.stop.signum is not None:
            self.logger.info("Signal %d: ending after what has come in.", self.stop.signum)
        if isinstance(self._reader, Relay):
            code = self._reader.finish()
        else:
            code = self._end_read_back(self._reader)
        if code:
            raise SystemExit(code)

    def _end_read_back(self, reader: ReadBack) -> int:
        failure = None
        try:
            self.acknowledger.flush()
            super().process_endofpipe()
        except TargetError as error:
            failure = error
        self.acknowledger.close()
        self.acknowledger.sum_up(len(self.invoices_read), 0)
        if not self.invoices_read:
            self.logger.warning(
                "No invoice came in stream %r. Check stream.", self.config["stream"]
            )
        if problem := reader.problem or failure:
            raise problem
        good = not self.acknowledger.tally.refused
        if self._reconciliation and not self.stop.asked:
            marked = self.acknowledger.marked_of(self.invoices_read)
            good = self._reconciliation.report(self.invoices_read, marked) and good
        return self.stop.exit_code if good else 1

    def _begin_reconciliation(self) -> None:
        if since := self.config.get("reconcile_since"):
            self._reconciliation = Reconciliation(since, self.api, self.acknowledger)

    def _ids_in_files(self, message: Message) -> list[tuple[object, bool]]:
        """Read the invoices of a BATCH, through what the SDK gives a sink for it."""
        sink = FileSink(self, message.stream, {"properties": {}}, ())
        encoding = BaseBatchFileEncoding(message.encoding.format, message.encoding.compression)
        sink.process_batch_files(encoding, message.manifest)
        return sink.found

    def _check_settings(self) -> None:
        config = self.config
        found = [
            *wrong_settings.key_problems(self),
            note.problem(config["note"]) if config.get("note") else None,
            reconcile.problem(config["reconcile_since"]) if config.get("reconcile_since") else None,
        ]
        if config.get("loader"):
            found += [
                f"{name} is for reading back, and loader asks for the relay: leave one out"
                for name in ("reconcile_since", "stream_maps")
                if config.get(name)
            ]
        errors = [each for each in found if each]
        if errors:
            raise ConfigValidationError("A setting is malformed", errors=errors)

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Print a STATE, unless it would claim what is not marked.

        The SDK prints it after every drain and has no switch for it;
        tests/target/test_sdk.py notices when it no longer calls this.
        """
        if states.is_of_tap_invoices(state):
            self.logger.warning(
                "The input comes from tap-invoices itself, not from a warehouse: what it holds "
                "is marked though no loader has confirmed it. Is the setting loader missing?",
            )
        self.acknowledger.write_state(json.dumps(state).encode())

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End the input; what came before is drained as at any end.

        The SDK would drain inside the handler, and print a STATE for records whose drain
        the signal interrupted. tests/target/test_sdk.py notices when it no longer calls
        this.
        """
        self.stop.on_signal(signum)  # no word yet: it could come in the middle of another
