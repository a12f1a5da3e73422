"""What may be asked: one frozen pydantic model per input record, and the strict way from a line to it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from ledger.canonical import canonical
from ledger.clock import format_instant, parse_instant
from ledger.errors import InvalidRecordError
from ledger.fields import CurrencyCode, Days, DaysOrNone, Id, Instant, Minor, PositiveMinor, RatePpm
from ledger.ids import Kind, stream_of
from ledger.money import MINOR_MAX
from ledger.payout_commands import FreezeMember, ProposeAdjustment, ReverseRefund, UnfreezeMember
from ledger.plan import LEVELS, BindingTerms, PlanTerms, Policy, Renewal, Rounding, SelfPurchase
from ledger.records import Command, Text

Quantity = Annotated[int, Field(ge=0, le=MINOR_MAX)]
LineNumber = Annotated[int, Field(ge=1, le=MINOR_MAX)]

# A record that could still fit an event of 65,535 bytes (V-2) is far shorter than this.
LINE_BYTES_MAX = 262_144
GIVEN_SHOWN_MAX = 60

# A source's clock may run this far ahead of ours (G-2).
AHEAD_MAX = timedelta(minutes=5)


class InviteMember(Command):
    """A member invites someone, by name or anyone who holds the invite (B-7)."""

    kind: ClassVar[Kind] = "invite"

    at: Instant
    channel: Text | None = None
    expires_at: Instant | None = None
    id: Id
    invitee: Id | None = None
    inviter: Id
    type: Literal["invite"] = "invite"


class BindMember(Command):
    """A member asks to be bound to a referrer (B-1)."""

    kind: ClassVar[Kind] = "bind"

    at: Instant
    id: Id
    invite: Id | None = None
    inviter: Id
    member: Id
    type: Literal["bind"] = "bind"


class UnbindMember(Command):
    """A member asks to be unbound (B-8)."""

    kind: ClassVar[Kind] = "unbind"

    at: Instant
    id: Id
    member: Id
    reason: Text
    type: Literal["unbind"] = "unbind"


class OrderLine(BaseModel):
    """One line of an order; `amount` in minor units, what was paid for the line."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    amount: Minor
    category: Text | None = None
    n: LineNumber
    qty: Quantity
    sku: Text


class PlaceOrder(Command):
    """A member paid for an order; `amount` is the sum of its lines, carriage included."""

    kind: ClassVar[Kind] = "order"

    amount: Minor
    at: Instant
    carriage: Minor = 0
    currency: CurrencyCode
    id: Id
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, strict=False)] | None = None
    member: Id
    type: Literal["order"] = "order"

    @model_validator(mode="after")
    def _sums_agree(self) -> Self:
        if self.carriage > self.amount:
            message = f"carriage {self.carriage} is more than the amount {self.amount} it is part of"
            raise ValueError(message)
        if self.lines is None:
            return self
        total = sum([line.amount for line in self.lines])
        if total != self.amount:
            message = f"lines sum to {total}, amount says {self.amount}"
            raise ValueError(message)
        if len({line.n for line in self.lines}) != len(self.lines):
            message = "two lines have the same n"
            raise ValueError(message)
        return self


class RefundOrder(Command):
    """Part or all of an order's money goes back (R-1)."""

    kind: ClassVar[Kind] = "refund"

    amount: PositiveMinor
    at: Instant
    currency: CurrencyCode
    id: Id
    line: LineNumber | None = None
    member: Id | None = None
    order: Id
    qty: Quantity | None = None
    type: Literal["refund"] = "refund"


class BindingRules(BaseModel):
    """How long a binding lasts and who may end it (B-2, B-3, B-5), as a plan says it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    policy: Policy = "first_touch"
    protection_days: DaysOrNone = 0
    renewal: Renewal = "none"
    ttl_days: Days | None = 90

    def terms(self) -> BindingTerms:
        """The same for the rules."""
        return BindingTerms(
            policy=self.policy,
            protection_days=self.protection_days,
            renewal=self.renewal,
            ttl_days=self.ttl_days,
        )


class PublishPlan(Command):
    """New commission rules from `effective_from` on (P-1).

    cap_ppm  limit of the sum of all rates
    """

    kind: ClassVar[Kind] = "plan"

    binding: BindingRules = BindingRules()
    cap_ppm: RatePpm = 500_000
    effective_from: Instant
    hold_days: DaysOrNone = 30
    min_payout: dict[CurrencyCode, PositiveMinor] = Field(default_factory=dict)
    plan: Annotated[int, Field(ge=1)]
    rates_ppm: Annotated[tuple[RatePpm, ...], Field(max_length=LEVELS, strict=False)]
    rounding: Rounding = "down"
    self_purchase: SelfPurchase = "none"
    unqualified: Literal["forfeit"] = "forfeit"
    at: Instant
    id: Id
    type: Literal["plan"] = "plan"

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:  # noqa: ANN401  # pydantic hands over whatever the file held
        """A plan file needs neither an id nor a type, and takes effect when it was made."""
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        filled: dict[str, Any] = {"id": f"plan-{given.get('plan')}", **given}
        if "at" in filled:
            filled.setdefault("effective_from", filled["at"])
        return filled

    @model_validator(mode="after")
    def _rates_within_cap(self) -> Self:
        if sum(self.rates_ppm) > self.cap_ppm:
            total, cap = sum(self.rates_ppm) / 10_000, self.cap_ppm / 10_000
            message = f"rates_ppm sum to {total:g} %, above the cap of {cap:g} % (cap_ppm)"
            raise ValueError(message)
        # Keys of one object in one order, whatever the file had: the stored bytes are canonical.
        object.__setattr__(self, "min_payout", dict(sorted(self.min_payout.items())))
        return self

    @model_validator(mode="after")
    def _not_back_dated(self) -> Self:
        if self.effective_from < self.at:
            message = "effective_from is before the plan's own `at`"
            raise ValueError(message)
        return self

    def stream(self, source: str) -> str:
        """Plans are numbered for the whole ledger, whatever source they come from (P-1)."""
        del source
        return stream_of("plan", str(self.plan))

    def content(self) -> bytes:
        """Canonical JSON; nulls stay, as `ttl_days` null means "no end"."""
        return canonical(self.model_dump(mode="json"))

    def terms(self) -> PlanTerms:
        """What it promises, for the rules."""
        return PlanTerms(
            plan=self.plan,
            effective_from=self.effective_from,
            rates_ppm=self.rates_ppm,
            binding=self.binding.terms(),
            hold_days=self.hold_days,
            min_payout=self.min_payout,
            rounding=self.rounding,
            self_purchase=self.self_purchase,
        )


AnyCommand = (
    InviteMember
    | BindMember
    | UnbindMember
    | PlaceOrder
    | RefundOrder
    | ReverseRefund
    | FreezeMember
    | UnfreezeMember
    | ProposeAdjustment
    | PublishPlan
)

_COMMAND: TypeAdapter[AnyCommand] = TypeAdapter(Annotated[AnyCommand, Field(discriminator="type")])
_SPACED_COLON = re.compile(rb'"\s+:')


def parse_command(line: bytes) -> AnyCommand:
    """One line of JSON as a command.

    Raises:
        InvalidRecordError: with one of the reasons `line_too_long`, `not_utf8`, `bad_json`, `duplicate_key`,
            `unknown_type`, `unknown_key`, `missing_key`, `bad_value`.
    """
    if len(line) > LINE_BYTES_MAX:
        raise InvalidRecordError("line_too_long", f"{len(line)} bytes; a record has at most {LINE_BYTES_MAX}")
    line = line.rstrip(b"\r\n")
    try:
        command = _COMMAND.validate_json(line)
    except ValidationError as error:
        raise _explained(line, error) from None
    if _may_repeat_a_key(line, command):
        parse_object(line)
    return command


def command_from(data: object) -> AnyCommand:
    """A record that was parsed elsewhere (a TOML plan file, a test) as a command; errors as `parse_command`."""
    try:
        text = json.dumps(data, ensure_ascii=False, default=_instant_text)
        return parse_command(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecordError("bad_value", str(error)) from None


def _instant_text(value: object) -> str:
    return format_instant(parse_instant(value))


def _may_repeat_a_key(line: bytes, command: AnyCommand) -> bool:
    """False only if every `":` of the line is accounted for by a distinct key: the parser keeps the last of two."""
    if isinstance(command, PublishPlan) or _SPACED_COLON.search(line):
        return True
    keys = len(command.model_fields_set)
    if isinstance(command, PlaceOrder) and command.lines:
        keys += sum([len(order_line.model_fields_set) for order_line in command.lines])
    return line.count(b'":') != keys


def parse_object(text: bytes | str) -> object:
    """JSON as plain data.

    Raises:
        InvalidRecordError: `duplicate_key`, or `bad_json`.
    """

    def no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        record = dict(pairs)
        if len(record) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidRecordError("duplicate_key", f"{twice!r} is there twice")
        return record

    try:
        return json.loads(text, object_pairs_hook=no_repeats)
    except (ValueError, RecursionError) as error:
        raise InvalidRecordError("bad_json", str(error)) from None


_WHOLE_NUMBER = frozenset({"int_type", "int_parsing", "int_from_float", "int_parsing_size"})


def _explained(line: bytes, error: ValidationError) -> InvalidRecordError:
    """The first finding of pydantic in our words."""
    found = error.errors(include_url=False, include_context=False)
    # Without `at` a plan also lacks effective_from, which defaults to it: the cause is said, not what follows from it.
    details: ErrorDetails = next((one for one in found if one["loc"][-1:] != ("effective_from",)), found[0])
    kind = details["type"]
    if kind == "json_invalid":
        return _not_json(line, details["msg"])
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        kinds = "invite, bind, unbind, order, refund, reversal, freeze, unfreeze, adjustment or plan"
        return InvalidRecordError("unknown_type", f"`type` must be {kinds}")
    # The first step of the path only names the record's type.
    where = ".".join(str(step) for step in details["loc"][1:])
    if kind == "extra_forbidden":
        return InvalidRecordError("unknown_key", f"{where!r}: no such key in this type of record")
    if kind == "missing":
        return InvalidRecordError("missing_key", f"{where}: must be given")
    message = details["msg"].removeprefix("Value error, ")
    if kind in _WHOLE_NUMBER:
        money = " of minor units, as 13912 for 139.12" if where.endswith("amount") else ""
        message = f"must be a whole number{money}"
    return InvalidRecordError("bad_value", (f"{where}: " if where else "") + message + _shown(details.get("input")))


def _not_json(line: bytes, message: str) -> InvalidRecordError:
    try:
        line.decode()
    except UnicodeDecodeError as bad:
        return InvalidRecordError("not_utf8", f"byte {bad.start + 1} is not UTF-8")
    return InvalidRecordError("bad_json", message.replace(" at line 1 column ", " at column "))


def _shown(given: object) -> str:
    """What was given, short; texts in quotes, so that "1" is not 1."""
    if isinstance(given, dict | list):
        return ""
    text = repr(given)
    return f" (got {text if len(text) <= GIVEN_SHOWN_MAX else text[:GIVEN_SHOWN_MAX] + '…'})"
