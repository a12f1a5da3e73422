"""What a verification says: each check with its result, all findings, and a verdict that says no more than is so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal, cast

# Of one check, in a report, unless more is asked for. All are counted.
FINDINGS_MAX = 20

Result = Literal["ok", "FAILED", "NOT CHECKED"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. position: of the event it is about, where it is about one."""

    check: str
    message: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one check. detail: what was checked, or why it was not."""

    name: str
    result: Result
    detail: str
    findings: int = 0


@dataclass(slots=True)
class Report:
    """Collects what the checks find, in the order in which they are begun.

    facts         what the evidence is and says, by name
    remarks       what a reader should know besides
    is_signed     whether a key that was asked for has signed it
    re_performed  why decisions and figures were not computed again; None: they were
    findings_max  of one check, that are shown
    """

    facts: dict[str, str | int] = field(default_factory=dict[str, "str | int"])
    remarks: list[str] = field(default_factory=list[str])
    is_signed: bool = False
    re_performed: str | None = "there is nothing to perform"
    findings_max: int = FINDINGS_MAX
    _details: dict[str, str] = field(default_factory=dict[str, str])
    _skipped: dict[str, str] = field(default_factory=dict[str, str])
    _shown: dict[str, list[Finding]] = field(default_factory=dict[str, list[Finding]])
    _counts: Counter[str] = field(default_factory=Counter[str])

    def begin(self, check: str, detail: str = "") -> None:
        """This is being checked."""
        self._details.setdefault(check, "")
        if detail:
            self._details[check] = detail

    def skip(self, check: str, why: str) -> None:
        """This, or some of it, cannot be checked."""
        self._details.setdefault(check, "")
        self._skipped.setdefault(check, why)

    def remark(self, text: str) -> None:
        """This is no finding, but worth knowing."""
        if text not in self.remarks:
            self.remarks.append(text)

    def find(self, check: str, message: str, position: int | None = None) -> None:
        """This is not as it must be."""
        self.begin(check)
        self._counts[check] += 1
        shown = self._shown.setdefault(check, [])
        if len(shown) < self.findings_max:
            shown.append(Finding(check, message, position))

    def take(self, findings: list[Finding], counts: dict[str, int]) -> None:
        """What was found elsewhere: some of it, and how much of each check in all."""
        for finding in findings:
            self.find(finding.check, finding.message, finding.position)
        for check, count in counts.items():
            self._counts[check] += count - sum(finding.check == check for finding in findings)

    def checking(self, check: str, detail: str = "") -> AbstractContextManager[None, bool]:
        """Whatever a check cannot go on from is its finding, and hides no other."""
        self.begin(check, detail)
        return cast("AbstractContextManager[None, bool]", self._checking(check))

    @contextmanager
    def _checking(self, check: str) -> Generator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # evidence may be made to provoke any error
            self.find(check, explained(error))

    @property
    def counts(self) -> dict[str, int]:
        """How many findings each check has."""
        return dict(self._counts)

    @property
    def findings(self) -> list[Finding]:
        """Those that are shown, by check."""
        return [finding for check in self._details for finding in self._shown.get(check, ())]

    @property
    def findings_total(self) -> int:
        """All of them."""
        return self._counts.total()

    @property
    def checks(self) -> list[Check]:
        """Every check that was begun or skipped, in order."""
        return [self._check(name) for name in self._details]

    @property
    def integrity(self) -> str:
        """The first line of the verdict."""
        if self.findings_total:
            return "FAILED"
        if not self.is_signed:
            return "NOT PROVEN: signatures are not checked; give the log's key with --key"
        return "ok" if self.re_performed is None else f"ok, not re-performed: {self.re_performed}"

    @property
    def performance(self) -> str:
        """The second line of the verdict."""
        return "yes" if self.re_performed is None else f"no: {self.re_performed}"

    def _check(self, name: str) -> Check:
        detail, why = self._details[name], self._skipped.get(name)
        if self._counts[name]:
            return Check(name, "FAILED", detail, self._counts[name])
        if why is not None:
            return Check(name, "NOT CHECKED", why)
        return Check(name, "ok", detail)


def explained(error: Exception) -> str:
    """An error as a finding: its message, with its kind where the message alone says too little."""
    return str(error) if isinstance(error, ValueError | OSError) or str(error).count(" ") else f"{error!r}"
