"""The pace of a worker: batch sizes, pauses after errors, the search for a bad event."""

import pytest

from projections.pace import (
    BATCH_SIZE_MAX,
    BATCH_SIZE_MIN,
    PAUSE_SECONDS_MAX,
    Search,
    next_batch_size,
    pause_seconds,
)


@pytest.mark.parametrize(
    ("size", "events", "seconds", "expected"),
    [
        (1_000, 1_000, 0.01, 2_000),
        (1_000, 1_000, 0.0, 2_000),
        (BATCH_SIZE_MAX, BATCH_SIZE_MAX, 0.1, BATCH_SIZE_MAX),
        (4_000, 4_000, 0.5, 8_000),
        (4_000, 4_000, 0.6, 4_000),
        (4_000, 4_000, 1.0, 4_000),
        (8_000, 8_000, 2.0, 4_000),
        (BATCH_SIZE_MIN, BATCH_SIZE_MIN, 60.0, BATCH_SIZE_MIN),
        (8_000, 7_999, 0.1, BATCH_SIZE_MIN),
        (8_000, 1, 60.0, BATCH_SIZE_MIN),
    ],
)
def test_batch_sizes(size: int, events: int, seconds: float, expected: int) -> None:
    """Far behind they double while that takes at most a second, and halve once they take longer; at the head: few."""
    assert next_batch_size(size, events=events, seconds=seconds) == expected


def test_batches_settle_below_a_second() -> None:
    """At 10,000 events/s the size goes to 8,000 and stays there."""
    size = BATCH_SIZE_MIN
    for _ in range(10):
        size = next_batch_size(size, events=size, seconds=size / 10_000)
    assert size == 8_000


def test_pauses_double_up_to_ten_seconds() -> None:
    """The longest of each pause doubles, the shortest is half of it; none is longer than the greatest."""
    assert [pause_seconds(errors, 1.0) for errors in (1, 2, 3)] == pytest.approx([0.2, 0.4, 0.8])
    assert pause_seconds(3, 0.0) == pytest.approx(0.4)
    assert pause_seconds(10**9, 1.0) == PAUSE_SECONDS_MAX


@pytest.mark.parametrize("bad", [1, 2, 3, 500, 777, 4_999, 5_000])
def test_a_search_ends_on_the_bad_event(bad: int) -> None:
    """Whatever its place in a batch of 5,000: all before it went through, in about 2 log2(5,000) batches."""
    search, done, batches = Search(), 0, 0
    while True:
        batches += 1
        most = search.most(5_000)
        if done < bad <= done + most:
            if search.failed(most):
                break
        else:
            done += most
            search.passed(most)
    assert done == bad - 1
    assert batches <= 26


def test_a_search_that_finds_nothing_is_over() -> None:
    """What failed goes through after all, or there is nothing left: sizes are again as they were."""
    search = Search()
    assert not search.failed(8)
    while search.suspects:
        search.passed(search.most(1_000))
    assert search.most(1_000) == 1_000
    search.failed(8)
    search.passed(0)
    assert search.most(1_000) == 1_000
