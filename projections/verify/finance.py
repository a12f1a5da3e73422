"""Events of finance: payouts, adjustments, reversals, freezes, closed periods.

Proven to be what was recorded, each with its own hash; what they decide, and what follows, is not performed again here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import chain
from typing import Any, cast

from ledger.canonical import canonical
from ledger.errors import MalformedEvidenceError
from projections.verify.canonical_form import expect_keys, read_object
from projections.verify.grammar import ENVELOPE, HASH, check_fields

TYPES = (
    "AdjustmentPosted",
    "AdjustmentProposed",
    "AdjustmentRejected",
    "MemberFrozen",
    "MemberUnfrozen",
    "PayoutBatchApproved",
    "PayoutBatchLines",
    "PayoutBatchPrepared",
    "PayoutBatchRejected",
    "PayoutFailed",
    "PayoutLinesDropped",
    "PayoutPaid",
    "PayoutReturned",
    "PayoutSubmitted",
    "PayoutUnknown",
    "PeriodClosed",
    "RefundReversed",
    "ReversalRefused",
)
_TAILS = tuple(f'"type":"{topic}","v":1}}'.encode() for topic in TYPES)
_KEYS = frozenset({*ENVELOPE, "data", "type", "v"})


def is_of_finance(raw: bytes) -> bool:
    """Whether an event ends as those of finance do."""
    return raw.endswith(_TAILS)


def why_not_performed(batches: Iterable[Sequence[bytes]]) -> str | None:
    """Why a log with such events is not performed again; None: it has none."""
    position = next(
        (at for at, entry in enumerate(chain.from_iterable(batches), start=1) if is_of_finance(entry)), None
    )
    if position is None:
        return None
    return f"from position {position} on it has payouts, adjustments or reversals, which this verifier does not perform"


def read_of_finance(raw: bytes) -> dict[str, Any]:
    """The envelope of such an event, without doubt the one spelling of it.

    Raises:
        MalformedEvidenceError, ValueError: it is not; says the first thing that is wrong.
    """
    envelope = read_object(raw)
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise MalformedEvidenceError("data: is no object")
    asked = cast("dict[str, Any]", data).get("asked")
    expect_keys(envelope, _KEYS if asked is None else _KEYS | {"content"})
    check_fields({key: envelope[key] for key in ENVELOPE}, ENVELOPE)
    if asked is not None:
        HASH.check(envelope["content"])
        if sha256(canonical(asked)).hexdigest() != envelope["content"]:
            raise MalformedEvidenceError("its content hash is not that of what was asked (G-6)")
    return envelope
