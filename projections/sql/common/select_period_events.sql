-- Every PeriodClosed, in order, as a row of the log.
SELECT position, stream, version, topic, state FROM event WHERE stream > 'period-' AND stream < 'period.' ORDER BY position
