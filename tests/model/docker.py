#!/usr/bin/env python3
"""The model's operations on the real deployd and the real Docker: a thousand of them, in a random order.

Sites are started, stopped, visited, changed, limited, deployed anew; deployd is killed in between.
Now and then, and at the end, everything may come to rest: then what the ledger holds, what the rows
say and what Docker runs must be the same.

usage: docker.py [--operations N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness.suite import Suite  # noqa: E402

SITES = 4
MIB = 1 << 20
RESTS = 8
MEMORIES = (32, 64, 96, 128)


class World:
    """The suite, its sites, and what became of the operations."""

    def __init__(self, suite: Suite, rng: random.Random) -> None:
        self.suite, self.rng = suite, rng
        self.names = [f"model{i}" for i in range(SITES)]
        self.tally: Counter[str] = Counter()

    def ask(self, method: str, path: str, body: Any = None, who: str = "friend") -> None:
        """One request; refused for its limits is an answer, anything else that fails is not."""
        try:
            answer = self.suite.api(method, path, body, who)
        except OSError:
            self.tally["cut off"] += 1
            return
        name = answer.json()["error"]["name"] if answer.status >= 400 else "done"
        self.tally[name] += 1
        assert name in ("done", "quota_exceeded", "conflict", "busy", "unavailable", "timeout"), answer.text

    def site(self) -> str:
        """One of them."""
        return self.rng.choice(self.names)

    def limit(self) -> None:
        """What the friend may use changes."""
        user = 2
        limits = [{"dimension": "memory_production", "hard": self.rng.choice((64, 128, 192, 256, 512))},
                  {"dimension": "concurrent_containers", "hard": self.rng.choice((1, 2, 3, 8))}]
        self.ask("PUT", f"/api/quotas/user/{user}", {"limits": limits}, "admin")

    def visit(self) -> None:
        """It may sleep."""
        self.suite.fetch(self.site())

    def step(self) -> None:
        """One operation."""
        kind = self.rng.choices(("start", "stop", "restart", "change", "deploy", "visit", "limit", "kill"),
                                (20, 16, 8, 16, 3, 16, 8, 0.5))[0]
        self.tally["operations"] += 1
        if kind in ("start", "stop", "restart"):
            self.ask("POST", f"/api/sites/{self.site()}/{kind}")
        elif kind == "change":
            strategy = self.rng.choice(("lazy", "persistent"))
            self.ask("PATCH", f"/api/sites/{self.site()}",
                     {"memory_mib": self.rng.choice(MEMORIES), "strategy": strategy})
        elif kind == "deploy":
            self.ask("POST", f"/api/sites/{self.site()}/rollback", {"number": 1})
        elif kind == "visit":
            self.visit()
        elif kind == "limit":
            self.limit()
        else:
            self.tally["killed"] += 1
            self.suite.kill_deployd()

    # At rest ---------------------------------------------------------------------------------------

    def rows(self) -> tuple[list[dict[str, Any]], dict[int, dict[str, int]]]:
        """Sites, and what the ledger holds for each to run."""
        with sqlite3.connect(f"file:{self.suite.run_dir}/state/db/dialup.db?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            sites = [dict(row) for row in db.execute("SELECT * FROM sites WHERE deleted_at IS NULL")]
            held: dict[int, dict[str, int]] = {site["id"]: {} for site in sites}
            for row in db.execute("SELECT site_id, dimension, amount FROM reservations WHERE purpose = 'run'"):
                held[row["site_id"]][row["dimension"]] = row["amount"]
            wrong = db.execute("SELECT count(*) FROM reservation_sums s WHERE amount <> (SELECT ifnull(sum(amount), 0) "
                               "FROM reservations r WHERE r.dimension = s.dimension)").fetchone()[0]
            assert wrong == 0, "reservation_sums are not the sums"
        return sites, held

    def engine(self) -> dict[int, list[int]]:
        """Memory limits of what runs, by site."""
        ids = self.suite.containers()
        found: dict[int, list[int]] = {}
        if ids:
            done = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, timeout=60, check=False)
            for row in json.loads(done.stdout or "[]"):
                if row["State"]["Running"]:
                    found.setdefault(int(row["Config"]["Labels"]["dialup.site"]), []).append(row["HostConfig"]["Memory"] // MIB)
        return found

    def drift(self) -> str:
        """What is not the same; "" if all is."""
        sites, held = self.rows()
        engine = self.engine()
        for site in sites:
            is_up = site["desired"] == "running" and site["sleep"] != "asleep" and not site["hold"]
            wanted = site["memory_mib"] if is_up else 0
            has = held[site["id"]].get("memory_production", 0)
            runs = engine.get(site["id"], [])
            if site["desired_deployment"] != site["live_deployment"] or has != wanted:
                return f"{site['domain']}: holds {has} MiB, its row says {wanted}"
            if len(runs) != is_up or sum(runs) > has:
                return f"{site['domain']}: runs with {runs} MiB, holds {has}"
        strangers = set(engine) - {site["id"] for site in sites}
        return f"containers of {strangers}" if strangers else ""

    def rest(self) -> None:
        """Until all say the same."""
        end = time.monotonic() + 90
        while wrong := self.drift():
            assert time.monotonic() < end, f"{wrong}\n{self.suite.logs()}"
            time.sleep(0.2)
        self.tally["rests"] += 1


def run(seed: int, operations: int) -> Counter[str]:
    """All of them."""
    suite = Suite("model", "deployd.sleep_after_s=2 deployd.frozen_s=2 deployd.idle_check_s=1 deployd.drain_s=1 "
                           "deployd.sleep_stretch=1")
    try:
        suite.start("--no-examples")
        world = World(suite, random.Random(seed))
        suite.api("PUT", "/api/quotas/user/2", {"limits": [{"dimension": "sites", "hard": 9},
                                                           {"dimension": "containers", "hard": 9}]}, "admin")
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "index.html").write_text("<h1>a page</h1>", encoding="utf-8")
            for name in world.names:
                suite.cli("site", "--domain", name, "--type", "static-container", place)
        for number in range(1, operations + 1):
            world.step()
            if number % (operations // RESTS) == 0:
                world.rest()
        return world.tally
    finally:
        suite.dev("stop")
        suite.home.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    started = time.monotonic()
    print(f"# seed {given.seed}", flush=True)
    tally = run(given.seed, given.operations)
    print(f"# {time.monotonic() - started:.0f} s: {dict(tally)}")
    print("ok 1 - ledger, rows and Docker agree")


main()
