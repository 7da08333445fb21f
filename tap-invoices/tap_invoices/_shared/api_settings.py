"""The settings that both programs have: address and credentials of the API."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from . import preflight
from .redact import password_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_API_URL = "https://api.traede.com"
DEFAULT_REQUEST_TIMEOUT = 300

SECRETS = ("access_token", "app_key")
SECRET_VARIABLES = tuple(
    f"{program}_{name}".upper()
    for program in ("tap_invoices", "target_invoices_ack")
    for name in SECRETS
)

_PROXY_VARIABLES = {"http_proxy", "https_proxy", "all_proxy"}

_SETTINGS = (
    "access_token allow_missing_lines api_url app_key batch_config confirm dry_run faker_config "
    "filter_groups flattening_enabled flattening_max_depth flattening_max_key_length "
    "flattening_separator id_property include_non_booked loader max_parallel_requests note "
    "page_size read_back reconcile_since report_file request_timeout skip_exported start_date "
    "stream stream_map_config stream_maps system_id verify_marks warn_of_loader"
)
SETTINGS = frozenset(_SETTINGS.split())
"""All settings of either program: both may share one file, so each ignores the other's."""

API_SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "api_url",
        th.StringType(pattern=r"^https?://[^\s/?#]+[^\s?#]*$"),
        default=DEFAULT_API_URL,
        title="API URL",
        description="Base URL of the API.",
    ),
    th.Property(
        "access_token",
        th.StringType(min_length=1),
        required=True,
        secret=True,
        title="Access token",
        description="Bearer token of the API, without the word `Bearer`.",
    ),
    th.Property(
        "app_key",
        th.StringType,
        secret=True,
        title="App key",
        description="App key, if your account has one; sent in the header `X-Traede-App-Key`.",
    ),
    th.Property(
        "system_id",
        th.StringType(min_length=1),
        required=True,
        title="System id",
        description=(
            "Name of the program that receives the invoices, as Traede knows it. Traede keeps "
            "separate export marks for each."
        ),
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0, maximum=86_400),
        default=DEFAULT_REQUEST_TIMEOUT,
        title="Request timeout",
        description=(
            "Seconds to wait for the start of a response. After that, the response must arrive at "
            "1 KiB per second or more on average."
        ),
    ),
)

REPORT_FILE: th.Property[Any] = th.Property(
    "report_file",
    th.StringType(min_length=1),
    title="Report file",
    description="Where to write the result of a run as JSON, also after a failure or a signal.",
)
"""A setting of both programs."""


@dataclass(frozen=True)
class ApiSettings:
    """How to reach the API.

    Args:
        base_url: Without a slash at the end.
        access_token: The bearer token.
        app_key: The app key, if there is one.
        system_id: The receiving system.
        request_timeout: Seconds.
    """

    base_url: str
    access_token: str
    app_key: str | None
    system_id: str
    request_timeout: float

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ApiSettings:
        """Take them from a program's settings, which have been validated."""
        return cls(
            base_url=config["api_url"].rstrip("/"),
            access_token=config["access_token"],
            app_key=config.get("app_key"),
            system_id=config["system_id"],
            request_timeout=float(config["request_timeout"]),
        )


def secrets_of(config: Mapping[str, Any]) -> Iterator[object]:
    """Iterate over what no log may show, in the settings and in the environment."""
    yield from map(config.get, SECRETS)
    yield password_in(config.get("api_url"))
    yield from map(os.environ.get, SECRET_VARIABLES)
    for name, value in os.environ.items():
        if name.lower() in _PROXY_VARIABLES:
            yield password_in(value)


def api_setting_errors(config: Mapping[str, Any]) -> Iterator[str]:
    """Describe what would make every request fail: settings, proxies, certificates."""
    for name in SECRETS:
        value = config.get(name)
        if isinstance(value, str) and not preflight.fits_header(value):
            yield (
                f"{name} cannot be used: it holds a space, a line break or a character that no "
                "HTTP header can have." + (" Leave `Bearer` out." if "earer " in value else "")
            )
    system_id = config.get("system_id")
    if isinstance(system_id, str) and system_id != system_id.strip():
        yield f"system_id is {system_id!r}: remove the spaces around it."
    if isinstance(system_id, str) and not system_id.isprintable():
        yield f"system_id is {system_id!r}: remove the characters that cannot be printed."
    api_url = config.get("api_url")
    if isinstance(api_url, str):
        yield from preflight.connection_errors(api_url)
    report_file = config.get("report_file")
    if isinstance(report_file, str) and not can_be_written(report_file):
        yield (
            f"report_file is {report_file!r}: its folder does not exist or is not writable, or it "
            "is not a regular file (but a folder, a device, a pipe)."
        )


def can_be_written(path: str) -> bool:
    """Whether a file can be written there, and replaced if there is one."""
    try:
        file = Path(path)
        is_free = file.is_file() or not (file.exists() or "\0" in path)
        return file.parent.is_dir() and os.access(file.parent, os.W_OK) and is_free
    except OSError:  # such as a name that is too long
        return False
