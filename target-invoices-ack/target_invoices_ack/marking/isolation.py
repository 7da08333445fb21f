"""Finding the invoices because of which the API rejects a batch."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from target_invoices_ack._shared.http import HttpStatusError
from target_invoices_ack._shared.status import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")


def mark_isolating_rejected(
    batch: Sequence[Item],
    mark: Callable[[Sequence[Item]], None],
    *,
    one_by_one: bool = False,
) -> Iterator[tuple[Sequence[Item], HttpStatusError | None]]:
    """Mark a batch; if it is rejected, split it until the rejected ones stand alone.

    Where the server's errors name places in the batch, those are tried alone and the rest
    together; otherwise the batch is halved.

    Args:
        batch: What to mark.
        mark: Marks all that it is given, or none and raises.
        one_by_one: Whether to try each alone instead of halving: cheaper if most are rejected.

    Yields:
        Parts of the batch: those that were marked with None, and each invoice that was
        rejected when it stood alone, with the error.

    Raises:
        HttpStatusError: The error is not about single invoices.
    """
    parts = deque([batch])
    while parts:
        part = parts.popleft()
        try:
            mark(part)
        except HttpStatusError as error:
            if error.action is not Action.ISOLATE:
                raise
            if len(part) == 1:
                yield part, error
            else:
                parts.extend(_split(part, error.rejected_indexes, one_by_one=one_by_one))
        else:
            yield part, None


def _split(
    part: Sequence[Item], named: frozenset[int], *, one_by_one: bool
) -> Iterator[Sequence[Item]]:
    named = named & set(range(len(part))) or frozenset(range(len(part)) if one_by_one else ())
    if named:
        if rest := [item for at, item in enumerate(part) if at not in named]:
            yield rest
        yield from ([part[at]] for at in sorted(named))
    else:
        half = len(part) // 2
        yield part[:half]
        yield part[half:]
