-- For the session that holds a lease: the server finds out within seconds that the holder's machine is gone.
--
-- A holder that was killed is noticed at once, its kernel closes the connection. An idle lease is no idle session.
SELECT set_config('tcp_keepalives_idle', '5', false),
       set_config('tcp_keepalives_interval', '1', false),
       set_config('tcp_keepalives_count', '5', false),
       set_config('tcp_user_timeout', '10000', false),
       set_config('idle_session_timeout', '0', false)
