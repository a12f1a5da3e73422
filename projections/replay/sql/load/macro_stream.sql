-- The stream of an input: its kind, id and source.
CREATE MACRO stream_of(kind, id, source) AS
    CASE WHEN source = 'default' THEN concat(kind, '-', id) ELSE concat(kind, '@', source, '/', id) END
