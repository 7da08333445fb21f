"""What the demo shows: progress while it runs, one screen at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from demo.story import Stage

console = Console(highlight=False)


@contextmanager
def step(name: str, total: int | None = None) -> Iterator[Callable[[int, str], None]]:
    """Show a step while it is under way.

    Args:
        name: What it is.
        total: How much there is to do, where that is known.

    Yields:
        A function that takes how much is done, and words for it.
    """
    name_column = TextColumn("[bold]{task.description:<14}")
    words_column = TextColumn("{task.fields[words]}")
    how_far = () if total is None else (BarColumn(bar_width=20),)
    spinner, clock = SpinnerColumn(finished_text="[green]✓"), TimeElapsedColumn()
    columns = (spinner, name_column, clock, *how_far, words_column)
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=total, words="")

        def show(done: int, words: str) -> None:
            progress.update(task, completed=done, words=words)

        yield show
        progress.update(task, total=total or 1, completed=total or 1)


def show_stages(title: str, stages: Sequence[Stage]) -> None:
    """Show how things stood, in a table."""
    console.print()
    console.print(_counts(title, stages))


def show_end(
    newest: Sequence[tuple[str, str, str, int]], *, drafts: int, offer_to_stay: bool
) -> None:
    """Show rows of the database, and what a person can do next."""
    console.print(_READ_WHERE.format(drafts=drafts), style="dim")
    console.print(_rows(newest))
    if offer_to_stay:
        console.print(_OFFER)
    console.print(_next_step())


def look_around(page: str, database: str) -> None:
    """Tell where everything is that stays for now."""
    words = f"\nThe API, to watch, book and break:  {page}\nThe database:  {database}\n"
    console.print(words, soft_wrap=True)  # so that an address can be copied


def wants_another_run() -> bool:
    """Ask; False when there is nobody to ask any more."""
    try:
        console.input("Enter runs the pipeline again, Ctrl-C ends: ")
    except EOFError:
        return False
    return True


def _counts(title: str, stages: Sequence[Stage]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for stage in stages:
        table.add_column(stage.name, justify="right", no_wrap=True)
    for quantity, number in _QUANTITIES:
        table.add_row(quantity, *(_number(number(stage)) for stage in stages))
    return table


_QUANTITIES: tuple[tuple[str, Callable[[Stage], int | None]], ...] = (
    ("[bold]invoices[/] in the API", lambda stage: stage.api.invoices),
    ("  in the database", lambda stage: stage.database.invoices),
    ("  marked as exported", lambda stage: stage.exported),
    ("  pending", lambda stage: stage.pending),
    ("  loaded by this run", lambda stage: stage.written.invoices if stage.written else None),
    ("  marked by this run", lambda stage: stage.marked),
    ("[bold]lines[/] in the API", lambda stage: stage.api.lines),
    ("  in the database", lambda stage: stage.database.lines),
    ("  loaded by this run", lambda stage: stage.written.lines if stage.written else None),
)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _rows(newest: Sequence[tuple[str, str, str, int]]) -> Table:
    table = Table(box=SIMPLE_HEAD, title="The newest rows in the database", title_justify="left")
    for name in ("invoice", "customer", "total", "lines"):
        table.add_column(name, justify="right" if name in {"total", "lines"} else "left")
    for number, customer, total, lines in newest:
        table.add_row(number, customer, total, str(lines))
    return table


_READ_WHERE = """\
 The failed runs saved no state, so the last run delivers everything new again.
 The loader updates the rows that it has: nothing is missing or stored twice.
 Read from the API and from the database after each run, not from the programs.
 {drafts} drafts in the API are left alone until they are booked.
"""
_OFFER = """\
To book invoices and break things yourself, on a web page:

  [bold]python3 run.py demo --stay[/]
"""
_NEXT_STEP = """\
Put the access to your account (TRAEDE_…) and your PostgreSQL (WAREHOUSE_…)
into .env, as README.md says under “Your own account”. Then try it without
marking anything:

  [bold]source .venv/bin/activate
  export MELTANO_ENVIRONMENT=production
  meltano install
  TARGET_INVOICES_ACK_DRY_RUN=true \\
      meltano run --no-state-update tap-invoices target-invoices-ack[/]"""


def _next_step() -> Panel:
    title = "Next: your own account"
    return Panel(_NEXT_STEP, title=title, title_align="left", border_style="green", expand=False)
