"""The target: what it overrides of the SDK's, and which of its two ways it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.configuration._dict_config import merge_missing_config_jsonschema
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._batch import BaseBatchFileEncoding
from singer_sdk.helpers.capabilities import STREAM_MAPS_CONFIG, PluginCapabilities
from typing_extensions import override

from target_invoices_ack._shared.api_settings import SECRETS
from target_invoices_ack._shared.config_errors import explain, setting_errors
from target_invoices_ack._shared.environment import environment_warnings, read_environment
from target_invoices_ack._shared.input_files import ENVIRONMENT, read_config_files
from target_invoices_ack._shared.preflight import environment_secrets, sends_token_in_clear
from target_invoices_ack._shared.redact import hide_secrets, password_in
from target_invoices_ack.client import AckClient
from target_invoices_ack.input.invoice_id import is_draft
from target_invoices_ack.input.messages import column
from target_invoices_ack.marking.account import Account
from target_invoices_ack.marking.acknowledger import Acknowledger
from target_invoices_ack.read_back import ReadBack
from target_invoices_ack.reconcile import Reconciliation
from target_invoices_ack.relay.relay import Relay
from target_invoices_ack.settings import CONFIG, Settings, target_setting_errors
from target_invoices_ack.shutdown import StopEvent
from target_invoices_ack.sinks import NullSink, collecting_sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from target_invoices_ack.input.messages import Message

_PREFIX = "TARGET_INVOICES_ACK_"
_NOT_SET = (None, "")  # as schedulers leave a variable that has no value
