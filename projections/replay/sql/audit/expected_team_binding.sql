-- What the live table must hold: every binding, as it was recorded up to P. Columns: projections.commissions.
SELECT
    n.name AS member, f.bind AS position, any_value(s.stream) AS bind, max(r.name) AS referrer,
    max(CASE f.kind WHEN 'bound' THEN f.at_us END) AS bound_at_us, arg_max(f.ends_at_us, f.position) AS ends_at_us,
    any_value(s.plan) AS plan, max(CASE f.kind WHEN 'released' THEN f.at_us END) AS released_at_us
FROM memory.main.binding_fact AS f
JOIN bound_stream AS s ON s.position = f.bind
JOIN member_name AS n ON n.member = f.member
LEFT JOIN member_name AS r ON r.member = f.referrer AND f.kind = 'bound'
WHERE f.position <= at_position()
GROUP BY n.name, f.bind
