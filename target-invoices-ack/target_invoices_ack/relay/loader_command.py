"""The loader's command: its words, whether it can be started, and its environment."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from target_invoices_ack._shared import PLUGIN_NAME
from target_invoices_ack._shared.api_settings import SECRET_VARIABLES
from target_invoices_ack._shared.errors import PluginError
from target_invoices_ack.relay.signal_mask import with_blocked_signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

RELAYING = "INVOICES_ACK_IS_RELAYING"
"""Set for the loader's processes, so that a target that is its own loader notices it."""

_OWN_NAMES = {PLUGIN_NAME, PLUGIN_NAME.replace("-", "_"), f"{PLUGIN_NAME}.exe"}
_PATH_OPTIONS = {"--config", "--cwd", "--directory", "--package", "--project", "--with", "-C"}
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh"}
_PLAIN_LOG = {"MELTANO_CLI_LOG_FORMAT": "plain"}
"""Of `meltano invoke`: the Meltano around the target adds time and level, or JSON, once again."""

_MIN_CONTAINED = 8  # a shorter secret may be part of anything


class LoaderError(PluginError):
    """The loader cannot be started."""


def parse_command(command: str) -> list[str]:
    """Split a command into words, and check that it can be started.

    Args:
        command: The setting `loader`: with arguments and quotes as in a shell.

    Raises:
        LoaderError: It cannot be started.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise LoaderError(f"loader cannot be split into words ({error}).") from None
    if not words:
        raise LoaderError("loader is empty. Name the command of a Singer loader.")
    if RELAYING in os.environ or _names_target(words):
        raise LoaderError(
            "loader names this target itself. Name the loader that writes to your warehouse, "
            "such as target-postgres.",
        )
    if shutil.which(words[0]) is None:
        if Path(words[0]).is_file():
            raise start_error(words, "Permission denied")
        raise LoaderError(
            f"The loader {words[0]!r} is not found. Install it, or name its whole path in loader.",
        )
    return words


def start_error(words: Sequence[str], reason: str | None) -> LoaderError:
    """Return the error for a loader that the system does not start."""
    return LoaderError(f"The loader {words[0]!r} cannot be started ({reason}). Check loader.")


def loader_environment(secrets: Iterable[str | None], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the loader's processes, without the programs' secrets.

    Args:
        secrets: The token, the app key and the password in the API's address, if any.
        environ: The target's own environment.
    """
    hidden = [secret for secret in secrets if secret]
    kept = {
        name: value
        for name, value in environ.items()
        if name not in SECRET_VARIABLES and not any(_holds(value, secret) for secret in hidden)
    }
    return with_blocked_signals({**kept, **_PLAIN_LOG, RELAYING: "1"})


def _holds(value: str, secret: str) -> bool:
    return value == secret or (len(secret) >= _MIN_CONTAINED and secret in value)


def _names_target(words: Sequence[str]) -> bool:
    """Whether one of the words starts this program, directly or behind another one."""
    return any(
        PurePath(word).name in _OWN_NAMES and not ("/" in word and Path(word).is_dir())
        for word in _command_words(words)
    )


def _command_words(words: Sequence[str]) -> Iterator[str]:
    """Iterate over words that may be commands; what a shell is given is split as well."""
    has_shell = any(PurePath(word).name in _SHELLS for word in words)
    for before, word in zip(["", *words], words, strict=False):
        if before in _PATH_OPTIONS:
            continue
        if has_shell and " " in word:
            yield from word.replace(";", " ").replace("&", " ").replace("|", " ").split()
        yield word
