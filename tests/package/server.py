"""A machine with the package in it, as its admin and its visitors see it.

    with Server("install", {"/opt/shelf": "..."}) as server:
        server.install("/opt/shelf/dialup.deb", "/opt/shelf/client.deb")
        server.log_in()
        server.deploy("hello", "hello-static")
        server.fetch("hello")

The folder of packages and sites is mounted at /opt/shelf.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import Machine

DOMAIN, MAIL = "dialup.localhost", "ann@example.org"
DAEMONS = ("admind", "editord", "monitord", "deployd", "gate")
PRESEED = f"""dialup dialup/domain string {DOMAIN}
dialup dialup/email string {MAIL}
"""


def save_images(shelf: Path) -> bool:
    """Puts the image that Node sites need on the shelf, if this machine has it."""
    return subprocess.run(["docker", "save", "node:22-alpine", "-o", shelf / "images.tar"],
                          capture_output=True, check=False).returncode == 0


class Server(Machine):
    """One such machine."""

    key = ""  # the admin's, once they have logged in

    def shell(self, script: str, ok: bool = True, stdin: str = "") -> str:
        """What a script says inside."""
        return self.run("bash", "-euc", script, ok=ok, stdin=stdin).stdout

    def install(self, *packages: str) -> str:
        """What dpkg says."""
        self.shell("debconf-set-selections", stdin=PRESEED)
        return self.shell(f"dpkg -i {' '.join(packages)} 2>&1")

    def property_of(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.shell(f"systemctl show --value -p {name} dialup-{unit}.service").strip()

    def main_pids(self) -> dict[str, str]:
        """The processes of all services."""
        return {name: self.property_of(name, "MainPID") for name in (*DAEMONS, "caddy")}

    def health(self) -> None:
        """All well, or the list of what is not."""
        done = self.run("dialupctl", "health", "--wait", "30", ok=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.last_words()

    def query(self, sql: str) -> str:
        """What the suite's database says."""
        return self.shell(f'sqlite3 /var/lib/dialup/db/dialup.db "{sql}"').strip()

    def log_in(self) -> None:
        """The admin gets a key, and trusts the certificates of this machine."""
        answer = self.shell("dialupctl call admind api_key_create -",
                            stdin=json.dumps({"email": MAIL, "name": "test"}))
        self.key = json.loads(answer)["key"]
        self.shell(f"""curl -sk --retry 3 -o /dev/null https://admin.{DOMAIN}/
            cp /var/lib/dialup/caddy/pki/authorities/local/root.crt /usr/local/share/ca-certificates/ours.crt
            update-ca-certificates""")

    def deploy(self, domain: str, folder: str) -> str:
        """Puts a folder of the shelf online with the command line."""
        return self.shell(f"deploy --server https://admin.{DOMAIN} --api-key {self.key} site --domain {domain} "
                          f"/opt/shelf/{folder} 2>&1")

    def fetch(self, host: str, path: str = "/") -> tuple[int, str]:
        """Over https, as a visitor of that name; the machine's certificates are nobody's business."""
        done = self.run("curl", "--silent", "--insecure", "--max-time", "10", "--write-out",
                        "\n%{http_code}", f"https://{host}.{DOMAIN}{path}", ok=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    def visitor(self, host: str) -> "Visitor":
        """Somebody who comes again and again."""
        return Visitor(self, host)


class Visitor:
    """Asks again and again while something else happens; counts what is not 200."""

    SCRIPT = """
import http.client, os, ssl, sys, time
host, stop = sys.argv[1], sys.argv[2]
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
good, bad, slowest, words = 0, 0, 0.0, set()
class Here(http.client.HTTPSConnection):
    def connect(self):
        import socket
        self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", 443), 10), server_hostname=host)
while not os.path.exists(stop):
    began = time.monotonic()
    try:
        connection = Here(host, timeout=15)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        good += answer.status == 200
        bad += answer.status != 200
        if answer.status != 200: words.add(answer.status)
    except Exception as err:
        bad += 1; words.add(type(err).__name__)
    slowest = max(slowest, time.monotonic() - began)
    time.sleep(0.005)
print(good, bad, round(slowest * 1000), sorted(words))
"""

    def __init__(self, server: Server, host: str) -> None:
        self.stop_file = tempfile.mktemp(prefix="dialup-visitor-")
        self.process = subprocess.Popen(
            ["nsenter", "-t", str(server.first_pid), "-n", sys.executable, "-c", self.SCRIPT,
             f"{host}.{DOMAIN}", self.stop_file], stdout=subprocess.PIPE, text=True)

    def stop(self) -> tuple[int, int, str]:
        """Good answers, bad ones, and all it said."""
        Path(self.stop_file).touch()
        said = self.process.communicate(timeout=30)[0].strip()
        os.unlink(self.stop_file)
        good, bad = (int(word) for word in said.split()[:2])
        return good, bad, said
