-- Members by number: 1, 2, ... in the order in which the log first names them.
CREATE TABLE member_name (
    member BIGINT NOT NULL,
    name VARCHAR NOT NULL
)
