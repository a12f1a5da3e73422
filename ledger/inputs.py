"""Inputs: validated commands, reduced to what deciding asks for and recording writes.

Made of texts and integers only, so that one process can parse a file while another decides what came before.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from ledger.canonical import quoted
from ledger.clock import format_instant, from_micros, to_micros
from ledger.commands import (
    AnyCommand,
    BindMember,
    InviteMember,
    PlaceOrder,
    PublishPlan,
    RefundOrder,
    UnbindMember,
    parse_command,
)
from ledger.ids import Kind, stream_of
from ledger.payout_commands import FreezeMember, ProposeAdjustment, ReverseRefund, UnfreezeMember

# What all of them have, said in each, as a named tuple takes no fields from another:
#
#   kind     the record's type
#   stream   the stream it has, or would have, in the log
#   id       its idempotency id (G-6)
#   at_us    occurred_at, microseconds since 1970
#   content  SHA-256 of `asked`: what tells a repeat from a conflict (G-6)
#   asked    canonical JSON of the record
#   named    the envelope's keys `id` and `occurred_at`, canonical JSON without braces


class InviteInput(NamedTuple):
    """An invite; a bind that names it asks for the rest."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str


class BindInput(NamedTuple):
    """A bind. invite_stream: None where it names no invite."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    member: str
    inviter: str
    invite_stream: str | None


class UnbindInput(NamedTuple):
    """An unbind."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    member: str


class OrderInput(NamedTuple):
    """An order; a refund that names it asks for the rest."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    member: str
    currency: str


class RefundInput(NamedTuple):
    """A refund. `line` and `member` are None where it names none."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    order: str
    order_stream: str
    currency: str
    amount_minor: int
    line: int | None
    member: str | None


class ReversalInput(NamedTuple):
    """A reversal of a refund of the same source."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    refund: str
    refund_stream: str


class FreezeInput(NamedTuple):
    """A freeze, or an unfreeze: `kind` says which."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    member: str


class AdjustmentInput(NamedTuple):
    """A proposed adjustment."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str
    currency: str


class PlanInput(NamedTuple):
    """A plan."""

    kind: Kind
    stream: str
    id: str
    at_us: int
    content: str
    asked: str
    named: str

    def command(self) -> PublishPlan:
        """The plan in full."""
        command = parse_command(self.asked.encode())
        if not isinstance(command, PublishPlan):
            raise TypeError(f"{self.stream} is no plan")
        return command


AnyInput = (
    InviteInput
    | BindInput
    | UnbindInput
    | OrderInput
    | RefundInput
    | ReversalInput
    | FreezeInput
    | AdjustmentInput
    | PlanInput
)

INPUTS: dict[str, type[AnyInput]] = {
    "invite": InviteInput,
    "bind": BindInput,
    "unbind": UnbindInput,
    "order": OrderInput,
    "refund": RefundInput,
    "reversal": ReversalInput,
    "freeze": FreezeInput,
    "unfreeze": FreezeInput,
    "adjustment": AdjustmentInput,
    "plan": PlanInput,
}


def input_of(command: AnyCommand, source: str) -> AnyInput:
    """A validated command as an input of a source."""
    content = command.content()
    named = f'"id":{quoted(command.id)},"occurred_at":"{format_instant(command.at)}"'
    common = (
        command.kind,
        command.stream(source),
        command.id,
        to_micros(command.at),
        sha256(content).hexdigest(),
        content.decode(),
        named,
    )
    match command:
        case PlaceOrder():
            made = OrderInput(*common, command.member, command.currency)
        case RefundOrder():
            order_stream = stream_of("order", command.order, source)
            money = (command.currency, command.amount, command.line)
            made = RefundInput(*common, command.order, order_stream, *money, command.member)
        case BindMember():
            invite_stream = None if command.invite is None else stream_of("invite", command.invite, source)
            made = BindInput(*common, command.member, command.inviter, invite_stream)
        case UnbindMember():
            made = UnbindInput(*common, command.member)
        case InviteMember():
            made = InviteInput(*common)
        case ReverseRefund():
            made = ReversalInput(*common, command.refund, stream_of("refund", command.refund, source))
        case FreezeMember() | UnfreezeMember():
            made = FreezeInput(*common, command.member)
        case ProposeAdjustment():
            made = AdjustmentInput(*common, command.currency)
        case PublishPlan():
            made = PlanInput(*common)
    return made


def occurred_at(asked: AnyInput) -> datetime:
    """When it happened, from the source (G-2)."""
    return from_micros(asked.at_us)


def differing_keys(recorded: str, asked: str) -> list[str]:
    """The keys in which two records of one id differ."""
    before, after = _record(recorded), _record(asked)
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _record(text: str) -> dict[str, Any]:
    return json.loads(text)
