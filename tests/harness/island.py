"""A machine of its own for a test that breaks machines: namespaces with their own processes, mounts
and network, and in them an own Docker at the usual place. Nothing outside is touched, and nothing is
left when the test ends, however it ends: its first process takes all others with it.

    island = Island.enter("chaos")    # the program begins anew, inside
    island.start_docker()
    island.mount_disk(path)           # a small disk that can fill up, and lose its power

The images come from the machine's own Docker. Needs root, loop devices and cgroups.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.programs import started_at

CGROUPS = Path("/sys/fs/cgroup")
IMAGES = ("node:22-alpine", "nginx:alpine")
DISK_MIB = 384
MARK = "DIALUP_ISLAND"  # the environment's word for: inside, and where its folder is


def run(*argv: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """A command that must succeed."""
    done = subprocess.run(argv, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace')}")
    return done


def thaw(groups: Path) -> None:
    """A process that stands still does not even die."""
    for state in groups.glob("**/freezer.state"):
        state.write_text("THAWED")
    for state in groups.glob("**/cgroup.freeze"):
        state.write_text("0")


def remove_groups(name: str) -> None:
    """The control groups of an island that is no more."""
    for top in [path / name for path in (CGROUPS, *CGROUPS.iterdir()) if (path / name).is_dir()]:
        for group, _, _ in os.walk(top, topdown=False):
            for _ in range(50):
                try:
                    os.rmdir(group)
                    break
                except OSError:
                    time.sleep(0.02)


class Island:
    """Seen from inside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.docker: subprocess.Popen[bytes] | None = None
        self.disk = folder / "disk"
        self.mounted: Path | None = None

    # Entering ------------------------------------------------------------------------------------

    @classmethod
    def enter(cls, name: str) -> Island:
        """Outside: begins the program anew inside, and ends with its status. Inside: goes on."""
        if MARK not in os.environ:
            sys.exit(cls.run_inside(name))
        if os.getpid() == 1:
            cls.be_first()
        island = cls(Path(os.environ[MARK]))
        island.settle_in()
        return island

    @classmethod
    def run_inside(cls, name: str) -> int:
        folder = Path(tempfile.mkdtemp(prefix=f"dialup-{name}-", dir="/var/tmp"))
        try:
            run("docker", "save", "-o", str(folder / "images.tar"), *IMAGES)
            return subprocess.run(
                ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                 sys.executable, *sys.argv],
                env=dict(os.environ, **{MARK: str(folder), "DIALUP_OUTSIDE": os.readlink("/proc/self/ns/net")}),
                check=False).returncode
        finally:
            remove_groups(folder.name)
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def be_first() -> None:
        """The first process buries those whose parents are gone. Its child goes on from here."""
        child = os.fork()
        if child == 0:
            return
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            pid, status = os.wait()
            if pid == child:
                for groups in CGROUPS.glob(f"*/{Path(os.environ[MARK]).name}"):
                    thaw(groups)
                os._exit(os.waitstatus_to_exitcode(status) & 0xFF)

    def settle_in(self) -> None:
        if os.readlink("/proc/self/ns/net") == os.environ["DIALUP_OUTSIDE"]:
            raise RuntimeError("this is not an island: the network is the machine's")
        run("ip", "link", "set", "lo", "up")
        self.clear_run()
        (self.folder / "docker").mkdir()
        run("mount", "--bind", str(self.folder / "docker"), "/var/lib/docker")

    @staticmethod
    def clear_run() -> None:
        """As after a boot. What Docker has mounted below goes with it."""
        for line in reversed(Path("/proc/mounts").read_text(encoding="utf-8").splitlines()):
            if line.split()[1].startswith(("/run/docker", "/run/netns")):
                subprocess.run(["umount", "--lazy", line.split()[1]], capture_output=True, check=False)
        if not os.path.ismount("/run"):
            run("mount", "-t", "tmpfs", "tmpfs", "/run")
        for path in Path("/run").iterdir():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
        Path("/run/lock").mkdir()

    # Docker --------------------------------------------------------------------------------------

    def start_docker(self) -> None:
        """And does not wait for it."""
        with (self.folder / "docker.log").open("ab") as log:
            self.docker = subprocess.Popen(
                ["dockerd", "--cgroup-parent", f"/{self.name}"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)

    def wait_for_docker(self) -> None:
        end = time.monotonic() + 60
        while subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
            if time.monotonic() > end or (self.docker and self.docker.poll() is not None):
                raise RuntimeError(f"no Docker:\n{self.docker_log()}")
            time.sleep(0.1)

    def load_images(self) -> None:
        run("docker", "load", "-i", str(self.folder / "images.tar"))
        (self.folder / "images.tar").unlink()

    def kill_docker(self) -> None:
        """Its containerd goes with it; containers stay, until Docker is back."""
        if self.docker:
            self.docker.kill()
            self.docker.wait()

    def docker_log(self) -> str:
        lines = (self.folder / "docker.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-20:])

    # The whole machine ---------------------------------------------------------------------------

    def kill_everybody(self) -> None:
        """All but the first process and this one, at once."""
        spared = {1, os.getpid()}
        for groups in CGROUPS.glob(f"*/{self.name}"):
            thaw(groups)
        end = time.monotonic() + 20
        while True:
            others = [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) not in spared
                      and started_at(int(path.name))]
            if not others:
                break
            if time.monotonic() > end:
                raise RuntimeError(f"these do not die: {others}")
            for pid in others:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        if self.docker:
            self.docker.wait()

    def clean_up_boot(self) -> None:
        """What a kernel forgets when it starts: /run, interfaces, rules, control groups."""
        self.clear_run()
        for line in run("ip", "-o", "link").stdout.decode().splitlines():
            name = line.split(": ")[1].split("@")[0]
            if name != "lo":
                subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)
        for table in ("filter", "nat", "mangle"):
            for what in ("--flush", "--delete-chain"):
                subprocess.run(["iptables", "-t", table, what], capture_output=True, check=False)
        remove_groups(self.name)

    # The disk ------------------------------------------------------------------------------------

    def mount_disk(self, path: Path) -> None:
        """A new one, or the one there is."""
        if not self.disk.exists():
            with self.disk.open("wb") as file:
                file.truncate(DISK_MIB << 20)
            run("mkfs.ext4", "-q", "-m", "0", str(self.disk))
        path.mkdir(parents=True, exist_ok=True)
        run("mount", "-o", "loop", str(self.disk), str(path))
        self.mounted = path

    def unmount_disk(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.mounted)], capture_output=True, check=False)

    def cut_power(self) -> None:
        """What was not synced to the disk is lost: what goes on is the disk as it is at this moment,
        without what the kernel still keeps in memory for it."""
        assert self.mounted
        kept = self.folder / "disk.kept"
        run("cp", "--sparse=always", str(self.disk), str(kept))
        run("umount", str(self.mounted))
        kept.replace(self.disk)
        self.mount_disk(self.mounted)
