"""A statement as one page of HTML: nothing in it but itself, to read on a screen and to print."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from projections.statement_pages import figures
from projections.statement_pages.statement import Entry, Statement, What
from projections.statement_pages.waterfall import waterfall

_NAMES: dict[What, str] = {
    "commission": "Commission",
    "clawback": "Taken back",
    "restoration": "Restored",
    "adjustment": "Adjustment",
    "payment": "Paid out",
    "return": "Payment returned",
}
# Of all entries of a kind, where several are summed.
_SUMS: dict[What, str] = {**_NAMES, "commission": "Earned", "adjustment": "Adjusted", "return": "Returned"}


class _Row(NamedTuple):
    entry: Entry
    name: str
    balance_minor: int


def statement_page(statement: Statement) -> str:
    """The page. The same statement gives the same text; it holds no script and asks for nothing from outside."""
    sums = [(_SUMS[what], amount) for what, amount in statement.sums().items()]
    balances = list(accumulate((entry.amount_minor for entry in statement.entries), initial=statement.opening_minor))
    rows = [
        _Row(entry, _NAMES[entry.what], balance) for entry, balance in zip(statement.entries, balances[1:], strict=True)
    ]
    return (
        _environment()
        .get_template("statement.html")
        .render(
            statement=statement,
            period=figures.period(statement.start, statement.end),
            drawing=waterfall(statement.opening_minor, sums, statement.closing_minor),
            rows=rows,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("projections.statement_pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in ("money", "signed", "exact", "percent", "day", "instant"):
        environment.filters[name] = getattr(figures, name)
    return environment
