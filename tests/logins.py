"""Roles of the test server that may log in.

They are the server's, so tests of other databases see them too: by their names they are known as a test's own.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

PREFIX = "test_"


def create_login(url: str, options: LiteralString = "") -> str:
    """Makes a new role that may log in, and gives its name."""
    name = f"{PREFIX}{uuid4().hex}"
    with psycopg.connect(url) as connection:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret' {}")
        connection.execute(create.format(sql.Identifier(name), sql.SQL(options)))
    return name


@contextmanager
def login(url: str, options: LiteralString = "") -> Generator[str]:
    """A role that may log in, as long as it is needed; what it has in this database goes with it."""
    name = create_login(url, options)
    yield name
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@contextmanager
def reader_url(url: str) -> Generator[str]:
    """The database for a login that may only read."""
    with login(url) as name:
        with psycopg.connect(url) as connection:
            grant = sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}")
            connection.execute(grant.format(sql.Identifier(name)))
        yield url_of(url, name)


def url_of(url: str, role: str) -> str:
    """The same database for another role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:secret@{host}").geturl()
