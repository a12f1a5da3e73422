-- One row if a member was ever bound to anybody, or anybody to them.
SELECT 1 WHERE EXISTS (SELECT 1 FROM team_binding WHERE member = :member)
            OR EXISTS (SELECT 1 FROM team_binding WHERE referrer = :member)
