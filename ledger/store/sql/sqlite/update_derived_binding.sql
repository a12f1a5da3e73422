-- What a later event says about a binding; null: nothing about that.
--
-- version, ends_at_us, released_at_us, lapsed_at_us, member, bind, position of the event
UPDATE decision_binding
SET version = coalesce(?1, version),
    ends_at_us = coalesce(?2, ends_at_us),
    released_at_us = coalesce(?3, released_at_us),
    lapsed_at_us = coalesce(?4, lapsed_at_us)
WHERE member = ?5 AND bind = ?6 AND position < ?7
