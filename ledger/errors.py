"""The error tree. A request that is wrong is refused; books that are wrong stop the work."""

from __future__ import annotations


class LedgerError(Exception):
    """Base of every error this project raises on purpose.

    code       stable word for machines
    can_retry  whether the same request may succeed later, unchanged
    """

    code = "error"
    can_retry = False


class RefusedError(LedgerError):
    """The request is wrong; nothing was recorded."""

    code = "refused"


class IntegrityError(LedgerError):
    """The books are wrong; nothing may go on before someone looked."""

    code = "integrity"


class InvalidRecordError(RefusedError):
    """An input record that cannot be read or breaks a limit.

    reason   stable word, goes to the rejects and to `by_reason`
    message  what is wrong, for a person
    """

    code = "invalid_record"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class NoPlanError(RefusedError):
    """A bind or an order that no plan is in force for (P-5).

    occurred_at  the instant without a plan, canonical text
    published    how many plans there are
    """

    code = "no_plan"

    def __init__(self, *, record_id: str, occurred_at: str, published: int) -> None:
        # Plans take effect in the order of their numbers, so only the first can be published for the past (P-1).
        advice = (
            "that is before plan 1 takes effect; --allow-no-plan records such orders without commission"
            if published
            else "publish plan 1 with an effective_from at or before it (refledger plan publish FILE), "
            "or pass --allow-no-plan"
        )
        super().__init__(f"no plan is in force at {occurred_at} for {record_id!r}: {advice}")
        self.record_id = record_id
        self.occurred_at = occurred_at
        self.published = published
        # Which command of its batch, from 0; set by whoever knows the batch.
        self.index = 0


class PositionError(RefusedError):
    """A question about a position the log does not have."""

    code = "no_such_position"


class NotFoundError(RefusedError):
    """The thing asked for is not in the ledger."""

    code = "not_found"


class NotInitialisedError(RefusedError):
    """The store has no ledger in it, or an older one."""

    code = "not_initialised"


class ReplicaError(RefusedError):
    """The database follows another one, and may lack what that one has."""

    code = "replica"


class InvalidKeyError(RefusedError):
    """A key that cannot be used: misspelt, of an unknown kind, or too weak to prove anything."""

    code = "invalid_key"


class UnreachableError(LedgerError):
    """The database cannot be reached or went away."""

    code = "unreachable"
    can_retry = True


class ClosedError(LedgerError):
    """A command came to a batcher that was closed before; nothing was recorded."""

    code = "closed"

    def __init__(self, record_id: str) -> None:
        super().__init__(f"{record_id!r} was not recorded: the batcher is closed; open another one and submit it there")
        self.record_id = record_id


class TimedOutError(LedgerError):
    """A caller stopped waiting for the answer to its command.

    may_be_recorded  False: it was taken back before anybody decided it
    """

    code = "timed_out"
    can_retry = True

    def __init__(self, record_id: str, *, may_be_recorded: bool) -> None:
        state = "may have been recorded" if may_be_recorded else "was not recorded"
        super().__init__(f"{record_id!r} {state}: no answer in time; submit the same again, by its id it counts once")
        self.record_id = record_id
        self.may_be_recorded = may_be_recorded


class CorruptEventError(IntegrityError):
    """Stored bytes that are not a canonical event of this ledger."""

    code = "corrupt_event"


class MalformedEvidenceError(IntegrityError):
    """Bytes that are no signed note, tree head or proof, or not in their one spelling."""

    code = "malformed_evidence"


class UnverifiedError(IntegrityError):
    """A signature, a quorum or a proof that does not hold."""

    code = "unverified"


class MigrationError(IntegrityError):
    """The store's schema is not the one the numbered migrations describe."""

    code = "migration"
