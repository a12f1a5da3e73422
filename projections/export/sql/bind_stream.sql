-- Streams of the bindings that begin in a range. {table}: its stored events.
INSERT INTO bind_stream
SELECT position, stream
FROM {table}
WHERE topic = 'MemberBound'
