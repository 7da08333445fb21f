"""Finding the invoices because of which the API rejects a batch, or fails on it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from target_invoices_ack._shared.errors import MalformedResponseError, PluginError
from target_invoices_ack._shared.http import HttpStatusError
from target_invoices_ack._shared.status import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_FAILING = 3
"""Invoices that fail alone, with none accepted before, after which the service is at fault."""

Item = TypeVar("Item")


def mark_isolating_rejected(
    batch: Sequence[Item],
    mark: Callable[[Sequence[Item]], None],
    mark_alone: Callable[[Sequence[Item]], None] | None = None,
    *,
    one_by_one: bool = False,
) -> Iterator[tuple[Sequence[Item], PluginError | None]]:
    """Mark a batch; if it is rejected, split it until the rejected ones stand alone.

    Where the server's errors name places in the batch, those are tried alone and the rest
    together; otherwise the batch is halved. A batch on which the server fails (a 500, or a
    response that reports a failure) is tried one by one: a single invoice may be the cause.

    Args:
        batch: What to mark.
        mark: Marks all that it is given, or none and raises.
        mark_alone: The same with few attempts, for an invoice of a batch that failed.
        one_by_one: Whether to try each alone instead of halving: cheaper if most are rejected.

    Yields:
        Parts of the batch: those that were marked with None, and each invoice that was
        rejected when it stood alone, or failed where others did not, with the error.

    Raises:
        PluginError: The error is not about single invoices.
    """
    parts = deque([batch])
    while parts:
        part = parts.popleft()
        try:
            mark(part)
        except PluginError as error:
            if _is_rejection(error) and len(part) == 1:
                yield part, error
            elif isinstance(error, HttpStatusError) and _is_rejection(error):
                parts.extend(_split(part, error.rejected_indexes, one_by_one=one_by_one))
            elif len(part) > 1 and _may_be_one_invoice(error):
                yield from _mark_one_by_one(part, mark_alone or mark)
            else:
                raise
        else:
            yield part, None


def _mark_one_by_one(
    part: Sequence[Item], mark: Callable[[Sequence[Item]], None]
) -> Iterator[tuple[Sequence[Item], PluginError | None]]:
    failed: list[tuple[Sequence[Item], PluginError]] = []
    is_any_accepted = False
    for item in part:
        try:
            mark([item])
        except PluginError as error:
            if not (_is_rejection(error) or _may_be_one_invoice(error)):
                raise
            failed.append(([item], error))
            if len(failed) >= MAX_FAILING and not is_any_accepted:
                raise
        else:
            is_any_accepted = True
            yield [item], None
    if not is_any_accepted:
        raise failed[0][1]
    yield from failed


def _is_rejection(error: PluginError) -> bool:
    return isinstance(error, HttpStatusError) and error.action is Action.ISOLATE


def _may_be_one_invoice(error: PluginError) -> bool:
    """Whether a failure of the service that stayed may be due to a single invoice."""
    if isinstance(error, HttpStatusError):
        return error.status == 500  # noqa: PLR2004 - any other 5xx is about the service
    return isinstance(error.__cause__, MalformedResponseError)


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
