-- Bindings between members of `suspect`, in order of time: from_us, until_us, bind, member, referrer.
SELECT from_us, until_us, bind, member, referrer
FROM recorded_binding
WHERE from_us < until_us
  AND member IN (SELECT member FROM suspect)
  AND referrer IN (SELECT member FROM suspect)
ORDER BY from_us, bind
