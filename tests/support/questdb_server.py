"""A QuestDB server for tests: started from its jar in a folder of its own, killed and started anew, and wiped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import free_port

VERSION = "9.3.4"
JAR = Path(sys.prefix) / "servers" / f"questdb-{VERSION}.jar"  # where make test puts it
START_PATIENCE_S = 60
# It lives for minutes: compiling its code well, and collecting side by side, would take longer than all that it does.
JAVA = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
# Its workers look for work in a circle, thousands of times before they rest: these rest soon, and shortly.
PAUSES = {
    f"{workers}.worker.{name}": value
    for workers in ("shared", "wal.apply")
    for name, value in (("yield.threshold", "10"), ("nap.threshold", "20"), ("sleep.threshold", "30"))
} | {"shared.worker.sleep.timeout": "1", "wal.apply.worker.sleep.timeout": "2"}


class NoServerError(Exception):
    """It cannot be started here."""


@dataclass
class QuestDB:
    """One server below ``folder``, which is also where it may import files from."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    http: int = 0
    pg: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"questdb://127.0.0.1:{self.http}?pg={self.pg}"

    def start(self, **settings: str) -> None:
        """Start it on the ports it had before, if any; returns once it answers."""
        if not JAR.exists():
            raise NoServerError(f"{JAR} is not there: make test gets it with mvn")
        if not self.http:
            self.http, self.pg = free_port(), free_port()
        self.settings |= settings
        conf = {
            "http.bind.to": f"127.0.0.1:{self.http}",
            "pg.net.bind.to": f"127.0.0.1:{self.pg}",
            "http.min.enabled": "false",
            "line.tcp.enabled": "false",
            "telemetry.enabled": "false",
            "cairo.sql.copy.root": str(self.folder),
            "shared.worker.count": "1",
            **PAUSES,
            **self.settings,
        }
        data = self.folder / "data"
        (data / "conf").mkdir(parents=True, exist_ok=True)
        (data / "conf" / "server.conf").write_text("".join(f"{name}={value}\n" for name, value in conf.items()))
        command = [*JAVA, "-p", str(JAR), "-m", "io.questdb/io.questdb.ServerMain", "-d", str(data)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QDB_")}
        environment["QDB_LOG_W_STDOUT_LEVEL"] = "ERROR"
        try:
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        except OSError as error:
            raise NoServerError(f"java: {error.strerror}") from error
        until = time.monotonic() + START_PATIENCE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise NoServerError(f"it does not start: {(self.folder / 'log').read_text()[-500:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut would, as far as it can tell."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def rest(self) -> None:
        """Do nothing until it is to go on: looking for work takes a twentieth of a processor."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Go on where it rests."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def sql(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._connect() as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def wipe(self) -> None:
        """Drop every table that is not QuestDB's own."""
        for (name,) in self.sql("SELECT table_name FROM tables()"):
            if not name.startswith(("sys.", "telemetry")):
                self.sql(f"DROP TABLE IF EXISTS {name}")

    def settle(self, tables: Iterable[str] = ("assetprice",)) -> None:
        """Wait until what was written to the tables can be read."""
        names = set(tables)
        while any(
            name in names and written < sequenced
            for name, written, sequenced in self.sql("SELECT name, writerTxn, sequencerTxn FROM wal_tables()")
        ):
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            return self.sql("SELECT 1") == [(1,)]
        except psycopg.Error:
            return False

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.pg,
            user="admin",
            password="quest",
            dbname="qdb",
            autocommit=True,
            connect_timeout=5,
            prepare_threshold=None,
        )
