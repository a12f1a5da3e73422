-- Moves what may move of a binding: its stream's version, its end, its release, its recorded lapse.
--
-- member, position, version, ends_at_us, released_at_us, lapsed_at_us
UPDATE decision_binding
SET version = ?3, ends_at_us = ?4, released_at_us = ?5, lapsed_at_us = ?6
WHERE member = ?1 AND position = ?2
