-- Lines of orders that were given with lines: position is that of the order.
CREATE TABLE order_line (
    position BIGINT NOT NULL,
    line BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL
)
