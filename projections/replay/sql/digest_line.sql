-- The lines of the balance digest, in order (S-3): canonical JSON, as ids hold no control characters (V-2).
--
-- chr(92) is the backslash, which the engines do not write alike.
SELECT concat(
    '{"adjusted":', adjusted, ',"available":', available, ',"clawed_back":', clawed_back, ',"currency":"', currency,
    '","earned":', earned, ',"member":"',
    replace(replace(name, chr(92), concat(chr(92), chr(92))), '"', concat(chr(92), '"')),
    '","paid":', paid, ',"pending":', pending, ',"reserved":', reserved, '}'
) AS line
FROM balance
ORDER BY name, currency
