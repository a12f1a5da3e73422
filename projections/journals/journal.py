"""Writing a journal: postings in, text out, one transaction after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from ledger.currencies import exponent_of
from ledger.decimals import decimal_text
from ledger.errors import RefusedError
from projections.journals.accounts import account_name
from projections.journals.dialects import FIRST, LAST, Form, Line, dialect_of
from projections.journals.posting import PeriodOf, Posting, Transaction, transactions_of


class UnwritableError(RefusedError):
    """A posting that no accounting program can read."""

    code = "unwritable"


class Journal:
    """One journal in the making. The same postings give the same text.

    Memory grows with the accounts that occur, about 100 bytes each, as each is declared once; with closing balances
    about 250.

    transactions, postings  how many were written so far
    """

    def __init__(self, form: Form, decimals: Callable[[str], int] = exponent_of) -> None:
        self.transactions = 0
        self.postings = 0
        self._dialect = dialect_of(form)
        self._decimals = decimals
        self._exponents: dict[str, int] = {}
        self._declared: set[str] = set()
        self._balances: dict[tuple[str, str], int] = {}
        self._last = FIRST

    def texts(
        self,
        postings: Iterable[Posting],
        *,
        period_of: PeriodOf | None = None,
        notes: Iterable[str] = (),
        is_closed: bool = False,
    ) -> Iterator[str]:
        """The journal, piece by piece.

        Args:
            postings: in any order; neighbours of one cause become one transaction.
            period_of: where they are booked; None: not shown.
            notes: lines for people, at the beginning, as comments.
            is_closed: whether the balance of every account follows, for the program to check.

        Raises:
            UnwritableError: a posting is dated before 1900 or after 2999.
            ValueError: an account or a currency that is none.
        """
        yield "".join(f"; {' '.join(note.split())}\n" for note in notes) + self._dialect.head()
        for transaction in transactions_of(postings, period_of):
            _check_date(transaction)
            lines = self._lines(transaction, is_counted=is_closed)
            yield self._declarations(lines) + self._dialect.transaction(transaction, lines)
            self.transactions += 1
            self.postings += len(transaction.postings)
            self._last = max(self._last, transaction.value_at.date())
        for account, currency in sorted(self._balances):
            balance = decimal_text(self._balances[account, currency], self._exponents[currency])
            yield self._dialect.balance(Line(account, balance, currency, None), self._last)

    def _lines(self, transaction: Transaction, *, is_counted: bool) -> list[Line]:
        """Both sides of each posting: debits positive, credits negative, as accountants' programs have it."""
        lines: list[Line] = []
        for posting in transaction.postings:
            for account, amount in ((posting.debit, posting.amount_minor), (posting.credit, -posting.amount_minor)):
                name = account_name(account)
                text = decimal_text(amount, self._exponent(posting.currency))
                lines.append(Line(name, text, posting.currency, posting.level))
                if is_counted:
                    key = name, posting.currency
                    self._balances[key] = self._balances.get(key, 0) + amount
        return lines

    def _declarations(self, lines: list[Line]) -> str:
        """What is used for the first time."""
        new: list[str] = []
        for line in lines:
            if line.currency not in self._declared:
                self._declared.add(line.currency)
                sample = decimal_text(10 ** self._exponents[line.currency] * 1000, self._exponents[line.currency])
                new.append(self._dialect.currency(line.currency, sample))
            if line.account not in self._declared:
                self._declared.add(line.account)
                new.append(self._dialect.account(line.account))
        return "\n" + "".join(new) if new else ""

    def _exponent(self, currency: str) -> int:
        if currency not in self._exponents:
            self._exponents[currency] = self._decimals(currency)
        return self._exponents[currency]


def _check_date(transaction: Transaction) -> None:
    day: date = transaction.value_at.date()
    if not FIRST <= day <= LAST:
        raise UnwritableError(
            f"{transaction.stream} has a posting on {day.isoformat()}; the programs read the years 1900 to 2999"
        )
