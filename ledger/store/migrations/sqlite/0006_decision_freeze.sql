-- Decision state: who was frozen and unfrozen; of a member's rows the last one counts (X-1).
--
-- position   of the MemberFrozen or MemberUnfrozen
-- is_frozen  1 or 0
CREATE TABLE decision_freeze (
    member TEXT NOT NULL,
    position INTEGER NOT NULL,
    is_frozen INTEGER NOT NULL,
    PRIMARY KEY (member, position)
) STRICT;
