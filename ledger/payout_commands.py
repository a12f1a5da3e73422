"""What finance asks for: reversals, freezes and adjustments, also by file; batches and closed periods by themselves."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ledger.clock import format_instant, parse_instant
from ledger.fields import CurrencyCode, Id, Instant
from ledger.ids import ID_BYTES_MAX, Kind, check_id, stream_of
from ledger.money import MINOR_MAX
from ledger.records import Command, Text
from ledger.rules.payout import Settled

# Of people, and of what providers call a payment. No control characters: they go into files and look-ups.
NAME_LENGTH_MAX = 200
Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH_MAX, pattern=r"^[^\p{Cc}]+$")]
# What many amounts sum to.
Sum = Annotated[int, Field(gt=0, lt=1 << 53)]
SignedMinor = Annotated[int, Field(ge=-MINOR_MAX, le=MINOR_MAX)]

LINES_MAX = 10_000_000
BATCH_ID_BYTES_MAX = ID_BYTES_MAX - len(f".{LINES_MAX}")


def check_batch_id(text: str) -> str:
    """A payout's own id is its batch's and its number, and has to be an id too."""
    check_id(text)
    if len(text.encode()) > BATCH_ID_BYTES_MAX:
        raise ValueError(f"must be at most {BATCH_ID_BYTES_MAX} bytes: its payouts have longer ids")
    return text


class ReverseRefund(Command):
    """A refund did not come about after all: a chargeback won, a refund cancelled (R-4)."""

    kind: ClassVar[Kind] = "reversal"

    at: Instant
    id: Id
    reason: Text | None = None
    refund: Id
    type: Literal["reversal"] = "reversal"


class FreezeMember(Command):
    """Nothing is to be paid out to a member until they are unfrozen (X-1)."""

    kind: ClassVar[Kind] = "freeze"

    at: Instant
    id: Id
    member: Id
    reason: Text
    type: Literal["freeze"] = "freeze"


class UnfreezeMember(Command):
    """A member may be paid again (X-1)."""

    kind: ClassVar[Kind] = "unfreeze"

    at: Instant
    id: Id
    member: Id
    reason: Text
    type: Literal["unfreeze"] = "unfreeze"


class ProposeAdjustment(Command):
    """A proposal to give a member money outside of any order, or to take it; posts nothing until approved (S-2)."""

    kind: ClassVar[Kind] = "adjustment"

    amount: SignedMinor
    at: Instant
    currency: CurrencyCode
    id: Id
    member: Id
    reason: Text
    type: Literal["adjustment"] = "adjustment"

    @model_validator(mode="after")
    def _moves_something(self) -> Self:
        if self.amount == 0:
            message = "amount 0 adjusts nothing"
            raise ValueError(message)
        return self


class PrepareBatch(Command):
    """Pays out what is payable of one currency at the cut-off, once somebody else approves (X-1, X-3)."""

    kind: ClassVar[Kind] = "batch"

    at: Instant
    currency: CurrencyCode
    cut_off: Instant
    id: Annotated[Id, AfterValidator(check_batch_id)]
    type: Literal["batch"] = "batch"


class ClosePeriod(Command):
    """Closes the books of everything up to `end`: what is recorded later belongs to a later period (S-4)."""

    kind: ClassVar[Kind] = "period"

    at: Instant
    end: Instant
    id: Id
    type: Literal["period"] = "period"

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:  # noqa: ANN401  # pydantic hands over whatever it was given
        """A period is known by its end."""
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        return {"id": f"period-{format_instant(parse_instant(given.get('end')))}", **given}

    def stream(self, source: str) -> str:
        """Periods are those of the whole ledger, whatever source asks for their close."""
        del source
        return period_stream(format_instant(self.end))


class SettlePayout(BaseModel):
    """What a provider says became of one payout (X-4); no input record, so it has no id of its own.

    amount     minor units; another than the payout's is a conflict
    attempt    which attempt it is of; None: it does not say
    reference  the provider's; a payment always has one, and of an `unknown` none is kept
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    amount: Sum
    at: Instant
    attempt: Annotated[int, Field(ge=1, lt=1 << 53)] | None = None
    batch: Id
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    no: Annotated[int, Field(ge=1, le=LINES_MAX)]
    outcome: Settled
    reason: Text = ""
    reference: Name | None = None

    @model_validator(mode="after")
    def _payment_has_a_reference(self) -> Self:
        if self.outcome == "paid" and self.reference is None:
            message = "a payment has a reference"
            raise ValueError(message)
        return self


def period_stream(end: str) -> str:
    """The stream of the period with that end, canonical text."""
    return stream_of("period", end)


def payout_stream(batch_id: str, number: int, source: str) -> str:
    """The stream of one line's payout: `payout-<batch id>.<no>`."""
    return stream_of("payout", f"{batch_id}.{number}", source)
