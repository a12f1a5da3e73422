-- The stream of each binding, and the plan it was recorded under: position is that of its MemberBound.
CREATE TABLE bound_stream (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    plan BIGINT NOT NULL
)
