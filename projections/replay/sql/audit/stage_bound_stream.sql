-- Streams and plans of the bindings of raw_event (MemberBound).
INSERT INTO bound_stream
SELECT position, stream, CAST(json_extract_string(decode(state), '$.data.plan') AS BIGINT)
FROM raw_event
WHERE topic = 'MemberBound'
