-- Decision state: every refund recorded, by order. Orders themselves have no row: their event is their state.
--
-- order_stream  the order's stream
-- position      of the OrderRefunded
-- line          the line it names, or null
CREATE TABLE decision_refund (
    order_stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    line INTEGER,
    amount_minor INTEGER NOT NULL,
    PRIMARY KEY (order_stream, position)
) STRICT;
