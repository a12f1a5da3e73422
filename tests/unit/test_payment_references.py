"""References of payments: what a bank gives back, told apart."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.payments.errors import UnpayableError
from projections.payments.payment import by_reference, message_id, payments_of, reference_of
from tests.payments import payee, payout

TAKEN = re.compile(r"[A-Za-z0-9/\-?:().,'+]{1,35}")


@pytest.mark.parametrize("name", ["b1.1", "2026-11.17", "a/b.1", "x" * 35, "B(7):a'b,c+d?.1", "R1.1", "R12x", "r12"])
def test_ids_that_a_bank_takes(name: str) -> None:
    """They are the reference themselves, so that people find them on both sides."""
    assert reference_of(name) == name


@pytest.mark.parametrize(
    "name", ["x" * 36, "a_b.1", "é.1", "a b", "/a", "a/", "a//b", "R12", "a&b", "a\n", "R" + "A" * 32]
)
def test_ids_that_a_bank_does_not_take(name: str) -> None:
    """R and half of the SHA-256 of the id, which anybody can compute; so are ids that look like that."""
    assert reference_of(name) == "R" + sha256(name.encode()).hexdigest()[:32].upper()
    assert len(reference_of(name)) == 33
    assert reference_of(name, 18) == reference_of(name)[:18]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_every_reference_can_be_written(name: str) -> None:
    """Whatever the id, a bank takes its reference; none is the reference of two ids."""
    short = reference_of(name)
    assert TAKEN.fullmatch(short)
    assert "//" not in short
    assert not short.startswith("/")
    assert not short.endswith("/")
    assert short == name or reference_of(short) != short


def test_message_ids_tell_attempts_apart() -> None:
    """Each attempt of a batch is a message of its own, which a bank refuses to take twice."""
    assert message_id("b1", 1) == "b1.a1"
    assert message_id("b1", 2) == "b1.a2"
    assert len({message_id("x" * 128, attempt) for attempt in range(1, 50)}) == 49


def test_two_payouts_with_the_same_reference() -> None:
    """Nothing is paid; it takes the same id twice to get there."""
    with pytest.raises(UnpayableError, match=r"b1\.7: has the same reference as b1\.7"):
        by_reference([payout(7), payout(8), payout(7, 2_000)])
    assert [*by_reference([payout(7), payout(8)])] == ["b1.7", "b1.8"]


def test_payouts_that_cannot_be_paid() -> None:
    """All of them are named: no details, details for another currency, another currency, nothing to pay."""
    payees = {"m1": payee("m1"), "m3": payee("m3", currency="EUR"), "m4": payee("m4"), "m5": payee("m5")}
    payouts = [payout(1), payout(2), payout(3), payout(4, currency="EUR"), payout(5, 0), payout(1, id="b1.6")]
    with pytest.raises(UnpayableError, match="and 3 more") as refused:
        payments_of(payouts, payees)
    assert [(finding.subject, finding.message) for finding in refused.value.findings] == [
        ("b1.2", "there are no details of m2"),
        ("b1.3", "the account of m3 takes EUR only"),
        ("b1.4", "is in EUR, others of the batch in GBP"),
        ("b1.5", "its amount is 0"),
    ]
