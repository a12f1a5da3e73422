-- A row if any member has more binding facts than a join should take: those are left to `climb` (see near_piece).
SELECT member FROM piece WHERE facts > facts_joined() LIMIT 1
