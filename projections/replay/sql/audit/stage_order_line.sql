-- Lines of the orders of raw_event (OrderPlaced).
INSERT INTO order_line
SELECT position, line.n, line.amount
FROM (
    SELECT position, unnest(
        from_json(json_extract(decode(state), '$.data.asked.lines'), '[{"n":"BIGINT","amount":"BIGINT"}]')
    ) AS line
    FROM raw_event
    WHERE topic = 'OrderPlaced'
)
