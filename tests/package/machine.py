"""A Debian with systemd as its first process, booted for a test in about a second: systemd-nspawn on
a tree that is made once and kept, everything that the test writes in memory.

    with Machine("install", {"/opt/debs": "dist"}) as machine:
        machine.run("apt-get", "install", "-y", "/opt/debs/dialup.deb")

Inside are Docker and Caddy, and no network but its own loopback. Needs root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

CACHE = Path(os.environ.get("DIALUP_CACHE", "/var/tmp/dialup-cache"))
# What our packages depend on, so that a test needs no network to install them.
PACKAGES = (
    "systemd,systemd-sysv,dbus,libnss-systemd,debconf,docker.io,apparmor,caddy,iptables,iproute2,"
    "ca-certificates,curl,jq,sqlite3,procps,libsqlite3-0,libevent-core-2.1-7,libevent-extra-2.1-7,"
    "libyajl2,libsodium23,libnng1,libcurl4,libwslay1,libarchive13,libsystemd0"
)
CONTROLLERS = ("memory", "pids", "cpu", "cpuacct", "blkio", "devices", "freezer")
PATIENCE_S = 60


def tree() -> Path:
    """The machine's root folder; made if it is not there yet, which takes a minute or two."""
    ready = CACHE / "root"
    if ready.is_dir():
        return ready
    CACHE.mkdir(parents=True, exist_ok=True)
    coming = Path(tempfile.mkdtemp(prefix="coming-", dir=CACHE))
    try:
        subprocess.run(
            ["eatmydata", "mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm",
             str(coming)], check=True, stdin=subprocess.DEVNULL, capture_output=True)
        coming.chmod(0o755)
        coming.rename(ready)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        raise
    return ready


class Machine:
    """One booted machine."""

    def __init__(self, name: str, folders: dict[str, str]) -> None:
        self.name = f"dialup-{name}-{os.getpid()}"
        self.folders = folders
        # Docker's own overlay does not go on top of the one that the machine stands on.
        self.docker = tempfile.mkdtemp(prefix="dialup-docker-", dir="/var/tmp")
        self.console = tempfile.NamedTemporaryFile(prefix=f"{self.name}-", suffix=".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.first_pid = 0

    def __enter__(self) -> "Machine":
        try:
            self.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def groups(self) -> list[Path]:
        """Control groups of its own, where the kernel has version 1: several machines then run side
        by side, and limits inside take effect."""
        top = Path("/sys/fs/cgroup")
        if (top / "cgroup.controllers").exists():
            return []
        names = ("systemd", "unified", *CONTROLLERS)
        return [top / name / self.name for name in names if (top / name).is_dir()]

    def enter_groups(self) -> None:
        """In the child, before it becomes nspawn."""
        for group in self.groups():
            group.mkdir(exist_ok=True)
            (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    def boot(self) -> None:
        """Until systemd is up."""
        binds = [f"--bind-ro={os.path.abspath(here)}:{there}" for there, here in self.folders.items()]
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--register=no", "--keep-unit", "--settings=no", "--quiet",
             "--console=pipe", "-D", str(tree()), "-M", self.name, "--boot", "--volatile=overlay",
             "--kill-signal=SIGRTMIN+3", "--private-network", "--capability=all",
             "--system-call-filter=bpf @keyring", f"--bind={self.docker}:/var/lib/docker", *binds],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT,
            preexec_fn=self.enter_groups, start_new_session=True)
        self.wait(self.find_first, "a first process")
        self.wait(lambda: self.run("systemctl", "is-system-running", ok=False).stdout.strip()
                  in ("running", "degraded"), "systemd")
        if self.groups():
            # Else systemd has seen that it cannot write there, and limits nothing.
            for folder in Path("/sys/fs/cgroup").iterdir():
                self.run("mount", "-o", "remount,bind,rw", str(folder), ok=False)
            self.run("systemctl", "daemon-reexec")

    def find_first(self) -> bool:
        """The machine's process 1, a child of nspawn."""
        assert self.process
        if self.process.poll() is not None:
            raise RuntimeError(f"systemd-nspawn ended:\n{Path(self.console.name).read_text()}")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = children.read_text(encoding="ascii").split()
        self.first_pid = int(found[0]) if found else 0
        return bool(found) and Path(f"/proc/{self.first_pid}/comm").read_text().strip() == "systemd"

    def wait(self, condition, what: str, patience_s: float = PATIENCE_S) -> None:
        """Until condition() is true."""
        until = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"waited {patience_s} s for {what}\n{self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """What the console and the journal say."""
        done = self.run("journalctl", "--no-pager", "-n", "60", ok=False) if self.first_pid else None
        return Path(self.console.name).read_text(errors="replace")[-2000:] + (done.stdout if done else "")

    def argv(self, *words: str) -> list[str]:
        """A command that runs words inside."""
        return ["nsenter", "-t", str(self.first_pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w",
                "--", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *words]

    def run(self, *words: str, ok: bool = True, stdin: str = "",
            timeout_s: float = 180) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, to its end."""
        done = subprocess.run(self.argv(*words), input=stdin, capture_output=True, text=True,
                              errors="replace", timeout=timeout_s, check=False)
        if ok and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n"
                                 f"{done.stdout}{done.stderr}\n{self.last_words()}")
        return done

    def close(self) -> None:
        """Ends it; nothing stays."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for group in self.groups():
            for folder, _, _ in os.walk(group, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
        shutil.rmtree(self.docker, ignore_errors=True)
        self.console.close()
