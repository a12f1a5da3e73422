-- What a later event says about a binding; null: nothing about that.
UPDATE decision_binding
SET version = coalesce(:version, version),
    ends_at_us = coalesce(:ends_at_us, ends_at_us),
    released_at_us = coalesce(:released_at_us, released_at_us),
    lapsed_at_us = coalesce(:lapsed_at_us, lapsed_at_us)
WHERE member = :member AND bind = :bind
