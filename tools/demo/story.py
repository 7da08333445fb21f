"""What happens, in three acts.

300 invoices are loaded and marked. More are booked, and only those follow. Then more are booked,
the loader is killed, the API rejects marks, and in the end nothing is lost.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from demo import screen
from demo.counts import Api, Count, Warehouse
from demo.errors import Stop
from demo.postgres import Postgres
from demo.project import Meltano, Project
from sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEW = 12
NEW_BEFORE_THE_BREAKS = 40
MARKED_BEFORE_THE_API_BREAKS = 20
DRAFTS = 5
_APP_KEY = "sandbox-app-key"
_SYSTEM = "warehouse"
_POLL_SECONDS = 0.4
_BATCH = 10  # invoices in a request that marks


@dataclass(frozen=True)
class Stage:
    """How things stood at one moment.

    Attributes:
        name: Which moment.
        api: What is booked in the API.
        database: What is loaded.
        pending: Invoices that are not exported.
        written: What the run just before wrote into the database, if there was one.
        marked: How many invoices were marked while it ran.
    """

    name: str
    api: Count
    database: Count
    pending: int
    written: Count | None = None
    marked: int | None = None

    @property
    def exported(self) -> int:
        """Invoices that the API holds for exported."""
        return self.api.invoices - self.pending

    @property
    def balanced(self) -> bool:
        """Whether everything is loaded and marked."""
        return self.api == self.database and self.pending == 0


class Story:
    """The demo, told on the screen as it happens."""

    def __init__(self, folder: Path, *, invoices: int, port: int, stay: bool) -> None:
        """Plan it.

        Args:
            folder: Where the Meltano project goes, kept for the next time.
            invoices: How many there are to begin with.
            port: The sandbox's; 0 takes any.
            stay: Whether to go on afterwards, run by run, until a person has seen enough.
        """
        self._project = Project(folder)
        self._invoices = invoices
        self._port = port
        self._stay = stay
        self._stages: list[Stage] = []

    def tell(self) -> None:
        """Carry it out; everything that it started is gone afterwards.

        Raises:
            Stop: Something is missing, or the books do not balance.
        """
        with ExitStack() as stack:
            stack.enter_context(self._project)
            self._start_services(stack)
            with screen.step("plugins"):
                self._project.install()
            self._note("at first")
            self._run("first run")
            self._sandbox.add(NEW)
            self._note(f"{NEW} booked")
            self._run("second run")
            self._check()
            screen.show_stages("Two runs", self._stages)
            self._stages.clear()
            self._break_and_recover()
            screen.show_stages("Two broken runs, and one more", self._stages)
            screen.show_end(self._warehouse.newest(3), drafts=DRAFTS, offer_to_stay=not self._stay)
            if self._stay:
                self._go_on()

    def _break_and_recover(self) -> None:
        """Kill the loader in one run, let the API reject marks in the next, and run once more.

        Raises:
            Stop: Something was marked that is not loaded, or something is missing in the end.
        """
        self._sandbox.add(NEW_BEFORE_THE_BREAKS)
        self._note(f"{NEW_BEFORE_THE_BREAKS} booked")
        self._run("loader killed", breaks=Meltano.kill_loader)
        if self._stages[-1].marked:
            raise Stop("invoices were marked although the loader was killed.")
        skipped = MARKED_BEFORE_THE_API_BREAKS // _BATCH
        self._sandbox.fail(
            {"kind": "status", "status": 401, "on": "mark", "skip": skipped, "times": None}
        )
        self._run("API fails", breaks=lambda _: True)
        self._sandbox.heal()
        self._run("last run")
        if not self._stages[-1].balanced:
            raise Stop("the database and the API do not agree, as the table shows.")

    def _start_services(self, stack: ExitStack) -> None:
        with screen.step("sandbox") as show:
            sandbox = self._start_sandbox()
            self._sandbox = stack.enter_context(sandbox)
            self._api = Api(sandbox.url, sandbox.token, _APP_KEY, _SYSTEM)
            self._project.use(self._api.environment)
            show(1, f"{self._invoices} invoices, {DRAFTS} drafts: watch {sandbox.url}")
        with screen.step("database") as show:
            self._database = stack.enter_context(Postgres())
            self._project.use(self._database.environment)
            self._warehouse = Warehouse(stack.enter_context(self._database.connect()))
            show(1, f"an empty PostgreSQL on port {self._database.port}")

    def _start_sandbox(self) -> Sandbox:
        try:
            return Sandbox.start(
                port=self._port, invoices=self._invoices, drafts=DRAFTS, app_key=_APP_KEY
            )
        except RuntimeError as error:
            last = str(error).splitlines()[-1:] or ["it gives no reason"]
            raise Stop(f"the sandbox does not start: {last[0]}") from error

    def _run(self, name: str, breaks: Callable[[Meltano], bool] | None = None) -> None:
        """Run the pipeline.

        Args:
            name: What this run is called.
            breaks: Called again and again until it has broken the run, which has to fail then.

        Raises:
            Stop: The run failed, or should have failed and did not.
        """
        started = datetime.now(UTC)
        moment = self._warehouse.moment()
        to_do = self._stages[-1].pending
        with (
            screen.step(name, to_do) as show,
            self._project.start("run", "tap-invoices", "target-invoices-ack") as meltano,
        ):
            code, is_broken = None, False
            while code is None:
                is_broken = is_broken or (breaks is not None and breaks(meltano))
                code = meltano.wait(_POLL_SECONDS if is_broken or not breaks else 0.02)
                loaded, pending = self._warehouse.loaded().invoices, self._api.pending()
                show(to_do - pending, f"{loaded} loaded · {pending} pending")
        if breaks and not (code and is_broken):
            raise Stop(f"the run “{name}” should have failed; its log is {meltano.log}.")
        if code and not breaks:
            why = f"the run “{name}” ended with {code} ({meltano.first_error()})"
            raise Stop(f"{why}; all that was said is in {meltano.log}.")
        since = self._api.exported_or_pending_since(started.isoformat()).invoices
        self._note(name, self._warehouse.written_since(moment), since)

    def _note(self, name: str, written: Count | None = None, listed_since: int = 0) -> None:
        api, pending = self._api.booked(), self._api.pending()
        database = self._warehouse.loaded()
        marked = None if written is None else listed_since - pending
        self._stages.append(Stage(name, api, database, pending, written, marked))

    def _go_on(self) -> None:
        screen.look_around(self._sandbox.url, self._database.address)
        while screen.wants_another_run():
            self._note("before")
            try:
                self._run("another run")
            except Stop as stop:  # a person has broken something, and may heal it
                screen.console.print(f"{stop}\n", soft_wrap=True)

    def _check(self) -> None:
        last = self._stages[-1]
        if last.api.invoices != self._invoices + NEW:
            return  # somebody has booked more on the page meanwhile
        if not last.balanced:
            raise Stop("the database and the API do not agree, as the table shows.")
        if last.written is None or (last.written.invoices, last.marked) != (NEW, NEW):
            raise Stop(f"the second run should have delivered {NEW} invoices and no other.")
