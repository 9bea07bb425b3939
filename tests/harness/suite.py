"""A whole suite for a test: started by ./dev run in a folder, instance and port of its own.

Cases are functions that raise AssertionError; run_cases prints TAP.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.programs import started_at

ROOT = Path(__file__).resolve().parent.parent.parent


class Answer:
    """An HTTP answer, whole."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)


class Suite:
    """The programs, as a person would start and use them."""

    def __init__(self, name: str, settings: str = "") -> None:
        self.home = tempfile.TemporaryDirectory(prefix=f"dialup-{name}-")
        self.run_dir = Path(self.home.name) / "run"
        # Suites of other tests may start at this moment: none of them looks at the same ports first.
        port = 18000 + os.getpid() % 50 * 20
        self.environment = dict(
            os.environ, DIALUP_RUN=str(self.run_dir), DIALUP_PORT=str(port), DIALUP_SETTINGS=settings,
            XDG_CONFIG_HOME=f"{self.home.name}/config", NO_COLOR="1", LC_ALL="C.UTF-8",
        )
        self.environment.pop("DIALUP_INSTANCE", None)
        self.access: dict[str, Any] = {}

    def dev(self, *words: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        """Runs ./dev and gives what it said."""
        return subprocess.run(
            [str(ROOT / "dev"), *words], env=self.environment, capture_output=True, text=True,
            timeout=timeout, check=False, stdin=subprocess.DEVNULL,
        )

    def start(self, *words: str) -> str:
        """Starts everything; what was said on the way."""
        done = self.dev("run", "--detach", *words)
        if done.returncode != 0:
            raise RuntimeError(f"./dev run failed:\n{done.stdout}\n{done.stderr}\n{self.logs()}")
        self.access = json.loads((self.run_dir / "access.json").read_text(encoding="utf-8"))
        return done.stdout

    def stop(self) -> None:
        """Ends everything."""
        done = self.dev("stop")
        assert done.returncode == 0, done.stdout + done.stderr

    def kill_deployd(self) -> None:
        """kill -9, and a new one from the same settings."""
        os.kill(int((self.run_dir / "pid/deployd").read_text().split()[0]), signal.SIGKILL)
        self.start_deployd()

    def start_deployd(self) -> None:
        """For one that was killed; returns when it is well."""
        before = int((self.run_dir / "pid/deployd").read_text().split()[0])
        self.until("the end of the one before, which holds the lock", lambda: not started_at(before))
        build = Path(os.environ.get("DIALUP_BUILD", "build"))
        with (self.run_dir / "log/deployd.log").open("ab") as log:
            process = subprocess.Popen(
                [str(build / "dialup-deployd/dialup-deployd"), "--config", str(self.run_dir / "etc/dialup.conf")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        stat = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        (self.run_dir / "pid/deployd").write_text(f"{process.pid} {stat[19]}\n")
        self.until("deployd is well", lambda: self.ctl("health", "process", "docker", "gate", "sites").returncode == 0)

    def logs(self) -> str:
        """The last lines of each log, for a failure's report."""
        parts = []
        for log in sorted((self.run_dir / "log").glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            parts.append(f"--- {log.name}\n" + "\n".join(lines))
        return "\n".join(parts)

    def cli(self, *words: str, who: str = "friend", cwd: str | None = None, ok: bool = True,
            timeout: int = 240) -> subprocess.CompletedProcess[str]:
        """Runs the command line tool with that person's key."""
        environment = dict(self.environment, DIALUP_SERVER=self.access["panel"],
                           DIALUP_API_KEY=self.access[f"{who}_api_key"])
        done = subprocess.run(
            [str(self.run_dir / "bin/deploy"), *words], env=environment, capture_output=True, text=True,
            cwd=cwd, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
        )
        if ok and done.returncode != 0:
            raise AssertionError(f"deploy {' '.join(words)}: exit {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}\n{self.logs()}")
        return done

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the server's own tool."""
        return subprocess.run(
            [str(self.run_dir / "bin/dialupctl"), "--config", str(self.run_dir / "etc/dialup.conf"), *words],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )

    def fetch(self, host: str, path: str = "/", method: str = "GET", body: bytes | None = None,
              headers: dict[str, str] | None = None) -> Answer:
        """One request through Caddy. host may leave out the server's suffix."""
        if "." not in host:
            host = f"{host}.{self.access['sites_suffix']}"
        connection = http.client.HTTPConnection("127.0.0.1", self.access["caddy_port"], timeout=60)
        try:
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, who: str = "friend") -> Answer:
        """One request to the HTTP API, with that person's key."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.access[f'{who}_api_key']}"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        return self.fetch(f"admin.{self.access['sites_suffix']}", path, method, data, headers)

    def until(self, what: str, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """Waits for something to become true; its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {seconds} s\n{self.logs()}")

    def instance(self) -> str:
        """The name that marks this suite's containers and images."""
        config = (self.run_dir / "etc/dialup.conf").read_text(encoding="utf-8")
        return next(line.split("=")[1].strip() for line in config.splitlines()
                    if line.startswith("instance ="))

    def remove_images(self) -> None:
        """Those that its Dockerfiles made; nobody comes back to them."""
        label = f"label=dialup.instance={self.instance()}"
        listed = subprocess.run(["docker", "images", "-q", "--filter", label], capture_output=True,
                                text=True, timeout=60, check=True).stdout.split()
        if listed:
            subprocess.run(["docker", "rmi", "--force", *set(listed)], capture_output=True,
                           timeout=120, check=False)

    def containers(self) -> list[str]:
        """Ids of this suite's containers."""
        done = subprocess.run(
            ["docker", "ps", "-aq", "--filter", f"label=dialup.instance={self.instance()}"],
            capture_output=True, text=True, timeout=30, check=True)
        return done.stdout.split()


class Neighbour:
    """Visits another friend's page all the time: each visit must succeed, and soon."""

    def __init__(self, suite: Suite, host: str = "hello-node") -> None:
        self.suite, self.host = suite, host
        self.times: list[float] = []
        self.bad: list[str] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.visit)

    def visit(self) -> None:
        """Until the end."""
        while not self.ended.wait(0.02):
            begun = time.monotonic()
            try:
                if self.suite.fetch(self.host).status != 200:
                    self.bad.append("not 200")
            except OSError as error:
                self.bad.append(str(error))
            self.times.append(time.monotonic() - begun)

    def __enter__(self) -> Neighbour:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def slow(self) -> float:
        """Seconds that one visit in a hundred took at least."""
        return sorted(self.times)[int(len(self.times) * 0.99)]

    def check(self) -> None:
        """For tests: all went well, and none was slower than a person would bear."""
        print(f"# neighbour: {len(self.times)} visits, p99 {self.slow() * 1000:.0f} ms", flush=True)
        assert not self.bad, self.bad[:3]
        assert self.slow() < 1, f"p99 {self.slow()} s"


def run_cases(suite: Suite, cases: list[tuple[str, Callable[[Suite], None]]]) -> int:
    """Runs named cases in order on one suite, then ends it. Prints TAP."""
    failed = 0
    print(f"1..{len(cases)}")
    try:
        for number, (name, case) in enumerate(cases, 1):
            begun = time.monotonic()
            try:
                case(suite)
                print(f"ok {number} - {name}", flush=True)
            except Exception:  # noqa: BLE001: whatever it was, the next case still runs
                failed += 1
                print(f"not ok {number} - {name}", flush=True)
                print("\n".join(f"# {line}" for line in traceback.format_exc().splitlines()), flush=True)
            print(f"# {time.monotonic() - begun:.1f} s", flush=True)
    finally:
        if (suite.run_dir / "etc").exists():
            suite.dev("stop")
            suite.remove_images()
        suite.home.cleanup()
    return 1 if failed else 0


def main(suite: Suite, cases: list[tuple[str, Callable[[Suite], None]]]) -> None:
    """The last line of a test."""
    sys.exit(run_cases(suite, cases))
