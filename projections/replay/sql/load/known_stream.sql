-- Earlier events that facts of this range refer to, from raw_event.
INSERT INTO known_stream
SELECT position, stream, json_extract_string(decode(state), '$.data.asked.inviter')
FROM raw_event
WHERE topic IN ('OrderPlaced', 'OrderRefunded', 'MemberBound')
