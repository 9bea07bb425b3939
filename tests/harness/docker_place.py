"""A place whose deployd works with the real Docker Engine; what it makes there goes at the end.

    with DockerPlace() as place:
        place.start("gate")
        place.start_deployd()
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from typing import Any

from place import BUILD, Place, wait_until

SERVE = ".listen(process.env.PORT,'0.0.0.0')"


def docker(*words: str) -> list[str]:
    """The words that docker prints."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=60).stdout.split()


def node_site(server: str) -> dict[str, str]:
    """The files of a small Node site."""
    return {"package.json": '{"name":"x","version":"1.0.0","scripts":{"start":"node server.js"}}',
            "server.js": server}


class DockerPlace(Place):
    """Settings for Docker, uploads, and what one waits for."""

    def __init__(self, **settings: object) -> None:
        self.instance = f"t{os.getpid() % 1000000}"
        self.uploads = self.keys = 0
        super().__init__(**{
            "common.instance": self.instance, "deployd.jobs_dir": BUILD + "/dialup-deployd/jobs",
            "deployd.firewall": "none", "admind.web_dir": "/nonexistent", "monitord.interval_s": 3600, **settings})

    def start_deployd(self) -> None:
        """Until it has seen Docker."""
        self.start("deployd")
        wait_until(lambda: self.health("deployd")["docker"]["status"] == "ok", "Docker")

    def key(self) -> str:
        """An idempotency key that was not used before."""
        self.keys += 1
        return f"key-{self.keys:08}"

    def upload(self, files: dict[str, str]) -> str:
        """An archive as admind leaves it for deployd; its id."""
        self.uploads += 1
        name = f"upload-{self.uploads:04}"
        with tarfile.open(f"{self.state}/uploads/{name}.part", "w:gz") as tar:
            for path, text in files.items():
                info = tarfile.TarInfo(path)
                info.size, info.mtime = len(text), 1700000000
                tar.addfile(info, io.BytesIO(text.encode()))
        return name

    def row(self, table: str, row_id: int) -> dict[str, Any]:
        """A row by its column names."""
        names = [column[1] for column in self.sql(f"PRAGMA table_xinfo({table})")]
        return dict(zip(names, self.sql(f"SELECT * FROM {table} WHERE id = ?", [row_id])[0], strict=True))

    def wait_for_end(self, deployment_id: int) -> dict[str, Any]:
        """The row of a deployment that is live, or has failed."""
        return wait_until(lambda: (row := self.row("deployments", deployment_id))["state"] in (
            "live", "failed", "canceled") and row, "the deployment's end", 90)

    def ours(self) -> list[str]:
        """Ids of all containers with our label."""
        return docker("ps", "-aq", "--no-trunc", "--filter", f"label=dialup.instance={self.instance}")

    def networks(self) -> list[str]:
        """Names of the networks with our label."""
        return docker("network", "ls", "--format", "{{.Name}}", "--filter", f"label=dialup.instance={self.instance}")

    def close(self) -> None:
        try:
            super().close()
        finally:
            if left := self.ours():
                docker("rm", "-f", *left)
            if left := self.networks():
                docker("network", "rm", *left)
