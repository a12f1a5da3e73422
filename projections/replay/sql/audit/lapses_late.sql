-- Lapses recorded more than $late_us after they fell due: how many, and of the latest by how much and where.
SELECT count(*), max(recorded_at_us - at_us), arg_max(position, recorded_at_us - at_us)
FROM lapse
WHERE recorded_at_us - at_us > $late_us
