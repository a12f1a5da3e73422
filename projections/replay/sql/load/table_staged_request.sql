-- What was asked of bindings, and what was decided then: invites, binds and unbinds.
CREATE TABLE staged_request (
    position BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    name VARCHAR,
    inviter VARCHAR,
    invite VARCHAR,
    expires_at_us BIGINT,
    outcome VARCHAR NOT NULL
)
