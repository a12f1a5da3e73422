-- One row if the server has a writer role to give rights to.
SELECT 1 FROM pg_roles WHERE rolname = 'refledger_writer'
