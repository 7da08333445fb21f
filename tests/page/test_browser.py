"""What a person sees and does, in real browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.keys import Keys

from sandbox.client import Sandbox
from sandbox.mosaic import MOST_CELLS

from .conftest import Run

if TYPE_CHECKING:
    from .browsers import Browser

FOCUSED = (
    "const at = document.activeElement; return at.id || at.dataset.fault || at.className || at.type"
)
IN_FORCE = {
    "500": "server errors, all requests, 5 more",
    "429": "too many requests, all requests, 5 more",
    "cut": "cut bodies, listing, 5 more",
    "lost_answer": "lost answers, marking, 5 more",
    "latency": "slow answers, all requests, 5 more",
    "refuse_ids": "refused invoices, until healed",
}
CONTROLS = [
    *("skip", "system", "how-many", "main", "book-drafts", "how-often"),
    *("500", "429", "cut", "lost_answer", "latency", "refuse_ids", "unmark", "heal"),
]


def test_invoices_move_from_pending_to_loading_to_exported(page: Browser, run: Run) -> None:
    assert page.text("verdict") == "30 invoices wait to be loaded."
    run.ask(limit=20)
    page.wait("out", "20")
    assert page.text("pending") == "10"
    run.mark(range(1, 11))
    page.wait("exported", "10")
    assert [page.text(each) for each in ("pending", "out")] == ["10", "10"]
    assert len(page.texts("#mosaic .exported")) == 10
    assert len(page.texts("#mosaic .out")) == 10
    run.mark(range(11, 21))
    run.mark(range(21, 31))
    page.wait("verdict", "Nothing lost: all 30 invoices loaded and marked.")
    page.wait("announcer", page.text("verdict"))
    assert page.find("#mosaic").get_attribute("aria-label") == (
        "All invoices: 0 pending, 0 loading, 30 exported"
    )


def test_invoices_are_booked_by_button_and_by_enter(page: Browser) -> None:
    page.click("#book .main")
    page.wait("pending", "42")
    page.find("#how-many").clear()
    page.find("#how-many").send_keys("3", Keys.ENTER)
    page.wait("pending", "45")
    page.wait("outcome", "3 invoices booked.")
    page.click("#book-drafts")
    page.wait("pending", "47")
    page.wait("outcome", "2 invoices booked that had been drafts.")


def test_what_a_button_breaks_is_in_force_until_healed(page: Browser) -> None:
    whole = ["Nothing is broken."]
    for button, in_force in IN_FORCE.items():
        page.wait_for(lambda: page.texts("#in-force li") == whole, "nothing to be broken")
        page.click(f"[data-fault='{button}']")
        page.wait_for(lambda: page.texts("#in-force li") != whole, button)
        assert page.texts("#in-force li") == [in_force]
        page.click("#heal")


def test_it_is_broken_as_often_as_chosen(page: Browser, run: Run, sandbox: Sandbox) -> None:
    page.choose("#how-often", "1")
    page.click("[data-fault='500']")
    page.wait_for(lambda: "1 more" in page.text("in-force"), "one failure")
    page.choose("#how-often", "")
    page.click("[data-fault='lost_answer']")
    page.wait_for(lambda: "marking, until healed" in page.text("in-force"), "lost answers")
    assert [run.ask().status_code for _ in range(2)] == [500, 200]
    sandbox.heal()
    page.wait("outcome", "Nothing is broken any more.")


def test_what_failed_and_came_again_is_counted_and_told(page: Browser, run: Run) -> None:
    page.click("[data-fault='429']")
    page.wait_for(lambda: "too many" in page.text("in-force"), "the fault")
    for _ in range(6):
        run.ask()
    page.wait("failed", "5")
    assert [page.text(each) for each in ("retried", "recovered")] == ["5", "1"]
    run.ask()
    page.wait("listed-again", "30")
    for _ in range(2):
        run.mark([1])
    page.wait("marked-again", "1")
    told = " ".join(page.texts("#feed li"))
    assert "5 listings told to come back later (429)" in told
    assert "1 listing asked again, and answered" in told


def test_refused_invoices_and_lost_marks_are_shown(page: Browser, run: Run) -> None:
    page.click("[data-fault='unmark']")
    page.wait("outcome", "No invoice is exported yet.")
    page.click("[data-fault='refuse_ids']")
    page.wait("refused", "3")
    assert len(page.texts("#mosaic .refused")) == 3
    assert run.mark([29, 30]).status_code == 422
    run.mark(range(1, 11))
    page.wait("exported", "10")
    page.click("[data-fault='unmark']")
    page.wait("exported", "7")


def test_every_control_is_reached_and_pressed_with_the_keyboard(page: Browser) -> None:
    reached = []
    for _ in CONTROLS:
        page.press(Keys.TAB)
        reached.append(page.run(FOCUSED))
    assert reached == CONTROLS
    page.run("document.querySelector('[data-fault=cut]').focus()")
    page.press(Keys.ENTER)
    page.wait_for(lambda: "cut bodies" in page.text("in-force"), "the fault")
    page.run("document.querySelector('#heal').focus()")
    page.press(Keys.SPACE)
    page.wait("outcome", "Nothing is broken any more.")


def test_each_system_has_its_own_marks(page: Browser, sandbox: Sandbox) -> None:
    Run(sandbox, "erp").mark([1, 2])
    page.wait_for(lambda: page.texts("#system option") == ["erp", "warehouse"], "both systems")
    assert page.text("exported") == "0"
    page.choose("#system", "erp")
    page.wait("exported", "2")
    assert page.driver.current_url.endswith("?system_id=erp")
    page.open(sandbox.url, "?system_id=warehouse")
    page.wait("exported", "0")


def test_300_000_invoices_are_no_more_to_draw_than_300(browser: Browser) -> None:
    with Sandbox.start(invoices=300_000) as sandbox:
        browser.open(sandbox.url)
        browser.wait("pending", "300,000")
        assert browser.text("scale").startswith("Each square is 1,000 invoices.")
        Run(sandbox).ask(limit=2500)
        browser.wait("out", "2,500")
        assert len(browser.texts("#mosaic .out")) == 2
        assert len(browser.texts("#mosaic .mixed")) == 1
        assert browser.run("return document.querySelectorAll('*').length") < MOST_CELLS + 150


def test_it_keeps_the_last_state_when_the_sandbox_has_ended(browser: Browser) -> None:
    with Sandbox.start(invoices=30) as sandbox:
        browser.open(sandbox.url)
        browser.wait("pending", "30")
    browser.wait("connection", "The sandbox has ended; this is its last word")
    assert browser.text("pending") == "30"


def test_it_goes_on_when_a_sandbox_that_was_lost_is_back(started: Browser) -> None:
    with Sandbox.start(invoices=30) as first:
        started.open(first.url)
        first.process.kill()
        started.wait("connection", "The sandbox does not answer; asking again")
    with Sandbox.start(invoices=31, port=int(first.url.rpartition(":")[2])):
        started.wait("connection", "Live")
        started.wait("pending", "31")


def test_it_fits_a_phone_of_320_pixels(page: Browser, sandbox: Sandbox) -> None:
    sandbox.add(271)
    sandbox.fail({"kind": "status", "status": 500, "times": None})
    page.wait("pending", "301")
    with page.narrow():
        assert page.run("return document.documentElement.scrollWidth") <= 320
