-- Moves the end of a binding that was renewed or released: member, position, ends_at_us, released_at_us.
UPDATE team_binding SET ends_at_us = ?3, released_at_us = ?4 WHERE member = ?1 AND position = ?2
