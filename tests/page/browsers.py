"""The browsers that the page is opened in.

Lightpanda comes whole in a wheel, so it is there wherever the tests run: a real DOM, real
scripts and events, but no picture, and only an approximation of the layout. Chromium is
one more where it is found together with its driver.
"""

from __future__ import annotations

import os
import shlex
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightpanda import WebDriverServer
from lightpanda.client import find_binary
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from selenium.webdriver.remote.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

_PATIENCE = 30  # seconds until what should come is missing
_NARROW = (320, 640)


class Browser:
    """One page in one browser."""

    def __init__(self, driver: WebDriver, complaints: Callable[[], list[str]]) -> None:
        """Drive it.

        Args:
            driver: What drives it.
            complaints: Returns what its console has said of errors since the last call.
        """
        self.driver = driver
        self.complaints = complaints

    def open(self, url: str, query: str = "") -> None:
        """Open the page and wait until it is live."""
        self.driver.get(f"{url}/{query}")
        self.wait("connection", "Live")

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, id_: str) -> str:
        return self.find(f"#{id_}").text

    def texts(self, css: str) -> list[str]:
        """Return the texts of several, read at one moment."""
        script = "return [...document.querySelectorAll(arguments[0])].map((at) => at.textContent)"
        texts: list[str] = self.run(script, css)
        return texts

    def wait(self, id_: str, words: str) -> None:
        """Wait until an element says just this."""
        self.wait_for(lambda: self.text(id_) == words, f"#{id_} to say {words!r}")

    def wait_for(self, holds: Callable[[], object], what: str) -> None:
        WebDriverWait(self.driver, _PATIENCE, 0.05).until(lambda _: holds(), f"waited for {what}")

    def click(self, css: str) -> None:
        self.find(css).click()

    def choose(self, css: str, value: str) -> None:
        Select(self.find(css)).select_by_value(value)

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def run(self, script: str, *arguments: str) -> Any:
        return self.driver.execute_script(script, *arguments)

    @contextmanager
    def narrow(self) -> Iterator[None]:
        """Make the window as narrow as the smallest phones."""
        before = self.driver.get_window_size()
        self.driver.set_window_size(*_NARROW)
        yield
        self.driver.set_window_size(before["width"], before["height"])


@contextmanager
def _lightpanda(folder: Path) -> Iterator[Browser]:
    said = folder / "said"
    said.touch()
    script = folder / "lightpanda"  # its console goes to stderr, which the package hides or mixes
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(find_binary()))} "$@" 2>>{said}\n')
    script.chmod(0o700)

    def complaints() -> list[str]:
        lines = said.read_text().splitlines()
        os.truncate(said, 0)
        return [line for line in lines if "$scope=js " in line or "$scope=page_error " in line]

    # a session may idle while other tests run; style sheets are read only when asked for
    flags = ("--http-session-timeout", "0", "--load-resources", "stylesheet")
    quiet = {"LIGHTPANDA_DISABLE_TELEMETRY": "true"}
    with WebDriverServer(binary=script, env=quiet, args=flags) as server:
        options = webdriver.ChromeOptions()  # any will do, says its manual
        driver = webdriver.Remote(command_executor=server.http_endpoint, options=options)
        yield Browser(driver, complaints)
        driver.quit()


@contextmanager
def _chromium(folder: Path) -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "SEVERE"})
    for flag in (
        "--headless=new",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1280,900",
        f"--user-data-dir={folder}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),  # it does not run as root otherwise
    ):
        options.add_argument(flag)
    service = webdriver.ChromeService(str(shutil.which("chromedriver")))
    driver = webdriver.Chrome(options, service)

    def complaints() -> list[str]:
        return [each["message"] for each in driver.get_log("browser")]  # type: ignore[no-untyped-call]

    yield Browser(driver, complaints)
    driver.quit()


STARTERS: dict[str, Callable[[Path], AbstractContextManager[Browser]]] = {"lightpanda": _lightpanda}
if shutil.which("chromium") and shutil.which("chromedriver"):
    STARTERS["chromium"] = _chromium
