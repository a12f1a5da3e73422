-- Lapses as recorded (B-4): bind is the stream of the binding, at_us when it says that it lapsed.
CREATE TABLE lapse (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL,
    at_us BIGINT NOT NULL,
    recorded_at_us BIGINT NOT NULL,
    bind VARCHAR NOT NULL,
    member VARCHAR NOT NULL,
    referrer VARCHAR NOT NULL
)
