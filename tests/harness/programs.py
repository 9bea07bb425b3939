"""The programs of a suite, one by one: killed, started again, and kept running as systemd would.

    programs = Programs(suite.run_dir)
    programs.kill("deployd")      # SIGKILL, unless another signal is named
    programs.start("deployd")     # with the words and the environment that it had before

What a program was started with is read from the kernel, so `./dev run` stays the only place that
knows it. A test that kills programs at any moment calls keep(), which starts again what has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

RESTART_S = 0.1  # what systemd waits, unless a unit says otherwise


def started_at(pid: int) -> str:
    """When a process began, in the kernel's ticks; nothing if it is over."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
    except OSError:
        return ""
    return "" if rest[0] == "Z" else rest[19]


@dataclass
class Program:
    """One of them: how it was started, and its process now."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    pid: int
    started: str
    child: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    expected_deaths: set[int] = field(default_factory=set)

    def is_alive(self) -> bool:
        if self.child:
            self.child.poll()
        return started_at(self.pid) == self.started != ""


class Programs:
    """Those whose pid files stand in a suite's folder."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.lock = threading.RLock()
        self.known: dict[str, Program] = {}
        self.surprises: list[str] = []  # ends that nobody had ordered
        self.keeper: threading.Thread | None = None
        self.is_over = threading.Event()
        for file in sorted((run_dir / "pid").iterdir()):
            self.adopt(file.name)

    def adopt(self, name: str) -> None:
        """Takes over one that ./dev run has started."""
        pid_text, started = (self.run_dir / "pid" / name).read_text(encoding="utf-8").split()
        place = Path("/proc") / pid_text
        words = [part.decode() for part in (place / "environ").read_bytes().split(b"\0") if b"=" in part]
        self.known[name] = Program(
            argv=[part.decode() for part in (place / "cmdline").read_bytes().split(b"\0")[:-1]],
            environment=dict(word.split("=", 1) for word in words),
            folder=os.readlink(place / "cwd"), pid=int(pid_text), started=started)

    def pid(self, name: str) -> int:
        return self.known[name].pid

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Ends it; one that is over already is none of a test's business."""
        with self.lock:
            program = self.known[name]
            program.expected_deaths.add(program.pid)
            if program.is_alive():
                os.kill(program.pid, number)

    def start(self, name: str) -> None:
        """Starts it again. Does not wait until it is ready."""
        with self.lock:
            program = self.known[name]
            with (self.run_dir / "log" / f"{name}.log").open("ab") as log:
                program.child = subprocess.Popen(
                    program.argv, env=program.environment, cwd=program.folder, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True)
            program.pid = program.child.pid
            program.started = started_at(program.pid)
            (self.run_dir / "pid" / name).write_text(f"{program.pid} {program.started}\n", encoding="utf-8")

    def end(self, name: str, number: int = signal.SIGKILL) -> None:
        """Kills it, and comes back when it is over."""
        self.kill(name, number)
        while self.known[name].is_alive():
            time.sleep(0.005)

    def hold(self, is_held: bool = True) -> None:
        """While they are held, nothing is started again: the machine is off."""
        with self.lock:
            for program in self.known.values():
                program.is_wanted = not is_held
                if is_held:
                    program.expected_deaths.add(program.pid)

    # Keeping -------------------------------------------------------------------------------------

    def keep(self) -> None:
        """From now on, until close, what ends is started again."""
        self.keeper = threading.Thread(target=self.watch, daemon=True)
        self.keeper.start()

    def watch(self) -> None:
        """Until the end."""
        ended: dict[str, float] = {}
        while not self.is_over.wait(0.02):
            with self.lock:
                for name, program in self.known.items():
                    if not program.is_wanted or program.is_alive():
                        ended.pop(name, None)
                    elif time.monotonic() - ended.setdefault(name, time.monotonic()) >= RESTART_S:
                        del ended[name]
                        if program.pid not in program.expected_deaths:
                            self.surprises.append(self.describe_end(name, program))
                        self.start(name)

    @staticmethod
    def describe_end(name: str, program: Program) -> str:
        """For a report."""
        status = program.child.returncode if program.child else "unknown"
        return f"{name} ended by itself, status {status}"

    def close(self) -> None:
        """Nothing is started again after this."""
        self.is_over.set()
        if self.keeper:
            self.keeper.join()
