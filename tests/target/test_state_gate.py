"""Which of a loader's STATEs count, at which moment."""

from __future__ import annotations

import pytest

from target_invoices_ack.relay.state_gate import SETTLE_S, StateGate
from target_invoices_ack.shutdown import StopEvent

MASKED, UNMASKED, UNKNOWN = None, "dash", ""


class World:
    """A loader's processes, how much it has read, a clock, and a signal to the target."""

    def __init__(self, process: str | None) -> None:
        self.process = process
        self.consumed = 0
        self.now = 100.0
        self.stop = StopEvent()
        self.gate = StateGate(
            lambda: self.process, lambda: self.consumed, self.stop, lambda: self.now
        )

    def read(self, size: int = 10) -> None:
        self.consumed += size

    def wait(self, seconds: float = SETTLE_S) -> None:
        self.now += seconds

    def signal(self) -> None:
        self.stop.on_signal(15)
        self.stop.signalled_at = self.now


def test_what_a_shielded_loader_says_counts_at_once_a_signal_or_not() -> None:
    world = World(MASKED)
    assert world.gate.receive(b"1") == [b"1"]
    world.signal()
    assert world.gate.receive(b"2") == [b"2"]
    assert world.gate.is_exit_trusted()


@pytest.mark.parametrize("process", [UNMASKED, UNKNOWN])
def test_an_unshielded_one_has_to_read_on_and_some_time_to_pass(process: str) -> None:
    world = World(process)
    assert world.gate.receive(b"1") == []
    world.wait()
    assert world.gate.release_due() == []
    world.read()
    assert world.gate.receive(b"2") == [b"1"]
    world.read()
    assert world.gate.release_due() == []
    world.wait()
    assert world.gate.release_due() == [b"2"]


def test_its_last_words_count_only_if_it_ends_in_order() -> None:
    for is_orderly, counting in ((True, [b"1"]), (False, [])):
        world = World(UNMASKED)
        world.gate.receive(b"1")
        world.wait()
        assert world.gate.finish(is_orderly=is_orderly) == counting


def test_a_signal_voids_what_was_held_back_and_what_comes_later() -> None:
    world = World(UNMASKED)
    world.gate.receive(b"1")
    world.read()
    world.wait(SETTLE_S / 2)
    world.signal()
    world.wait(60)
    assert world.gate.release_due() == []
    assert world.gate.receive(b"2") == []
    assert world.gate.finish(is_orderly=True) == []
    assert not world.gate.is_exit_trusted()


def test_one_that_was_unshielded_at_any_time_after_a_signal_is_not_trusted_again() -> None:
    world = World(MASKED)
    world.signal()
    world.process = UNMASKED
    world.wait(1)
    world.gate.release_due()
    world.process = MASKED
    world.wait(1)
    assert world.gate.receive(b"1") == []
    assert not world.gate.is_exit_trusted()


def test_what_comes_when_a_loader_is_shielded_makes_older_words_needless() -> None:
    world = World(UNMASKED)
    world.gate.receive(b"1")
    world.process = MASKED
    world.wait(1)
    assert world.gate.receive(b"2") == [b"2"]
    world.read()
    world.wait()
    assert world.gate.release_due() == []
