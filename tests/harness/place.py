"""A place of one's own for a test of daemons: settings, database, sockets, and the daemons in it.

    with Place(**{"gate.max_connections": 20}) as place:
        gate = place.start("gate")
        place.call("gate", "routes")

Everything lives in one temporary folder; leaving ends what was started here, and complains about a
daemon that did not end well. Also the TAP helpers: @case and run().
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import sp

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("DIALUP_BUILD", os.path.join(ROOT, "build"))
PATIENCE_S = 20

PROGRAMS = {
    "gate": "dialup-deployd/gate/dialup-gate",
    "deployd": "dialup-deployd/dialup-deployd",
    "monitord": "dialup-monitord/dialup-monitord",
    "admind": "dialup-admind/dialup-admind",
    "editord": "dialup-editord/dialup-editord",
}

# Python's own memory is not the sanitizers' to judge; ours is, and a finding ends the daemon.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}


def wait_until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of condition."""
    until = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"waited {patience_s} s for: {what}")
        time.sleep(0.01)


class Daemon:
    """One running daemon and what it says."""

    def __init__(self, program: str, arguments: list[str]) -> None:
        self.program = program
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", env={**os.environ, **SANITIZERS})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        """Until it ends."""
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def log(self) -> str:
        """All it said."""
        return "\n".join(self.lines)

    def wait_for_line(self, text: str, at_least: int = 1) -> None:
        """Until it has said that, or ended."""
        def is_there() -> bool:
            if self.process.poll() is not None and not self.count(text) >= at_least:
                self.reader.join(5)
                raise AssertionError(f"{self.program} ended:\n{self.log()}")
            return self.count(text) >= at_least
        wait_until(is_there, f'"{text}" from {self.program}:\n{self.log()}')

    def count(self, text: str) -> int:
        """How many lines hold it."""
        return sum(text in line for line in list(self.lines))

    def cpu_s(self) -> float:
        """Processor time of all its threads so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.reader.join(5)
        return status


class Place:
    """A suite's folders and settings."""

    def __init__(self, migrate: bool = True, **settings: object) -> None:
        self.folder = tempfile.mkdtemp(prefix="dul-")
        self.state, self.run = self.folder + "/state", self.folder + "/run"
        self.config = self.folder + "/dialup.conf"
        self.daemons: dict[str, Daemon] = {}
        os.makedirs(self.run + "/ipc")
        values = {"common.state_dir": self.state, "common.run_dir": self.run,
                  "gate.pages_dir": ROOT + "/caddy/pages", "monitord.access_log_port": 0,
                  "common.log_level": "debug", **settings}
        done = self.ctl("config", *(f"{key}={value}" for key, value in values.items()))
        assert done.returncode == 0, done.stderr
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(done.stdout)
        if migrate:
            done = self.ctl("migrate")
            assert done.returncode == 0, done.stderr

    def ctl(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs dialupctl with these settings."""
        return subprocess.run(
            [BUILD + "/dialupctl/dialupctl", "--config", self.config, *words], text=True,
            capture_output=True, check=False, env={**os.environ, **SANITIZERS}, timeout=60, **options)

    def start(self, name: str) -> Daemon:
        """Starts a daemon and waits until it is ready."""
        daemon = Daemon(f"{BUILD}/{PROGRAMS[name]}", ["--config", self.config])
        self.daemons[name] = daemon
        daemon.wait_for_line(": ready")
        return daemon

    def socket(self, name: str) -> str:
        """Where a daemon is asked."""
        return f"{self.run}/ipc/{name}.sock"

    def call(self, name: str, method: str, **params: Any) -> Any:
        """Asks a daemon."""
        return sp.call(self.socket(name), method, params)

    def health(self, name: str) -> dict[str, dict[str, str]]:
        """A daemon's checks by name."""
        return {check["name"]: check for check in self.call(name, "health")["checks"]}

    def sql(self, text: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """One statement, with no guard: a test plays all programs."""
        database = sqlite3.connect(self.state + "/db/dialup.db", timeout=10)
        try:
            with database:
                return database.execute(text, tuple(values)).fetchall()
        finally:
            database.close()

    def add_site(self, domain: str, **columns: object) -> int:
        """A row of sites; its id."""
        row = {"owner_kind": "user", "owner_id": 1, "domain": domain, "type": "node", "memory_mib": 64,
               "cpu_millicores": 100, "state": "running", "created_at": 1, "updated_at": 1, **columns}
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.sql(f"INSERT INTO sites ({names}) VALUES ({marks})", row.values())
        return self.sql("SELECT max(id) FROM sites")[0][0]

    def close(self) -> None:
        """Ends everything; a daemon that ended badly is a failure."""
        bad = []
        for name, daemon in reversed(self.daemons.items()):
            status = daemon.stop()
            if status != 0:
                bad.append(f"{name} ended with {status}:\n{daemon.log()}")
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not bad, "\n".join(bad)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.close()
        except AssertionError:
            if kind is None:
                raise
            traceback.print_exc()


CASES: list[tuple[str, Callable[[], None]]] = []


def case(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Makes a function a case of this test."""
    def register(function: Callable[[], None]) -> Callable[[], None]:
        CASES.append((name, function))
        return function
    return register


def equal(got: object, wanted: object) -> None:
    """Fails with both values."""
    if got != wanted:
        shown = [json.dumps(value, default=str) for value in (got, wanted)]
        raise AssertionError(f"got {shown[0]}, wanted {shown[1]}")


def run() -> None:
    """Runs all cases, prints TAP and ends the program."""
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (name, function) in enumerate(CASES, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Exception:  # whatever went wrong, the other cases still run
            failed += 1
            print("\n".join("# " + line for line in traceback.format_exc().splitlines()))
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)
