"""A batch that is refused: which of its invoices are the bad ones."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from target_invoices_ack.errors import Action, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")


def mark_all_but_bad(
    batch: Sequence[Item],
    mark: Callable[[Sequence[Item]], None],
) -> list[tuple[Item, RefusedError]]:
    """Mark a batch; where it is refused, split it until the bad ones stand alone.

    Where the server's errors name places in the batch, those are tried alone and the
    rest together; else the batch is halved.

    Args:
        batch: What to mark.
        mark: Marks all it is given, or none and raises.

    Returns:
        What was refused when it stood alone, with the server's answer.

    Raises:
        RefusedError: The token is refused, or the service stays out of order.
    """
    refused = []
    parts = deque([batch])
    while parts:
        part = parts.popleft()
        try:
            mark(part)
        except RefusedError as error:
            if error.action is not Action.SPLIT:
                raise
            if len(part) == 1:
                refused.append((part[0], error))
            else:
                parts.extend(_split(part, error.places))
    return refused


def _split(part: Sequence[Item], places: frozenset[int]) -> list[Sequence[Item]]:
    named = [[item] for at, item in enumerate(part) if at in places]
    rest = [item for at, item in enumerate(part) if at not in places]
    if named and rest:
        return [rest, *named]
    half = len(part) // 2
    return [part[:half], part[half:]]
