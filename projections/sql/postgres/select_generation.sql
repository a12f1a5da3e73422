-- Tells one version of the tables from the next: a rebuild puts other ones in their place.
SELECT to_regclass('balance')::oid::bigint
