-- Orders and binds of before this range that facts in it refer to; referrer is NULL for orders.
CREATE TABLE known_stream (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    referrer VARCHAR
)
