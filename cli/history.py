"""Seeded histories: realistic input records of any length, the same on every machine, in constant memory.

Every fact follows from its number and one draw of 16 bytes, and the draws can be drawn again. So nothing is remembered:
what happens later (a bind, a refund, a return after a lapse) is a lane of its own, which runs the same draws again some
days behind. Integers only: floats and libm differ between platforms.
"""

import datetime as dt
import heapq
import itertools
import json
import random
import struct
from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeAlias

_PPM, _HOUR, _DAY, _DAYS_MAX, _LINES_MAX = 1_000_000, 3_600, 86_400, 36_500, 50
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a history looks like; equal shapes give equal bytes.

    members           people who join, evenly over the days; about orders / 8 gives a real shop's mix of records
    orders            distinct order records, exactly
    seed              >= 0
    start, days       all but refunds arrive in [start, start + days), refunds up to 120 days after their order
    ttl_days          of the bindings of both plans; hold_days likewise
    lines_max         lines of an order, 1 to 50; a carriage line counts
    currencies        ISO 4217 codes, used equally often
    late_share_ppm    of orders, binds and refunds: occurred up to 128 hours before they arrive
    repeat_share_ppm  of all records: arrive twice, byte for byte
    retry_share_ppm   of orders: a refund arrives before them (retryable) and again later
    """

    members: int = 1000
    orders: int = 5000
    seed: int = 1
    start: dt.datetime = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    days: int = 365
    ttl_days: int = 90
    hold_days: int = 30
    lines_max: int = 2
    currencies: tuple[str, ...] = ("GBP",)
    late_share_ppm: int = 2_000
    repeat_share_ppm: int = 2_000
    retry_share_ppm: int = 2_000

    def __post_init__(self) -> None:
        """Refuse what no plan or record could carry (ValueError)."""
        shares = (self.late_share_ppm, self.repeat_share_ppm, self.retry_share_ppm)
        days = (self.days, self.ttl_days, self.hold_days)
        bad = min(self.members, self.orders, self.lines_max, *days) < 1 or max(days) > _DAYS_MAX or not self.currencies
        bad |= self.lines_max > _LINES_MAX or min(self.seed, *shares) < 0 or sum(shares) > _PPM or not self.start.tzinfo
        if bad:
            raise ValueError(f"counts, days, shares, currencies or the zone of the start are out of range: {self}")


def records(shape: Shape) -> Iterator[dict[str, Any]]:
    """Input records in arrival order: what the lines say."""
    return map(json.loads, lines(shape))


def lines(shape: Shape) -> Iterator[bytes]:
    r"""Input records in arrival order, each compact JSON and "\n"."""
    return map(str.encode, _texts(shape))


def _texts(shape: Shape) -> Iterator[str]:
    """The orders, between them what the other lanes have due, and now and then an order line again."""
    others = heapq.merge(_plans(shape), *_member_lanes(shape), *_refund_lanes(shape))
    echoes: deque[tuple[int, str]] = deque()
    due, waiting = next(others)
    for count, (second, text, again) in enumerate(_orders(shape)):
        while due <= second:
            yield waiting
            due, waiting = next(others, _END)
        yield text
        if again:
            echoes.append((count + _ECHO_ORDERS, text))
        if echoes and echoes[0][0] <= count:
            yield echoes.popleft()[1]
    yield from (text for _, text in echoes)
    yield from (text for _, text in itertools.chain([(due, waiting)], others) if text)


_END, _ECHO_ORDERS = (1 << 62, ""), 64
_BLOCK, _WIDTH = 1024, 16
_DRAW = struct.Struct("<6B3HI")
_Draw: TypeAlias = tuple[int, ...]
# What is where in a draw; up to fate also its byte. Members use a to d as they please, orders sum them into a price.
_A, _B, _C, _D, _FORM, _FATE, _WHEN, _SPLIT, _ODD, _WHO = range(10)
# A byte of a draw, its values that make something happen, after how long (wait to wait + sway seconds), and its line.
_Lane: TypeAlias = tuple[int, Container[int], int, int, Callable[[int, int, _Draw], str]]
_CLOCK = tuple(f"{second // 60:02d}:{second % 60:02d}Z" for second in range(_HOUR))


def _blocks(key: int) -> Iterator[bytes]:
    """1024 draws at a time; the same key, the same draws."""
    bits = random.Random(key).getrandbits  # noqa: S311  not a secret
    while True:
        yield bits(_BLOCK * _WIDTH * 8).to_bytes(_BLOCK * _WIDTH, "little")


def _frame(shape: Shape) -> tuple[int, int, tuple[int, ...]]:
    """The start (since 1970) and the length in seconds; where on 16 bits the late end, the repeated, the retried."""
    shares = itertools.accumulate((shape.late_share_ppm, shape.repeat_share_ppm, shape.retry_share_ppm))
    odds = tuple((share << 16) // _PPM for share in shares)
    return (shape.start - _EPOCH) // dt.timedelta(seconds=1), shape.days * _DAY, odds


def _run(shape: Shape, count: int, blocks: Iterator[bytes], lane: _Lane) -> Iterator[tuple[int, str]]:
    """One lane in order of time: the second a line is due, and the line."""
    byte, acts, wait, sway, write = lane
    table = bytes(value in acts for value in range(256))
    first, span, (late, repeated, _) = _frame(shape)
    for start, block in zip(range(0, count, _BLOCK), blocks, strict=False):
        chosen = block[byte::_WIDTH].translate(table)
        for index in itertools.compress(range(min(_BLOCK, count - start)), chosen):
            draw: _Draw = _DRAW.unpack_from(block, index * _WIDTH)
            second = first + ((start + index << 16) + draw[_WHEN]) * span // (count << 16)
            # The delay drifts within the sway, slowly, so that the lane stays in order.
            due = second + wait + abs(second % (4 * sway) - 2 * sway) // 2
            odd = draw[_ODD] + wait & 65535
            at = max(second, due - (1 + draw[_SPLIT] % 128) * _HOUR) if odd < late else due
            if text := write(start + index + 1, at, draw):
                yield due, text
                if late <= odd < repeated:
                    yield due, text


@lru_cache(maxsize=256)
def _hour(hour: int) -> str:
    return (_EPOCH + dt.timedelta(hours=hour)).isoformat()[:14]


def _stamp(second: int) -> str:
    return _hour(second // _HOUR) + _CLOCK[second % _HOUR]


def _skewed(count: int, chance: int) -> int:
    """One of 1..count by a power law, low numbers most: 1 + count * (chance / 2^24)^3."""
    return 1 + (count * (chance * chance >> 24) * chance >> 48)


def _plans(shape: Shape) -> Iterator[tuple[int, str]]:
    """Two plans: from the start, and other terms two thirds through, known some time before."""
    first, span, _ = _frame(shape)
    for plan, at, effective_from, rates, policy, protection in (
        (1, first, first, [100_000, 50_000, 20_000], "first_touch", 0),
        (2, first + span * 62 // 100, first + span * 2 // 3, [80_000, 40_000, 30_000], "last_touch", 14),
    ):
        times = {"at": _stamp(at), "effective_from": _stamp(effective_from)}
        binding = {"policy": policy, "ttl_days": shape.ttl_days, "protection_days": protection, "renewal": "none"}
        record = {"type": "plan", "id": f"p-{plan}", "plan": plan, **times, "rates_ppm": rates, "binding": binding}
        record |= {"hold_days": shape.hold_days, "min_payout": dict.fromkeys(shape.currencies, 2000)}
        # Ahead of everything else of its second.
        yield at - 1, json.dumps(record, separators=(",", ":")) + "\n"


# Forms below the first have one line, below the second one line and postage.
_SINGLE, _POSTED, _CARRIAGE = 112, 144, (295, 395, 495, 795)
_POSTAGE = '{"n":2,"sku":"POST","qty":1,"amount":'
# Minor units by a sum of four bytes: a bell through geometric steps is log-normal; the median is about 3,500.
_PRICES = tuple(itertools.accumulate(range(4 * 255), lambda price, _: price + price * 68 // 10_000, initial=110 << 32))


def _amounts(draw: _Draw, lines_max: int) -> tuple[int, ...]:
    """Minor units of each line."""
    a, b, c, d, form, _, _, split, _, _ = draw
    goods = (_PRICES[a + b + c + d] >> 32) + (split & 15)
    if form < _SINGLE or lines_max == 1:
        return (goods,)
    if form < _POSTED:
        return goods, _CARRIAGE[form & 3]
    others = 1 + form % (lines_max - 1)
    each = 1 + ((goods // others - 2) * split >> 16)
    return (each,) * others + (goods - each * others,)


def _buyer(shape: Shape, number: int, who: int) -> str:
    """Who places an order, and in what: half the time one of the latest to join, else an early one, by a power law."""
    currencies, members, chance = shape.currencies, shape.members, who >> 8
    joined = 1 + (number - 1) * members // shape.orders
    latest = min(joined, 1 + members * shape.ttl_days // shape.days)
    member = joined - (chance * latest >> 24) if who & 128 else _skewed(joined, chance)
    return f'"member":"m-{member:06d}","currency":"{currencies[(who & 127) * len(currencies) >> 7]}"'


def _articles(lines_max: int) -> list[list[str]]:
    """Per line number, what can stand before the line's amount."""
    head = '{{"n":{},"sku":"S{:04d}","qty":{},"amount":'
    return [[head.format(n, (i * 7 + n * 83) % 1000, 1 + i % 3) for i in range(256)] for n in range(1, lines_max + 1)]


def _orders(shape: Shape) -> Iterator[tuple[int, str, bool]]:
    """Every order as it arrives: its second, its line, and whether that line comes again."""
    articles, lines_max, ticks = _articles(shape.lines_max), shape.lines_max, shape.orders << 16
    first, span, (late, repeated, retried) = _frame(shape)
    draws: Iterator[_Draw] = itertools.chain.from_iterable(map(_DRAW.iter_unpack, _blocks(shape.seed * 2)))
    for number, draw in zip(range(1, shape.orders + 1), draws, strict=False):
        _, _, _, _, form, _, when, split, odd, who = draw
        amounts, by = _amounts(draw, lines_max), _buyer(shape, number, who)
        amount, article, carriage = sum(amounts), split & 255, ""
        second = at = first + ((number - 1 << 16) + when) * span // ticks
        if odd < late:
            at = max(first, second - (1 + split % 128) * _HOUR)
        elif repeated <= odd < retried:
            yield second, _refund_text(number * 8, at, by, (0, amount // 10)), True
        if len(amounts) == 1:
            goods = f"{articles[0][article]}{amount}"
        elif form < _POSTED:
            goods = f"{articles[0][article]}{amounts[0]}}},{_POSTAGE}{amounts[1]}"
            carriage = f'"carriage":{amounts[1]},'
        else:
            goods = "},".join([f"{heads[article]}{part}" for heads, part in zip(articles, amounts, strict=False)])
        head = f'{{"type":"order","id":"o-{number:09d}","at":"{_hour(at // _HOUR)}{_CLOCK[at % _HOUR]}",{by}'
        yield second, f'{head},"amount":{amount},{carriage}"lines":[{goods}}}]}}\n', late <= odd < repeated


# What a refund takes back of an order: the line, or 0 for the whole order, and minor units, or 0 for no refund.
_PARTS: dict[str, Callable[[tuple[int, ...], int], tuple[int, int]]] = {
    "l": lambda amounts, split: (len(amounts), 1 + ((amounts[-1] - 1) * split >> 16)),  # some of a line
    "s": lambda amounts, split: (0, 1 + ((sum(amounts) - 1) * split >> 16)),  # some of the order
    "a": lambda amounts, _: (0, sum(amounts)),  # all
    "t": lambda amounts, _: (0, sum(amounts) // 3),  # a third
    "u": lambda amounts, _: (0, sum(amounts) - sum(amounts) // 3 * 2),  # the last third
    "f": lambda amounts, _: (1, amounts[0]),  # the first line
    "r": lambda amounts, _: (0, sum(amounts[1:])),  # the rest
}
# What each of four lanes takes back, and of how many in 256 orders; all of it twice is refused.
_FATES = {"l...": 16, ".s..": 8, "a...": 4, ".a..": 3, "ttu.": 5, ".fr.": 4, "...l": 3, "...a": 1, "aa..": 1}
_DELAYS = ((2 * _HOUR, 5 * _DAY), (6 * _DAY, 12 * _DAY), (25 * _DAY, 25 * _DAY), (65 * _DAY, 54 * _DAY))


def _refund_text(ident: int, at: int, by: str, part: tuple[int, int]) -> str:
    """The refund of order ident // 8."""
    line, amount = part
    of_line, quantity = (f'"line":{line},', '"qty":1,') if line else ("", "")
    head = f'{{"type":"refund","id":"r-{ident:09d}","at":"{_stamp(at)}","order":"o-{ident >> 3:09d}",'
    return f'{head}{of_line}{by},{quantity}"amount":{amount}}}\n'


def _refund_lanes(shape: Shape) -> Iterator[Iterator[tuple[int, str]]]:
    """The lanes of refunds; they go on after the last order."""

    def write(turn: int, parts: str, number: int, at: int, draw: _Draw) -> str:
        part = _PARTS[parts[draw[_FATE]]](_amounts(draw, shape.lines_max), draw[_SPLIT])
        return _refund_text(number * 8 + turn, at, _buyer(shape, number, draw[_WHO]), part) if part[1] else ""

    for turn, (wait, sway) in enumerate(_DELAYS):
        parts = "".join(fate[turn] * weight for fate, weight in _FATES.items()).ljust(256, ".")
        acts = {fate for fate, part in enumerate(parts) if part != "."}
        lane: _Lane = (_FATE, acts, wait, sway, partial(write, turn + 1, parts))
        yield _run(shape, shape.orders, _blocks(shape.seed * 2), lane)


# How a member comes in, by byte a: below the first by an open link, then by name; the rest as they are called.
_NAMED, _TOO_LATE, _SILENT, _UNASKED, _NEVER = 20, 180, 194, 224, 255
# Who is invited by somebody else too (byte b), returns after a lapse (c), does something silly or leaves (d).
_OFFERED, _RETURNING, _SELF, _TOUCHED, _UNBOUND = 96, 110, 3, 40, 48
_BRANCH, _CHAIN = 64, 11


def _member_blocks(shape: Shape) -> Iterator[bytes]:
    """The draws of members: the first 16th, who buy most, return after every lapse; unreferred heads have chains."""
    for start, drawn in zip(itertools.count(0, _BLOCK), _blocks(shape.seed * 2 + 1), strict=False):
        block = bytearray(drawn)
        loyal = max(0, min(_BLOCK, shape.members // 16 - start))
        block[_C : loyal * _WIDTH : _WIDTH] = bytes(loyal)
        for byte in (_A, _B, _C, _D):
            block[byte :: _BRANCH * _WIDTH] = bytes([_NEVER]) * (_BLOCK // _BRANCH)
        for place in range(1, _CHAIN + 1):
            block[place * _WIDTH + _A :: _BRANCH * _WIDTH] = bytes([_NAMED]) * (_BLOCK // _BRANCH)
        yield bytes(block)


def _referrer(number: int, draw: _Draw) -> int:
    """Who a member comes by: in a chain the one before, else one of the last 24 or a hub."""
    before, who = number - 1, draw[_WHO]
    if before % _BRANCH <= _CHAIN:
        return before
    return before - ((who >> 8) * min(before, 24) >> 24) if who & 1 else _skewed(before, who >> 8)


def _other(number: int, draw: _Draw) -> int:
    return _skewed(number - 1, draw[_SPLIT] << 8)


def _bind_text(ident: int, at: int, member: int, inviter: int, invite: int = 0) -> str:
    answered = f',"invite":"i-{invite:09d}"' if invite else ""
    head = f'{{"type":"bind","id":"b-{ident:09d}","at":"{_stamp(at)}","member":"m-{member:06d}"'
    return f'{head},"inviter":"m-{inviter:06d}"{answered}}}\n'


def _invite(number: int, at: int, draw: _Draw) -> str:
    """The invite a member comes by: half of them, and all that are answered too late, expire after 14 days."""
    details = f'"invitee":"m-{number:06d}"' if draw[_A] >= _NAMED else '"channel":"link"'
    if draw[_SPLIT] & 1 or _TOO_LATE <= draw[_A] < _SILENT:
        details += f',"expires_at":"{_stamp(at + 14 * _DAY)}"'
    head = f'{{"type":"invite","id":"i-{number * 2:09d}","at":"{_stamp(at)}"'
    return f'{head},"inviter":"m-{_referrer(number, draw):06d}",{details}}}\n'


def _offer(number: int, at: int, draw: _Draw) -> str:
    head = f'{{"type":"invite","id":"i-{number * 2 + 1:09d}","at":"{_stamp(at)}"'
    return f'{head},"inviter":"m-{_other(number, draw):06d}","invitee":"m-{number:06d}"}}\n'


def _bind(turn: int, number: int, at: int, draw: _Draw) -> str:
    """On joining and after each lapse; then one in four under somebody else, answering that offer if there was one."""
    inviter, invite = _referrer(number, draw), 0
    if turn == 0 and draw[_A] < _UNASKED:
        invite = number * 2
    elif turn and draw[_SPLIT] & 3 == 0:
        inviter, invite = _other(number, draw), number * 2 + 1 if draw[_B] < _OFFERED else 0
    return _bind_text(number * 16 + turn, at, number, inviter, invite)


def _touch(number: int, at: int, draw: _Draw) -> str:
    """A request that first touch refuses: it closes a loop, names the member, or comes while bound."""
    place = (number - 1) % _BRANCH
    inviter = number if place <= _CHAIN or draw[_D] < _SELF else _other(number, draw)
    return _bind_text(number * 16 + 15, at, number - place if place <= _CHAIN else number, inviter)


def _unbind(number: int, at: int, _: _Draw) -> str:
    return f'{{"type":"unbind","id":"u-{number:09d}","at":"{_stamp(at)}","member":"m-{number:06d}","reason":"moved"}}\n'


def _member_lanes(shape: Shape) -> Iterator[Iterator[tuple[int, str]]]:
    """The lanes of members, cut off where the history ends; at most 12 returns."""
    (first, span, _), lapse = _frame(shape), (shape.ttl_days + 1) * _DAY
    lanes: list[_Lane] = [
        (_A, range(_UNASKED), 0, 1, _invite),
        (_A, {*range(_TOO_LATE), *range(_UNASKED, _NEVER)}, 600, 3 * _DAY, partial(_bind, 0)),
        (_A, range(_TOO_LATE, _SILENT), 15 * _DAY, 15 * _DAY, partial(_bind, 0)),
        (_B, range(_OFFERED), 5 * _DAY, 10 * _DAY, _offer),
        (_D, range(_TOUCHED), 8 * _DAY, 20 * _DAY, _touch),
        (_D, range(_TOUCHED, _UNBOUND), 40 * _DAY, 30 * _DAY, _unbind),
    ]
    turns = range(1, 1 + min(12, span // lapse))
    lanes += [(_C, range(_RETURNING), turn * lapse + 4 * _DAY, 20 * _DAY, partial(_bind, turn)) for turn in turns]
    for lane in lanes:
        run = _run(shape, shape.members, _member_blocks(shape), lane)
        yield itertools.takewhile(lambda line: line[0] < first + span, run)
