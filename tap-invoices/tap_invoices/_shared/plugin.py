"""What both programs add to the SDK's plugin: how settings are read, checked and explained."""

from __future__ import annotations

import signal
import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import PluginBase
from typing_extensions import override

from . import PLUGIN_NAME, config_errors, input_files
from .api_settings import can_be_written, secrets_of
from .command import publish_at_end
from .environment import environment_warnings, normalize, read_environment
from .preflight import sends_token_in_clear
from .redact import hide_secrets
from .run_report import RunReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click

_ENVIRONMENT_PREFIX = f"{PLUGIN_NAME}_".upper().replace("-", "_")


class ConfiguredPlugin(PluginBase):
    """A plugin that describes each wrong setting in a sentence, and hides secrets in its log.

    A subclass reads its settings with `read_settings`, then calls `super().__init__`.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the SDK's own
        try:
            super().__init__(**options)
        except ConfigValidationError as error:
            raise config_errors.explain(error, self) from None
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # `nohup` ignores it
            signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))

    def read_settings(
        self, config: Mapping[str, Any] | None, *, is_environment_read: bool
    ) -> dict[str, Any]:
        """Read the settings, hide the secrets among them and log warnings.

        Args:
            config: What the files of `--config` hold.
            is_environment_read: Whether `--config=ENV` was given.

        Raises:
            ConfigValidationError: A variable is not of the type of its setting.
        """
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        variables = read_environment(schema, _ENVIRONMENT_PREFIX) if is_environment_read else {}
        settings = normalize({**(config or {}), **variables})
        hide_secrets(secrets_of(settings))
        publish_at_end(_report_of_no_run(settings))
        for warning in environment_warnings(
            schema, settings, _ENVIRONMENT_PREFIX, is_read=is_environment_read
        ):
            self.logger.warning("%s", warning)
        if sends_token_in_clear(str(settings.get("api_url"))):
            self.logger.warning(
                "api_url is plain http to another machine, so the token crosses the network "
                "unencrypted. Use https."
            )
        return settings

    def check_settings(self) -> None:
        """Check what no schema checks.

        Raises:
            ConfigValidationError: A setting is invalid.
        """
        errors = [*config_errors.setting_errors(self), *self.own_setting_errors()]
        if errors:
            raise ConfigValidationError("A setting is invalid", errors=errors)

    @abstractmethod
    def own_setting_errors(self) -> Iterable[str]:
        """Describe what is wrong with the program's own settings and no schema finds."""

    @classmethod
    @override
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        found = super().cb_config(ctx, param, ())
        found.config = input_files.read_config_files(value)
        found.parse_env = input_files.ENVIRONMENT in value
        return found

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.help = cls.__doc__
        return command


def _report_of_no_run(settings: Mapping[str, Any]) -> RunReport:
    """Return the report of a run that fails before it begins, as for a wrong setting."""
    system_id, path = (settings.get(name) for name in ("system_id", "report_file"))
    nothing = {"counts": {}, "requests": {"sent": 0, "retries": 0, "seconds": 0.0}}
    return RunReport(
        system_id if isinstance(system_id, str) else "",
        path if isinstance(path, str) and can_be_written(path) else None,
        lambda: {**nothing, "last_state": None},
        only_if_failed=True,
    )
