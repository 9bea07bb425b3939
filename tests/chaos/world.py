"""The world that is broken and must mend: a suite with sites of every kind, what should be true of
them, and what was promised meanwhile.

`differences` compares what the rows say with what Docker, the gate, the ledger and the sites
themselves say; empty means that what should be, is.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness"))
import sp  # noqa: E402
from harness.island import Island  # noqa: E402
from harness.programs import Programs  # noqa: E402
from harness.suite import Suite  # noqa: E402
from steady import Visitor, visit  # noqa: E402

SETTINGS = ("deployd.sleep_stretch=1 "
            "deployd.sleep_after_s=3 deployd.frozen_s=4 deployd.idle_check_s=1 deployd.start_timeout_s=20 "
            "deployd.drain_s=3 deployd.drain_websockets_s=1 deployd.converge_s=3 deployd.keep_releases=3 "
            "monitord.interval_s=2 gate.patience_s=20 "
            "deployd.scale_requests_per_minute=100000")
DAEMONS = ("admind", "editord", "monitord", "deployd", "gate")
SERVER = ("require('http').createServer((q,r)=>r.end('VERSION'))"
          ".listen(process.env.PORT,'0.0.0.0');process.on('SIGTERM',()=>process.exit(0));")
# Name, type, strategy; the last one is stopped once it is there.
SITES = (("page", "static", "lazy"), ("app", "node", "persistent"), ("wide", "node", "scalable"),
         ("next", "node", "persistent"), ("lazy", "node", "lazy"), ("closed", "node", "persistent"))
VISITED = ("page", "app", "wide", "next")


class DockerConnection(http.client.HTTPConnection):
    """The Engine's API, without the cost of a program."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect("/var/run/docker.sock")


def docker(method: str, path: str, seconds: float = 20) -> Any:
    """OSError if Docker does not answer, ValueError if it refuses."""
    connection = DockerConnection("docker", timeout=seconds)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    except http.client.HTTPException as error:
        raise OSError(repr(error)) from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise ValueError(body.decode())
    return json.loads(body) if body else None


class World:
    """Suite, sites, visitors, promises."""

    def __init__(self, island: Island) -> None:
        self.island = island
        self.suite = Suite("chaos", SETTINGS)
        self.suite.environment["DIALUP_RUN"] = str(self.suite.run_dir)
        self.clock = Path(self.suite.home.name) / "clock"
        self.versions = dict.fromkeys((name for name, _, _ in SITES), 0)
        self.promised: dict[str, int] = {}  # the last version of a site of which we were told that it is live
        self.limit, self.promised_limit = 1000, 0
        self.extra: dict[str, str] = {}  # sites made and deleted on the way: "there", "gone", "unknown"
        self.visitors: list[Visitor] = []
        self.programs: Programs

    # Beginning and end ---------------------------------------------------------------------------

    def begin(self) -> None:
        self.island.mount_disk(self.suite.run_dir / "state")
        self.island.start_docker()
        self.island.wait_for_docker()
        self.island.load_images()
        self.suite.start("--no-examples")
        self.programs = Programs(self.suite.run_dir)
        self.domain = self.suite.access["sites_suffix"]
        config = (self.suite.run_dir / "etc/dialup.conf").read_text(encoding="utf-8")
        self.run_dir = Path(next(line.split("= ")[1] for line in config.splitlines() if line.startswith("run_dir")))
        self.instance = self.suite.instance()
        self.fit_clock()
        self.programs.keep()
        friend = self.suite.api("GET", "/api/me").json()["user"]["id"]
        self.friend = friend
        limits = [{"dimension": name, "hard": value} for name, value in (
            ("sites", 30), ("containers", 20), ("memory_production", 4096), ("cpu_production", 16000))]
        answer = self.suite.api("PUT", f"/api/quotas/user/{friend}", {"limits": limits}, who="admin")
        assert answer.status == 200, answer.text
        for name, kind, strategy in SITES:
            self.make(name, kind, strategy)
            assert self.deploy(name), f"the first {name}"
        self.suite.cli("sites", "stop", self.host("closed"))
        port = self.suite.access["caddy_port"]
        self.visitors = [Visitor(name, port, self.host(name)) for name in VISITED]

    def fit_clock(self) -> None:
        """The daemons get a clock that can be stepped."""
        library = Path(os.environ.get("DIALUP_BUILD", "build")).resolve() / "tests/chaos/libstepped_clock.so"
        assert library.exists(), library
        self.clock.write_bytes(struct.pack("=q", 0))
        for name in DAEMONS:
            self.programs.known[name].environment.update(
                LD_PRELOAD=str(library), DIALUP_CLOCK_STEP=str(self.clock))
        for name in DAEMONS:
            self.programs.kill(name, 15)
            self.suite.until(f"the end of {name}", lambda n=name: not self.programs.known[n].is_alive(), 15)
            self.programs.start(name)
        self.suite.until("all are well", lambda: not self.unwell(), 30)

    def step_clock(self, seconds: int) -> None:
        with self.clock.open("r+b") as file:
            now = struct.unpack("=q", file.read(8))[0]
            file.seek(0)
            file.write(struct.pack("=q", now + seconds))

    def end(self) -> None:
        for visitor in self.visitors:
            visitor.close()
        if hasattr(self, "programs"):
            self.programs.close()
        self.suite.dev("stop")
        self.island.unmount_disk()
        self.suite.home.cleanup()

    # Making and sending --------------------------------------------------------------------------

    def host(self, name: str) -> str:
        return f"{name}.{self.domain}"

    def make(self, name: str, kind: str, strategy: str) -> None:
        body = {"domain": self.host(name), "type": kind, "strategy": strategy}
        answer = self.suite.api("POST", "/api/sites", body)
        assert answer.status == 201, answer.text

    def folder(self, name: str, text: str) -> str:
        """A site's folder, in its next version."""
        place = Path(self.suite.home.name) / "sites" / name
        place.mkdir(parents=True, exist_ok=True)
        kind = next(kind for other, kind, _ in SITES if other == name)
        if kind == "static":
            (place / "index.html").write_text(text, encoding="utf-8")
            return str(place)
        package = {"name": name, "version": "1.0.0", "private": True, "scripts": {"start": "node server.js"}}
        (place / "package.json").write_text(json.dumps(package), encoding="utf-8")
        (place / "server.js").write_text(SERVER.replace("VERSION", text), encoding="utf-8")
        return str(place)

    def deploy(self, name: str) -> bool:
        """Sends the next version; whether we were told that it is live."""
        self.versions[name] += 1
        version = self.versions[name]
        folder = self.folder(name, f"{name} v{version}")
        done = self.suite.cli("site", "--domain", self.host(name), "--message", f"v{version}", folder,
                              ok=False, timeout=90)
        if done.returncode == 0:
            self.promised[name] = version
        self.last_words = done.stdout[-600:] + done.stderr[-600:]
        return done.returncode == 0

    def change_limit(self) -> None:
        """A change that is kept once it was acknowledged."""
        self.limit += 1
        wanted = self.limit
        body = {"limits": [{"dimension": "bandwidth", "hard": wanted}]}
        try:
            if self.suite.api("PUT", f"/api/quotas/user/{self.friend}", body, who="admin").status == 200:
                self.promised_limit = wanted
        except (OSError, http.client.HTTPException):
            pass

    def make_and_delete(self, name: str) -> None:
        """A small site comes, or goes if it is there."""
        is_there = self.extra.get(name) == "there"
        self.extra[name] = "unknown"
        try:
            if is_there:
                answer = self.suite.api("DELETE", f"/api/sites/{self.host(name)}")
            else:
                answer = self.suite.api("POST", "/api/sites", {"domain": self.host(name), "type": "static"})
            if answer.status in (200, 201):
                self.extra[name] = "gone" if is_there else "there"
        except (OSError, http.client.HTTPException):
            pass

    # Looking -------------------------------------------------------------------------------------

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        path = self.suite.run_dir / "state/db/dialup.db"
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values).fetchall()]
        finally:
            db.close()

    def call(self, daemon: str, method: str) -> Any:
        return sp.call(str(self.run_dir / f"ipc/{daemon}.sock"), method, patience_s=3)

    def unwell(self) -> list[str]:
        """What the daemons say of themselves."""
        found = []
        for daemon in DAEMONS:
            try:
                checks = self.call(daemon, "health")["checks"]
                found += [f"{daemon}: {c['name']}: {c['reason']}" for c in checks if c["status"] != "ok"]
            except (OSError, sp.RpcError) as error:
                found.append(f"{daemon} does not answer: {error}")
        return found

    def containers(self) -> list[dict[str, Any]]:
        """All with our label."""
        filters = urllib.parse.quote(json.dumps({"label": [f"dialup.instance={self.instance}"]}))
        return docker("GET", f"/containers/json?all=1&filters={filters}")

    def of_site(self, name: str) -> list[dict[str, Any]]:
        site = self.rows("SELECT id FROM sites WHERE domain = ?", self.host(name))[0]["id"]
        return [c for c in self.containers() if c["Labels"].get("dialup.site") == str(site)]

    def differences(self, since: float) -> list[str]:
        """Between what should be and what is; visitors must have been served since then."""
        found = self.unwell()
        if found:
            return found
        found = [f"deployment {row['id']} is {row['state']}" for row in self.rows(
            "SELECT id, state FROM deployments WHERE state NOT IN ('live', 'superseded', 'failed')")]
        sites = self.rows("SELECT * FROM sites WHERE deleted_at IS NULL")
        containers = self.containers()
        routes = {r["host"]: r for r in self.call("gate", "routes")["routes"]}
        for site in sites:
            own = [c for c in containers if c["Labels"].get("dialup.site") == str(site["id"])]
            found += [f"{site['domain']}: {text}" for text in self.site_differences(site, own, routes)]
        known = {str(site["id"]) for site in sites}
        found += [f"container {c['Id'][:12]} belongs to nobody" for c in containers
                  if c["Labels"].get("dialup.site") not in known or c["Labels"]["dialup.kind"] != "production"]
        found += self.ledger_differences()
        found += [f"{v.name}: no visitor was served yet" for v in self.visitors if not v.is_served(since)]
        return found

    def site_differences(self, site: dict[str, Any], containers: list[dict[str, Any]],
                         routes: dict[str, Any]) -> list[str]:
        route = routes.get(site["domain"], {"state": "none", "addresses": []})
        held = {row["dimension"]: row["amount"] for row in self.rows(
            "SELECT dimension, amount FROM reservations WHERE purpose = 'run' AND site_id = ?", site["id"])}
        running = [c for c in containers if c["State"] in ("running", "paused", "restarting")]
        if site["desired_deployment"] != site["live_deployment"]:
            return [f"deployment {site['desired_deployment']} should be live, not {site['live_deployment']}"]
        if site["desired"] == "deleted":
            return ["it is not deleted yet"]
        if not site["live_deployment"] or site["memory_mib"] == 0 or site["desired"] == "stopped":
            return self.should_hold_nothing(site, containers, held)
        if site["sleep"] == "asleep":
            found = self.should_hold_nothing(site, running, held)
            return found + ([] if route["state"] == "hold" else [f"asleep, and its route is {route['state']}"])
        wanted = site["memory_mib"] * site["instances"]
        found = [] if held.get("memory_production") == wanted else [f"holds {held}, not {wanted} MiB"]
        if len(running) != site["instances"] or len(containers) != site["instances"]:
            found.append(f"{len(running)} of {len(containers)} containers run, not {site['instances']}")
        if any(c["Labels"]["dialup.deployment"] != str(site["live_deployment"]) for c in containers):
            found.append("a container of another release")
        frozen = [self.is_frozen(c) for c in running]
        if any(is_frozen != (site["sleep"] == "frozen") for is_frozen in frozen):
            found.append(f"{site['sleep']}, and frozen: {frozen}")
        if site["sleep"] == "awake":
            found += self.route_differences(site, running, route)
        return found

    @staticmethod
    def should_hold_nothing(site: dict[str, Any], containers: list[dict[str, Any]],
                            held: dict[str, int]) -> list[str]:
        what = f"{site['desired']}, {site['sleep']}"
        return ([f"{what}, and {len(containers)} containers"] if containers else []) + (
            [f"{what}, and holds {held}"] if held else [])

    def route_differences(self, site: dict[str, Any], running: list[dict[str, Any]],
                          route: dict[str, Any]) -> list[str]:
        addresses = sorted(
            net["IPAddress"] for c in running for net in c["NetworkSettings"]["Networks"].values())
        led = sorted(address.split(":")[0] for address in route["addresses"])
        noted = sorted(address.split(":")[0] for address in site["route_address"].split(","))
        if not addresses == led == noted:
            return [f"lives at {addresses}, visitors are led to {led} ({route['state']}), noted is {noted}"]
        return []

    @staticmethod
    def is_frozen(container: dict[str, Any]) -> bool:
        """What the kernel says of its group, in either version."""
        pid = docker("GET", f"/containers/{container['Id']}/json")["State"]["Pid"]
        for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
            _, controller, path = line.split(":", 2)
            if controller == "freezer":
                return Path(f"/sys/fs/cgroup/freezer{path}/freezer.state").read_text().strip() == "FROZEN"
            if controller == "" and Path("/sys/fs/cgroup/cgroup.controllers").exists():
                return Path(f"/sys/fs/cgroup{path}/cgroup.freeze").read_text().strip() == "1"
        raise ValueError("no group that can be frozen")

    def ledger_differences(self) -> list[str]:
        """No reservation without its reason, and sums that are sums."""
        odd = self.rows(
            "SELECT r.site_id, r.purpose, r.state FROM reservations r JOIN sites s ON s.id = r.site_id "
            "WHERE r.state = 'reserved' OR r.purpose = 'deploy' OR s.deleted_at IS NOT NULL")
        sums = self.rows(
            "SELECT s.dimension, s.amount, (SELECT ifnull(sum(amount), 0) FROM reservations r "
            "WHERE r.dimension = s.dimension) AS added FROM reservation_sums s")
        return [f"the ledger holds {row}" for row in odd] + [
            f"the sum of {row['dimension']} is {row['amount']}, not {row['added']}" for row in sums
            if row["amount"] != row["added"]]

    # Promises ------------------------------------------------------------------------------------

    def visit_after(self, name: str, is_hurt: bool) -> str:
        """What a site says. A container that was restarted behind our back runs before its app listens."""
        end = time.monotonic() + (10 if is_hurt else 0)
        while True:
            try:
                return visit(self.suite.access["caddy_port"], self.host(name))
            except (OSError, ValueError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def broken_promises(self, hurt: set[str]) -> list[str]:
        """What was acknowledged and is lost, or is not served. Only in a world without differences."""
        found = []
        for name, promised in self.promised.items():
            live = self.rows("SELECT d.message FROM sites s JOIN deployments d ON d.id = s.live_deployment "
                             "WHERE s.domain = ? AND s.deleted_at IS NULL", self.host(name))
            version = int(live[0]["message"].lstrip("v")) if live else 0
            if version < promised:
                found.append(f"{name}: v{promised} was said to be live, and v{version} is")
            if name == "closed":
                continue
            try:
                text = self.visit_after(name, name in hurt)
                if text != f"{name} v{version}":
                    found.append(f"{name}: v{version} is live, and it says {text[:60]!r}")
            except (OSError, ValueError) as error:
                found.append(f"{name}: it does not answer: {error}")
        found += [f"deployment {row['id']} was accepted, and its upload is damaged" for row in self.rows(
            "SELECT id FROM deployments WHERE state = 'failed' AND error_message LIKE 'The archive %'")]
        limit = self.rows("SELECT hard FROM limits WHERE entity_kind = 'user' AND entity_id = ? "
                          "AND dimension = 'bandwidth'", self.friend)
        if self.promised_limit and (not limit or limit[0]["hard"] < self.promised_limit):
            found.append(f"the limit {self.promised_limit} was acknowledged, and it is {limit}")
        for name, state in self.extra.items():
            is_there = bool(self.rows("SELECT 1 FROM sites WHERE domain = ? AND deleted_at IS NULL "
                                      "AND desired <> 'deleted'", self.host(name)))
            if state != "unknown" and is_there != (state == "there"):
                found.append(f"{name} was acknowledged to be {state}, and is not")
            self.extra[name] = "there" if is_there else "gone"
        return found


class InBackground(threading.Thread):
    """Something done while the world breaks. Its failure is not the test's."""

    def __init__(self, *jobs: Any) -> None:
        super().__init__(daemon=True)
        self.jobs = jobs

    def run(self) -> None:
        for job in self.jobs:
            try:
                job()
            except (OSError, AssertionError, ValueError, subprocess.SubprocessError):
                pass
