-- Decision state: every refund recorded, by order. Orders themselves have no row: their event is their state.
--
-- order_stream  the order's stream
-- position      of the OrderRefunded
-- line          the line it names, or null
CREATE TABLE decision_refund (
    order_stream text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    line bigint,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (order_stream, position)
);
