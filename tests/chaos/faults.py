"""The faults, as a table. Each takes the world and its own random numbers, does its damage, and gives
the sites whose visitors may miss something by it: of all others each visit must succeed."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from world import DAEMONS, VISITED, World, docker

Hurt = set[str]
Act = Callable[[World, random.Random], Hurt]
NOBODY: Hurt = set()
EVERYBODY: Hurt = set(VISITED)
IN_CONTAINERS: Hurt = {"app", "wide", "next"}


@dataclass(frozen=True)
class Fault:
    """A row: what it is called, how often it is chosen, and whether others may happen beside it."""

    name: str
    act: Act
    weight: int
    is_light: bool = True


# Ends of programs ------------------------------------------------------------------------------


def kill(name: str, hurt: Hurt) -> Act:
    def act(world: World, _: random.Random) -> Hurt:
        world.programs.kill(name)
        return hurt
    return act


def kill_twice(world: World, rng: random.Random) -> Hurt:
    """Once more while it starts."""
    world.programs.kill("deployd")
    time.sleep(rng.uniform(0.1, 0.4))
    world.programs.kill("deployd")
    return NOBODY


def kill_job(world: World, rng: random.Random) -> Hurt:
    """The next one that runs, a moment after it began; whichever there is."""
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        pid = world.programs.pid("deployd")
        try:
            jobs = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
            if jobs:
                time.sleep(rng.uniform(0, 0.2))
                os.kill(int(jobs[0]), signal.SIGKILL)
                return NOBODY
        except OSError:
            pass  # somebody was faster
        time.sleep(0.01)
    return NOBODY


def hang(world: World, rng: random.Random) -> Hurt:
    """One stands still for a while; the gate would be missed."""
    name = rng.choice([name for name in DAEMONS if name != "gate"])
    pid = world.programs.pid(name)
    try:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(rng.uniform(0.3, 2))
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass
    return NOBODY


# The machine -----------------------------------------------------------------------------------


def kill_docker(world: World, rng: random.Random) -> Hurt:
    world.island.kill_docker()
    time.sleep(rng.uniform(0.5, 3))
    world.island.start_docker()
    return IN_CONTAINERS


def go_down(world: World, rng: random.Random, is_power_lost: bool) -> Hurt:
    time.sleep(rng.uniform(0, 1.5))  # what is deployed meanwhile may be live by then
    world.programs.hold()
    world.island.kill_everybody()
    if is_power_lost:
        world.island.cut_power()
    world.island.clean_up_boot()
    for part in ("ipc", "http", "sites"):
        shutil.rmtree(world.run_dir / part, ignore_errors=True)
    world.island.start_docker()
    names = list(world.programs.known)
    rng.shuffle(names)
    for name in names:
        world.programs.start(name)
    world.programs.hold(False)
    return EVERYBODY


def reboot(world: World, rng: random.Random) -> Hurt:
    return go_down(world, rng, False)


def cut_power(world: World, rng: random.Random) -> Hurt:
    return go_down(world, rng, True)


def step_clock(seconds: int) -> Act:
    def act(world: World, _: random.Random) -> Hurt:
        world.step_clock(seconds)
        return NOBODY
    return act


# Things that run out ---------------------------------------------------------------------------


def lock_database(world: World, seconds: float) -> Hurt:
    db = sqlite3.connect(world.suite.run_dir / "state/db/dialup.db", timeout=10, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        db.execute("ROLLBACK")
    finally:
        db.close()
    return NOBODY


def lock_shortly(world: World, rng: random.Random) -> Hurt:
    return lock_database(world, rng.uniform(0.1, 1.5))


def lock_long(world: World, _: random.Random) -> Hurt:
    return lock_database(world, 10)


def fill_disk(world: World, rng: random.Random) -> Hurt:
    """To the last block, for a moment."""
    path = world.suite.run_dir / f"state/ballast-{rng.getrandbits(32)}"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC)
    try:
        size = 32 << 20
        at = 0
        while size >= 4096:
            try:
                os.posix_fallocate(fd, at, size)
                at += size
            except OSError:
                size //= 2
        time.sleep(rng.uniform(0.5, 2.5))
    finally:
        os.close(fd)
        path.unlink()
    return NOBODY


def exhaust_descriptors(names: tuple[str, ...], hurt: Hurt) -> Act:
    before: dict[int, tuple[int, int]] = {}  # of two at once, the second must not take the first's limit for it

    def act(world: World, rng: random.Random) -> Hurt:
        name = rng.choice(names)
        pid = world.programs.pid(name)
        try:
            used = len(os.listdir(f"/proc/{pid}/fd"))
            whole = before.setdefault(pid, resource.prlimit(pid, resource.RLIMIT_NOFILE))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + rng.randint(0, 2), whole[1]))
            time.sleep(rng.uniform(0.3, 1.5))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, whole)
        except (OSError, ValueError):
            pass  # somebody else has killed it
        return hurt
    return act


# Behind our back -------------------------------------------------------------------------------


def touch_container(how: str) -> Act:
    """POST /containers/ID/how, or its removal."""
    def act(world: World, rng: random.Random) -> Hurt:
        name = rng.choice(("app", "wide", "next", "lazy"))
        for container in world.of_site(name)[:1]:
            try:
                path = f"/containers/{container['Id']}"
                docker(*(("DELETE", f"{path}?force=1") if how == "remove" else ("POST", f"{path}/{how}")))
            except ValueError:
                pass  # it was just being replaced
        return {name}
    return act


def start_sleeper(world: World, _: random.Random) -> Hurt:
    """A container that should be stopped is started by hand."""
    for container in world.of_site("lazy"):
        if container["State"] == "exited":
            try:
                docker("POST", f"/containers/{container['Id']}/start")
            except ValueError:
                pass
    return NOBODY


def remove_networks(world: World, _: random.Random) -> Hurt:
    """All containers are cut off from them first."""
    label = f"label=dialup.instance={world.instance}"
    names = subprocess.run(["docker", "network", "ls", "-q", "--filter", label], capture_output=True,
                           text=True, check=False, timeout=20).stdout.split()
    for name in names:
        for container in world.containers():
            subprocess.run(["docker", "network", "disconnect", "--force", name, container["Id"]],
                           capture_output=True, check=False, timeout=20)
        subprocess.run(["docker", "network", "rm", name], capture_output=True, check=False, timeout=20)
    return IN_CONTAINERS


def prune(world: World, _: random.Random) -> Hurt:
    """What a tidy admin types."""
    for what in ("container", "network"):
        subprocess.run(["docker", what, "prune", "--force"], capture_output=True, check=False, timeout=60)
    return NOBODY


FAULTS = (
    Fault("kill admind", kill("admind", NOBODY), 20),
    Fault("kill editord", kill("editord", NOBODY), 14),
    Fault("kill monitord", kill("monitord", NOBODY), 16),
    Fault("kill deployd", kill("deployd", NOBODY), 30),
    Fault("kill deployd twice", kill_twice, 8),
    Fault("kill gate", kill("gate", IN_CONTAINERS), 14),
    Fault("kill a job", kill_job, 16),
    Fault("kill Caddy", kill("caddy", EVERYBODY), 6),
    Fault("a daemon hangs", hang, 10),
    Fault("database locked", lock_shortly, 12),
    Fault("database locked for 10 s", lock_long, 1, is_light=False),
    Fault("disk full", fill_disk, 6),
    Fault("no descriptors: daemon", exhaust_descriptors(("admind", "editord", "monitord", "deployd"), NOBODY), 12),
    Fault("no descriptors: gate", exhaust_descriptors(("gate",), IN_CONTAINERS), 6),
    Fault("clock an hour ahead", step_clock(3600), 5),
    Fault("clock an hour back", step_clock(-3600), 5),
    Fault("container removed", touch_container("remove"), 5),
    Fault("container stopped", touch_container("stop?t=1"), 5),
    Fault("container restarted", touch_container("restart?t=1"), 4),
    Fault("container killed", touch_container("kill"), 5),
    Fault("container paused", touch_container("pause"), 4),
    Fault("container started", start_sleeper, 4),
    Fault("containers and networks pruned", prune, 3),
    Fault("networks removed", remove_networks, 2, is_light=False),
    Fault("Docker killed and restarted", kill_docker, 2, is_light=False),
    Fault("machine rebooted", reboot, 1, is_light=False),
    Fault("power cut", cut_power, 2, is_light=False),
)
