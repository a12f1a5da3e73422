-- Decision state: every binding ever granted, as it stands at the head. Derived from the log, rebuildable from it.
--
-- position       of its MemberBound; (member, position) is recording order
-- bind           its stream
-- version        last version of that stream
-- ends_at_us     where it lapses by itself, renewals included; null: never
-- released_at_us where an unbind or a take-over ended it
-- lapsed_at_us   the ends_at_us that a BindingExpired is recorded for (B-4)
CREATE TABLE decision_binding (
    member text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    bind text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    referrer text COLLATE "C" NOT NULL,
    bound_at_us bigint NOT NULL,
    ends_at_us bigint,
    plan bigint NOT NULL,
    released_at_us bigint,
    lapsed_at_us bigint,
    PRIMARY KEY (member, position)
);

-- Does this member have a downline? Without one no bind of theirs can close a loop.
CREATE INDEX decision_binding_referrer ON decision_binding (referrer);

-- What the expiry worker still has to record.
CREATE INDEX decision_binding_lapse ON decision_binding (ends_at_us)
    WHERE released_at_us IS NULL AND ends_at_us IS NOT NULL AND (lapsed_at_us IS NULL OR lapsed_at_us <> ends_at_us);
