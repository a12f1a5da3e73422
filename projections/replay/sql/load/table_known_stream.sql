-- Orders, refunds and binds of before this range that facts in it refer to; referrer is NULL for all but binds.
CREATE TABLE known_stream (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    referrer VARCHAR
)
