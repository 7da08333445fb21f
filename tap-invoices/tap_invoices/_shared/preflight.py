"""Judging the environment before the first request: URL, proxy, certificates."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from requests.utils import select_proxy

from .errors import CHECK_PROXY
from .redact import without_password

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER_SAFE = re.compile("[!-~]*")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def fits_header(value: str) -> bool:
    """Whether a value can be sent as an HTTP header."""
    return bool(_HEADER_SAFE.fullmatch(value))


def connection_errors(api_url: str) -> Iterator[str]:
    """Describe why no request to this URL can work from here; nothing is sent."""
    if problem := _url_problem(api_url, ("http", "https")):
        yield f"api_url is {without_password(api_url)!r}, which cannot be used: {problem}."
        return
    proxies, verify = connection_settings(api_url)
    proxy = select_proxy(api_url, proxies)
    if proxy and (problem := _proxy_problem(proxy)):
        yield (
            f"The proxy {without_password(proxy)!r} of the environment cannot be used: {problem}. "
            f"{CHECK_PROXY}."
        )
    if api_url.startswith("https:") and isinstance(verify, str):
        yield from _certificate_errors(verify)


def sends_token_in_clear(api_url: str) -> bool:
    """Whether the token would cross a network unencrypted: plain HTTP to another machine."""
    try:
        parts = urlsplit(api_url)
    except ValueError:
        return False
    if parts.scheme != "http":
        return False
    host = parts.hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def connection_settings(api_url: str) -> tuple[dict[str, str], bool | str | None]:
    """Return the proxies and the certificates that the environment names for a URL.

    Returns:
        The proxies by scheme, none if `NO_PROXY` holds the host; and a file or a folder of
        certificates, or True for those of requests.
    """
    with requests.Session() as session:
        found = session.merge_environment_settings(api_url, {}, stream=True, verify=None, cert=None)
    return dict(found["proxies"]), found["verify"]


def _url_problem(url: str, schemes: tuple[str, ...]) -> str | None:
    if any(character.isspace() or not character.isprintable() for character in url):
        return "it holds a space or a control character"
    try:
        return _part_problem(url, schemes)
    except ValueError:  # of urlsplit, `port`, and of a host name that cannot be encoded
        return "its host or its port is not valid"


def _part_problem(url: str, schemes: tuple[str, ...]) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in schemes:
        return f"it must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if not parts.hostname:
        return "it names no host"
    if parts.port == 0:
        return "its port is not a number from 1 to 65535"
    try:
        prepared = requests.Request("GET", f"http://{url.partition('://')[2]}").prepare()
        (urlsplit(prepared.url or "").hostname or "").encode("idna")  # as it will be looked up
    except (requests.RequestException, UnicodeError):
        return "its host name is not valid"
    return None


def _proxy_problem(proxy: str) -> str | None:
    url = proxy if "://" in proxy else f"http://{proxy}"
    if problem := _url_problem(url, _PROXY_SCHEMES):
        return problem
    if url.startswith("socks") and importlib.util.find_spec("socks") is None:
        return (
            "a SOCKS proxy needs the package PySocks, which is not installed "
            "(install this program with its extra `socks`)"
        )
    return None


def _certificate_errors(path: str) -> Iterator[str]:
    variable = next((name for name in _CA_VARIABLES if os.environ.get(name)), "The environment")
    try:
        if os.path.isdir(path):  # noqa: PTH112 - a string from requests
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a list of certificates"
        reason = "it is not a list of certificates" if isinstance(error, ssl.SSLError) else reason
        yield f"{variable} names {path!r}, which cannot be used: {reason}."
