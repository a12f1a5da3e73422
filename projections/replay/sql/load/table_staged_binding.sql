-- What happened to bindings: kind bound, released or renewed; bind is the stream of the binding.
CREATE TABLE staged_binding (
    position BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    bind VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    referrer VARCHAR,
    at_us BIGINT NOT NULL,
    ends_at_us BIGINT
)
