"""What cannot work is named before the first request, and what can work is let through."""

from __future__ import annotations

import importlib.util
import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Shared

pytestmark = pytest.mark.usefixtures("_direct")


def errors(shared: Shared, api_url: str = "https://api.example") -> list[str]:
    return list(shared.preflight.connection_errors(api_url))


@pytest.mark.parametrize(
    "api_url",
    [
        "https://api.traede.com",
        "https://api.traede.com/",
        "http://127.0.0.1:8080/base/path",
        "http://localhost",
        "https://[::1]:8443",
        "https://[2001:db8::1]",
        "https://bücher.example",
        "https://xn--bcher-kva.example",
        "https://user:password@api.example",
        "https://api.example:443/ä",
        "https://api_internal",
    ],
)
def test_a_url_that_can_be_used(shared: Shared, api_url: str) -> None:
    assert errors(shared, api_url) == []


@pytest.mark.parametrize(
    ("api_url", "problem"),
    [
        ("", "must begin with http:// or https://"),
        ("api.traede.com", "must begin with http:// or https://"),
        ("ftp://api.traede.com", "must begin with http:// or https://"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://:80", "names no host"),
        ("http://host:abc", "host or its port is not valid"),
        ("http://host:99999", "host or its port is not valid"),
        ("http://host:-1", "host or its port is not valid"),
        ("http://host:0", "a number from 1 to 65535"),
        ("http://[::1", "host or its port is not valid"),
        ("http://[::zz]", "host or its port is not valid"),
        ("http://host\n", "a space or a control character"),
        (" http://host", "a space or a control character"),
        ("http://ho st", "a space or a control character"),
        ("http://host\x00", "a space or a control character"),
        ("http://host/\u202e", "a space or a control character"),
        ("http://.host", "host name is not valid"),
        ("http://*.host", "host name is not valid"),
        ("http://ho..st", "host name is not valid"),
        ("http://" + "a" * 64 + ".example", "host name is not valid"),
        ("http://" + "ü" * 64 + ".example", "host name is not valid"),
        ("http://\ud800.example", "is not valid|a space or a control character"),
        ("http://host/\ud800", "is not valid|a space or a control character"),
        ("http://host:8\u0660", "is not valid"),
    ],
)
def test_a_url_that_cannot_be_used(shared: Shared, api_url: str, problem: str) -> None:
    [error] = errors(shared, api_url)
    assert error.startswith(f"api_url is {api_url!r}, which cannot be used: ")
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(error)


url_like = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            ["http://", "https://", ":", "/", "@", "[", "]", "::1", ".", "host", "80", "%"]
        )
        | st.text(max_size=3),
        max_size=6,
    ),
)


@given(text=url_like.map("https://".__add__) | url_like)
def test_a_url_without_an_error_can_be_requested(shared: Shared, text: str) -> None:
    """No URL is a surprise, and none that is refused shows a password."""
    if errors(shared, text):
        return
    settings = shared.api_settings.ApiSettings(text.rstrip("/"), "token", None, "wh", 1)
    export = shared.listing.ExportClient(
        shared.http.HttpClient(settings, user_agent="test", max_attempts=1), settings
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.getaddrinfo", _does_not_resolve)
        with pytest.raises(shared.errors.PluginError, match="does not resolve"):
            export.fetch(shared.listing.ExportQuery(), shared.listing.PageRequest())


def _does_not_resolve(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "no network in a test")


# Proxies


@pytest.mark.parametrize(
    ("proxy", "problem"),
    [
        ("http://proxy:abc", "host or its port is not valid"),
        ("http://", "names no host"),
        ("http://[::1", "host or its port is not valid"),
        ("gopher://proxy", "must begin with http://"),
        ("proxy:99999", "host or its port is not valid"),
        ("http://pro xy", "a space or a control character"),
        ("http://*.proxy", "host name is not valid"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str, problem: str
) -> None:
    monkeypatch.setenv(variable, proxy)
    [error] = errors(shared)
    assert error.startswith(f"The proxy {proxy!r} of the environment cannot be used: ")
    assert problem in error
    assert error.endswith("Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.")


@pytest.mark.parametrize(
    "proxy",
    ["http://proxy:3128", "proxy:3128", "https://user:pa%20ss@proxy", "http://[::1]:3128", ""],
)
def test_a_proxy_that_can_be_used(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert errors(shared) == []


def test_a_proxy_for_other_addresses_is_not_judged(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:abc")
    assert errors(shared) == []
    monkeypatch.setenv("ALL_PROXY", "http://proxy:abc")
    monkeypatch.setenv("NO_PROXY", "api.example,127.0.0.0/8")
    assert errors(shared) == []
    assert errors(shared, "https://127.0.0.1") == []
    assert len(errors(shared, "https://other.example")) == 1


@given(no_proxy=st.text(alphabet="0123456789./:[],*a \t-", max_size=20))
def test_no_list_of_exceptions_breaks_anything(shared: Shared, no_proxy: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", no_proxy)
        patch.setenv("HTTPS_PROXY", "http://proxy:3128")
        for api_url in ("https://api.example", "https://127.0.0.1", "https://[::1]:80"):
            assert errors(shared, api_url) == []


def test_a_password_of_a_proxy_is_not_shown(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter22@proxy:abc")
    [error] = errors(shared)
    assert "hunter22" not in error
    assert "user:***@proxy:abc" in error


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
def test_a_socks_proxy_needs_a_package(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """It is not installed with the programs, and is named with the way to install it."""
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://proxy:1080")
    assert errors(shared) == []
    find_spec: Any = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "socks" else find_spec(name)
    )
    [error] = errors(shared)
    assert "PySocks" in error
    assert "extra `socks`" in error


# Certificates


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_of_certificates(
    shared: Shared, monkeypatch: pytest.MonkeyPatch, authority: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, str(authority))
    assert errors(shared) == []
    monkeypatch.setenv(variable, str(authority.parent))  # a directory, as OpenSSL has them
    assert errors(shared) == []


@pytest.mark.parametrize(
    "case",
    [
        (None, "No such file or directory"),
        (b"", "it is not a list of certificates"),
        (b"hello", "it is not a list of certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a list of cert"),
        (b"\xff\x00", "it is not a list of certificates"),
    ],
)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_that_cannot_be_used(
    shared: Shared,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str,
    case: tuple[bytes | None, str],
) -> None:
    content, reason = case
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(variable, str(path))
    [error] = errors(shared)
    assert error.startswith(f"{variable} names {str(path)!r}, which cannot be used: ")
    assert reason in error
    assert errors(shared, "http://api.example") == []  # nothing is encrypted


# The token in clear


@pytest.mark.parametrize(
    ("api_url", "is_in_clear"),
    [
        ("https://api.example", False),
        ("http://api.example", True),
        ("http://192.0.2.1", True),
        ("http://127.0.0.1:8080", False),
        ("http://127.8.8.8", False),
        ("http://[::1]", False),
        ("http://localhost:8080", False),
        ("http://LOCALHOST", False),
        ("http://sandbox.localhost", False),
        ("http://localhost.example", True),
    ],
)
def test_a_token_in_clear_is_noticed(shared: Shared, api_url: str, *, is_in_clear: bool) -> None:
    assert shared.preflight.sends_token_in_clear(api_url) == is_in_clear


# Settings


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("access_token", "two words", "access_token cannot be used: it holds a space"),
        ("access_token", "Bearer abc", "Leave `Bearer` out"),
        ("access_token", "bearer abc", "Leave `Bearer` out"),
        ("access_token", "abc\n", "access_token cannot be used"),
        ("access_token", "tøken", "access_token cannot be used"),
        ("app_key", "a b", "app_key cannot be used"),
        ("system_id", "warehouse ", "system_id is 'warehouse ': remove the spaces around it"),
        ("system_id", "\ud800", "system_id is '\\ud800': remove the characters"),
        ("system_id", "ware\x00house", "remove the characters that cannot be printed"),
        ("api_url", "http://host:abc", "api_url is 'http://host:abc'"),
    ],
)
def test_a_setting_that_fails_every_request(
    shared: Shared, name: str, value: str, problem: str
) -> None:
    config = {"access_token": "abc", "system_id": "wh", "api_url": "https://api.example"}
    assert list(shared.api_settings.api_setting_errors(config)) == []
    [error] = shared.api_settings.api_setting_errors(config | {name: value})
    assert problem in error
    if name in shared.api_settings.SECRETS:
        assert value not in error


def test_settings_of_another_type_are_left_to_the_schema(shared: Shared) -> None:
    config = dict.fromkeys(["access_token", "app_key", "system_id", "api_url"], 5)
    assert list(shared.api_settings.api_setting_errors(config)) == []
    assert list(shared.api_settings.api_setting_errors({})) == []


def test_the_settings_in_use(shared: Shared) -> None:
    config = {
        "api_url": "https://api.example/base/",
        "access_token": "abc",
        "system_id": "wh",
        "request_timeout": 60,
    }
    settings = shared.api_settings.ApiSettings.from_config(config)
    assert settings.base_url == "https://api.example/base"
    assert settings.app_key is None
    assert settings.request_timeout == 60.0
    assert requests.Request("GET", settings.base_url).prepare().url == settings.base_url
