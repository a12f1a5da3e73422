-- Lets the end of this transaction wait for the disk, and for a synchronous standby, whatever the session's setting.
SET LOCAL synchronous_commit = on
