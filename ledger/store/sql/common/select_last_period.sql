-- The stream of the last closed period: canonical times sort as texts. No row: none was ever closed.
SELECT stream FROM event WHERE stream > 'period-' AND stream < 'period.' ORDER BY stream DESC LIMIT 1
