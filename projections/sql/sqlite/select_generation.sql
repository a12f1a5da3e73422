-- Tells one version of the tables from the next: a rebuild makes them anew.
SELECT schema_version FROM pragma_schema_version
