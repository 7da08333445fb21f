"""The dashboard in a real browser: Lightpanda, which comes whole in its wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from lightpanda import WebDriverServer
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from .conftest import Api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.remote.webdriver import WebDriver

    from sandbox.client import Sandbox

_TIMEOUT_S = 30


class Page:
    """The dashboard of one sandbox."""

    def __init__(self, driver: WebDriver, sandbox: Sandbox) -> None:
        self.driver = driver
        self.driver.get(sandbox.url)
        self.wait_for("connection", "Live")

    def text(self, id_: str) -> str:
        return self.driver.find_element(By.ID, id_).text

    def count(self, css: str) -> int:
        return len(self.driver.find_elements(By.CSS_SELECTOR, css))

    def click(self, css: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, css).click()

    def choose(self, id_: str, option: str) -> None:
        Select(self.driver.find_element(By.ID, id_)).select_by_visible_text(option)

    def wait_for(self, id_: str, part: str) -> None:
        """Wait until an element's text has this part."""
        holds: Callable[[object], bool] = lambda _: part in self.text(id_)  # noqa: E731
        WebDriverWait(self.driver, _TIMEOUT_S, 0.05).until(holds, f"#{id_} does not say {part!r}")


@pytest.fixture(scope="module")
def driver() -> Iterator[WebDriver]:
    flags = ("--http-session-timeout", "0", "--load-resources", "stylesheet")
    with WebDriverServer(env={"LIGHTPANDA_DISABLE_TELEMETRY": "true"}, args=flags) as server:
        options = webdriver.ChromeOptions()
        driver = webdriver.Remote(command_executor=server.http_endpoint, options=options)
        yield driver
        driver.quit()


@pytest.fixture
def page(driver: WebDriver, own_sandbox: Sandbox) -> Page:
    return Page(driver, own_sandbox)


def test_it_counts_marks_and_claims_no_load(page: Page, own_sandbox: Sandbox) -> None:
    assert page.text("summary") == "0 of 30 invoices marked, 30 pending."
    own_sandbox.mark(range(1, 31))
    page.wait_for("summary", "30 of 30 invoices marked, 0 pending.")
    assert page.count("#heatmap .marked") == 30
    assert "loaded" not in page.driver.find_element(By.TAG_NAME, "main").text.lower()


def test_rejected_invoices_stay_pending(page: Page, own_sandbox: Sandbox) -> None:
    page.click("#reject")
    page.wait_for("summary", "0 of 30 invoices marked, 30 pending, 3 of them rejected.")
    assert page.count("#heatmap .pending.rejected") == 3
    assert "rejected invoices until healed" in page.text("faults")
    own_sandbox.mark([30])
    page.wait_for("summary", "29 pending, 2 of them rejected.")


def test_buttons_book_break_and_heal(page: Page, own_sandbox: Sandbox) -> None:
    page.click("#book .main")
    page.wait_for("pending", "42")
    page.click("#book-drafts")
    page.wait_for("pending", "44")
    own_sandbox.mark([1, 2, 3, 4])
    page.wait_for("marked", "4")
    page.click("#unmark")
    page.wait_for("marked", "1")
    for rule in page.driver.find_elements(By.CSS_SELECTOR, "[data-rule]"):
        rule.click()
        page.wait_for("faults", "5 more")
        page.click("#heal")
        page.wait_for("faults", "Nothing is broken.")
    assert page.text("problem") == ""


def test_the_log_shows_what_became_of_requests(page: Page, own_sandbox: Sandbox) -> None:
    page.choose("times", "the next request")
    page.click("[data-rule*=html]")
    page.wait_for("faults", "html on all requests, 1 more")
    api = Api(own_sandbox)
    api.mark(1)
    page.wait_for("log", "mark: 200 (html)")
    api.get(limit=7)
    page.wait_for("log", "listing: 200, 7 invoices")
    own_sandbox.fail({"kind": "close"})
    with pytest.raises(requests.ConnectionError):
        api.get()
    page.wait_for("log", "listing: no response (close)")


def test_each_system_has_its_own_marks(page: Page, own_sandbox: Sandbox) -> None:
    own_sandbox.mark([1, 2], "erp")
    WebDriverWait(page.driver, _TIMEOUT_S).until(lambda _: page.count("#system option") == 2)
    assert page.text("marked") == "0"
    page.choose("system", "erp")
    page.wait_for("marked", "2")


def test_thousands_of_invoices_make_a_few_hundred_cells(page: Page, own_sandbox: Sandbox) -> None:
    own_sandbox.add(20_000)
    page.wait_for("pending", "20,030")
    assert 300 < page.count("#heatmap .cell") <= 400
    own_sandbox.mark(range(1, 11))
    page.wait_for("marked", "10")
    assert page.count("#heatmap .mixed") == 1


def test_it_says_when_the_sandbox_is_gone(page: Page, own_sandbox: Sandbox) -> None:
    own_sandbox.process.kill()
    page.wait_for("connection", "does not answer")
    assert page.text("pending") == "30"
