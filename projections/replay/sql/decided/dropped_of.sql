-- Numbers of the lines that were dropped of a batch. ?: its stream
SELECT number FROM drop_fact WHERE batch = ?
