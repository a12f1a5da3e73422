-- Members whom raw_event freezes or unfreezes. Their times are of no matter: the last one by position holds.
INSERT INTO staged_freeze
SELECT
    position,
    CASE topic WHEN 'MemberFrozen' THEN 'frozen' ELSE 'unfrozen' END,
    json_extract_string(decode(state), '$.data.asked.member')
FROM raw_event
WHERE topic IN ('MemberFrozen', 'MemberUnfrozen')
