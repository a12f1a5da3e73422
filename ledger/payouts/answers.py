"""Verdicts of the rules as outcomes, with words for people."""

from __future__ import annotations

from ledger.identity import APPROVER_ROLE
from ledger.outcomes import RECORDED, REPEAT, Outcome
from ledger.rules.payout import Conflict, Verdict

_MESSAGES = {
    # batches and adjustments
    "not_an_approver": f"approving needs membership of the role {APPROVER_ROLE}, which whoever may grant it gives: "
    f"GRANT {APPROVER_ROLE} TO ...",
    "same_actor": "whoever prepared or proposed it cannot approve it: somebody else has to",
    "approved": "it is approved already",
    "rejected": "it is rejected already",
    "nothing_left": "none of its lines is covered any more: reject it and prepare another",
    "wrong_signature": "the signature is not one by that key over what was prepared",
    # payouts
    "reserved": "it was not sent yet",
    "submitted": "it was sent, and nobody has said yet what became of it",
    "paid": "it is paid",
    "failed": "it failed: it may be sent again",
    "returned": "the money came back: the next batch pays it",
    "unknown": "nobody knows what became of it: find out first",
    "not_covered": "the member's money no longer covers it",
    "frozen": "the member is frozen",
    "no_details": "the batch does not know where the member is paid",
    "which_attempt": "an earlier attempt ended in the same way: say which attempt this is of",
    "other_attempt": "no such attempt is under way",
    "unknown_payout": "no approved batch has such a payout",
    "other_file": "that attempt went out in another file",
    "other_amount": "the amount is not the payout's",
    "other_currency": "the currency is not the payout's",
    "other_reference": "the same outcome is recorded with another reference",
    "other_outcome": "that attempt ended otherwise",
    "reference_of_another": "that reference belongs to another payout",
}


def answered(verdict: Verdict) -> Outcome:
    """A verdict as an outcome; what may be done was done."""
    if verdict is None:
        return RECORDED
    if verdict == "repeat":
        return REPEAT
    name = "conflict" if isinstance(verdict, Conflict) else "refused"
    return Outcome(name, verdict.reason, _MESSAGES.get(verdict.reason))


def refused(reason: str, message: str | None = None) -> Outcome:
    """A refusal; nothing was recorded."""
    return Outcome("refused", reason, message or _MESSAGES.get(reason))
