"""VACUUM of all tables again and again, and an autovacuum as eager as it can be, beside a case."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from psycopg import sql

EAGER = {
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_threshold": "50",
    "autovacuum_vacuum_scale_factor": "0",
    "autovacuum_vacuum_insert_threshold": "1000",
    "autovacuum_vacuum_insert_scale_factor": "0",
    "autovacuum_analyze_threshold": "1000",
    "autovacuum_analyze_scale_factor": "0",
    "autovacuum_vacuum_cost_delay": "0",
}
AUTOVACUUMS = "SELECT coalesce(sum(autovacuum_count), 0)::int8 FROM pg_stat_user_tables"

# Without it autovacuum would never get its turn.
PAUSE_SECONDS = 0.1
TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()"


@contextmanager
def vacuuming(url: str) -> Generator[dict[str, float]]:
    """Both, on a PostgreSQL server of our own; afterwards says how many there were, and sets it back."""
    counts, is_over = dict[str, float](), threading.Event()
    with psycopg.connect(url, autocommit=True) as connection, ThreadPoolExecutor(1) as thread:
        _configure(connection, EAGER)
        rounds = thread.submit(_vacuum, url, is_over)
        try:
            yield counts
        finally:
            is_over.set()
            counts["vacuums"] = rounds.result()
            row = connection.execute(AUTOVACUUMS).fetchone()
            counts["autovacuums"] = row[0] if row else 0
            _configure(connection, dict.fromkeys(EAGER, ""))


def _vacuum(url: str, is_over: threading.Event) -> int:
    rounds = 0
    with psycopg.connect(url, autocommit=True) as connection:
        tables = [sql.Identifier(name) for (name,) in connection.execute(TABLES)]
        while not is_over.wait(PAUSE_SECONDS):
            connection.execute(sql.SQL("VACUUM {}").format(sql.SQL(", ").join(tables)))
            rounds += 1
    return rounds


def _configure(connection: psycopg.Connection[tuple[int, ...]], settings: dict[str, str]) -> None:
    """Sets the server's settings, or with an empty text resets them."""
    for name, value in settings.items():
        change = (
            sql.SQL("SET {} = {}").format(sql.Identifier(name), value)
            if value
            else sql.SQL("RESET {}").format(sql.Identifier(name))
        )
        connection.execute(sql.SQL("ALTER SYSTEM ") + change)
    connection.execute("SELECT pg_reload_conf()")
