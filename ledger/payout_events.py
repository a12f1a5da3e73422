"""What finance decides: adjustments, payout batches and their payouts, closed periods (rules S-2, S-4, X-1 to X-4).

As in `events.py`; a fact without `asked` follows from the input its `id` names, that of a payout from line `no` of its
batch, `<batch id>.<no>`. Amounts are minor units.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ledger.envelope import Data, Event, Exponent, Number, Stream
from ledger.fields import Instant, StoredId
from ledger.payout_commands import ClosePeriod, Name, PrepareBatch, ProposeAdjustment, SignedMinor, Sum
from ledger.records import Text
from ledger.rules.payout import DropReason

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Salt = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Code = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Balance = Annotated[int, Field(gt=-(1 << 53), lt=1 << 53)]

# A line of a batch: number, member, amount, salted hash of the payee's details.
BatchLine = tuple[Number, StoredId, Sum, Hash | None]
DroppedLine = tuple[Number, DropReason]


class By(BaseModel):
    """Who decided.

    authenticated  whether the database says so; else `name` is a label somebody typed
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    authenticated: bool
    name: Name


# ---- adjustments


class ProposedData(Data):
    """A proposed adjustment. exponent: digits of the currency's minor unit."""

    asked: ProposeAdjustment
    by: By
    exponent: Exponent


class AdjustmentProposed(Event, frozen=True):
    """Someone proposes to move money outside of orders; posts nothing yet. Stream `adjustment-<id>`."""

    TOPIC = "AdjustmentProposed"
    data: ProposedData
    type: Literal["AdjustmentProposed"] = "AdjustmentProposed"


class PostedData(Data):
    """amount: signed. value_at: when it counts from, the `at` of the proposal."""

    amount: SignedMinor
    by: By
    currency: Code
    member: StoredId
    value_at: Instant


class AdjustmentPosted(Event, frozen=True):
    """An adjustment was approved at occurred_at, and counts (S-2). Stream `adjustment-<id>`."""

    TOPIC = "AdjustmentPosted"
    data: PostedData
    type: Literal["AdjustmentPosted"] = "AdjustmentPosted"


class AdjustmentRejectedData(Data):
    """Who turned it down, and why."""

    by: By
    reason: Text


class AdjustmentRejected(Event, frozen=True):
    """An adjustment was turned down; it never counts. Stream `adjustment-<id>`."""

    TOPIC = "AdjustmentRejected"
    data: AdjustmentRejectedData
    type: Literal["AdjustmentRejected"] = "AdjustmentRejected"


# ---- batches


class PreparedData(Data):
    """What a batch would pay, computed at (cut-off, at_position).

    count        how many lines
    digest       of all balances at (cut-off, at_position) (S-3)
    left_out     how many members with a balance get nothing
    lines        RFC 6962 root over the lines, hex
    plan         number of the plan in force at the cut-off
    salt         of the hashes of payees' details; None without details
    total        sum of the lines
    """

    asked: PrepareBatch
    at_position: Number
    by: By
    count: Number
    digest: Hash
    exponent: Exponent
    left_out: Count
    lines: Hash
    plan: Number
    salt: Salt | None = None
    total: Sum


class PayoutBatchPrepared(Event, frozen=True):
    """A batch waits for approval; it reserves nothing (X-1, X-2). Stream `batch-<id>`; its lines follow."""

    TOPIC = "PayoutBatchPrepared"
    data: PreparedData
    type: Literal["PayoutBatchPrepared"] = "PayoutBatchPrepared"


class LinesData(Data):
    """Some lines, in order of their numbers."""

    lines: Annotated[tuple[BatchLine, ...], Field(min_length=1, max_length=250)]


class PayoutBatchLines(Event, frozen=True):
    """The next lines of a prepared batch (X-1). Stream `batch-<id>`."""

    TOPIC = "PayoutBatchLines"
    data: LinesData
    type: Literal["PayoutBatchLines"] = "PayoutBatchLines"


class DroppedData(Data):
    """Some lines, in order of their numbers, each with why it is not paid after all."""

    lines: Annotated[tuple[DroppedLine, ...], Field(min_length=1, max_length=1_000)]


class PayoutLinesDropped(Event, frozen=True):
    """Lines that were no longer covered when their batch was approved (X-3). Stream `batch-<id>`."""

    TOPIC = "PayoutLinesDropped"
    data: DroppedData
    type: Literal["PayoutLinesDropped"] = "PayoutLinesDropped"


class Signed(BaseModel):
    """An approver's signature. key: as signed notes spell public keys. signature: base64, as in a signed note."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=500)]
    signature: Annotated[str, Field(min_length=1, max_length=500)]


class ApprovedData(Data):
    """What was reserved: how many lines, the root over them, their sum.

    signed  over what was prepared, as `rules/payout.py` words it; None: not signed
    """

    by: By
    count: Number
    lines: Hash
    signed: Signed | None = None
    total: Sum


class PayoutBatchApproved(Event, frozen=True):
    """A batch was approved; its lines are reserved from occurred_at on (X-3). Stream `batch-<id>`."""

    TOPIC = "PayoutBatchApproved"
    data: ApprovedData
    type: Literal["PayoutBatchApproved"] = "PayoutBatchApproved"


class BatchRejectedData(Data):
    """Who turned it down, and why."""

    by: By
    reason: Text


class PayoutBatchRejected(Event, frozen=True):
    """A batch was turned down; nothing was reserved (X-3). Stream `batch-<id>`."""

    TOPIC = "PayoutBatchRejected"
    data: BatchRejectedData
    type: Literal["PayoutBatchRejected"] = "PayoutBatchRejected"


# ---- payouts: one line of an approved batch each


class PayoutData(Data):
    """What every fact about a payout says, in the key order all of them share.

    attempt  1 for the first time it is sent, 2 after a failure, and so on
    batch    its batch's stream
    """

    amount: Sum
    attempt: Number
    batch: Stream
    by: By
    currency: Code


class SubmittedData(PayoutData):
    """file: SHA-256 of the payment file, hex."""

    file: Hash
    member: StoredId


class PayoutSubmitted(Event, frozen=True):
    """A payout went out in a payment file (X-4). Stream `payout-<batch id>.<no>`."""

    TOPIC = "PayoutSubmitted"
    data: SubmittedData
    type: Literal["PayoutSubmitted"] = "PayoutSubmitted"


class PaidData(PayoutData):
    """reference: the provider's."""

    member: StoredId
    reference: Name


class PayoutPaid(Event, frozen=True):
    """The member has the money (X-4). Stream `payout-<batch id>.<no>`."""

    TOPIC = "PayoutPaid"
    data: PaidData
    type: Literal["PayoutPaid"] = "PayoutPaid"


class FailedData(PayoutData):
    """reference: the provider's, if it gave one."""

    member: StoredId
    reason: Text
    reference: Name | None = None


class PayoutFailed(Event, frozen=True):
    """The money never left; it is available again (X-4). Stream `payout-<batch id>.<no>`."""

    TOPIC = "PayoutFailed"
    data: FailedData
    type: Literal["PayoutFailed"] = "PayoutFailed"


class PayoutReturned(Event, frozen=True):
    """The money came back; it is available again (X-4). Stream `payout-<batch id>.<no>`."""

    TOPIC = "PayoutReturned"
    data: FailedData
    type: Literal["PayoutReturned"] = "PayoutReturned"


class UnknownData(PayoutData):
    """Why nobody knows."""

    member: StoredId
    reason: Text


class PayoutUnknown(Event, frozen=True):
    """Nobody knows what became of a payout; it is not sent again before somebody does (X-4)."""

    TOPIC = "PayoutUnknown"
    data: UnknownData
    type: Literal["PayoutUnknown"] = "PayoutUnknown"


# ---- periods


class ClosedData(Data):
    """The books at the end of a period.

    at_position    how much of the log they know
    digest         of all balances at (end, at_position) (S-3)
    root           of the log's tree at at_position, hex (V-1)
    trial_balance  credits less debits by currency and class of accounts; each currency's sum to 0
    """

    asked: ClosePeriod
    at_position: Number
    by: By
    digest: Hash
    root: Hash
    trial_balance: dict[Code, dict[str, Balance]]

    @field_validator("trial_balance")
    @classmethod
    def _in_one_order(cls, given: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        """Keys of one object in one order: the stored bytes are canonical."""
        return {currency: dict(sorted(classes.items())) for currency, classes in sorted(given.items())}


class PeriodClosed(Event, frozen=True):
    """What is recorded from here on belongs to a later period (S-4). Stream `period-<end>`."""

    TOPIC = "PeriodClosed"
    data: ClosedData
    type: Literal["PeriodClosed"] = "PeriodClosed"


PAYOUT_EVENTS: tuple[type[Event], ...] = (
    AdjustmentProposed,
    AdjustmentPosted,
    AdjustmentRejected,
    PayoutBatchPrepared,
    PayoutBatchLines,
    PayoutLinesDropped,
    PayoutBatchApproved,
    PayoutBatchRejected,
    PayoutSubmitted,
    PayoutPaid,
    PayoutFailed,
    PayoutReturned,
    PayoutUnknown,
    PeriodClosed,
)
