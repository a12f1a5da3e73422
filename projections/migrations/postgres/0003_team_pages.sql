-- Downlines in the order in which they are paged: everyone under a referrer, by member. Also what found them before.
CREATE INDEX team_binding_downline ON team_binding (referrer, member, position);
DROP INDEX team_binding_referrer;
