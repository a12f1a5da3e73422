-- Streams of bindings by the position of their MemberBound: the relations of the replay know bindings by position only.
CREATE TABLE bind_stream (
    position BIGINT NOT NULL,
    stream VARCHAR NOT NULL
)
