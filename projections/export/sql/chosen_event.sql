-- Events, and whether they are asked for: is_chosen. Conditions that are not given hold for all. From event_field.
--
-- Variables: first (a position), members, orders, kinds (lists, empty: not asked), since, until (canonical times, or
-- null).
-- Canonical times come in the order of their texts.
SELECT
    *,
    coalesce(
        position >= getvariable('first')
        AND (len(getvariable('kinds')) = 0 OR list_contains(getvariable('kinds'), type))
        AND (len(getvariable('orders')) = 0 OR list_contains(getvariable('orders'), "order"))
        AND (
            len(getvariable('members')) = 0
            OR list_has_any(getvariable('members'), named)
            OR "order" IN (SELECT stream FROM their_order)
        )
        AND (getvariable('since') IS NULL OR occurred_at >= getvariable('since'))
        AND (getvariable('until') IS NULL OR occurred_at < getvariable('until')),
        false
    ) AS is_chosen
FROM event_field
