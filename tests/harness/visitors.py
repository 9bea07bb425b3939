"""Steady load on sites through Caddy, of every kind that a switch could harm.

Each visitor is a thread that does one thing again and again and notes what went wrong. A site of
SERVER answers all of them.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from harness.suite import Suite

BIG_BYTES = 20_000_000
SLOW_MS = 2500
# TEXT is replaced by the version, ENDING by what it does when it is asked to end.
SERVER = """
const http = require('http'), crypto = require('crypto');
const big = Buffer.alloc(1e6, 'TEXT');
const server = http.createServer((q, r) => {
  const at = new URL(q.url, 'http://site');
  const ms = Number(at.searchParams.get('ms'));
  if (at.pathname === '/exit') return process.exit(3);
  if (at.pathname === '/slow') return setTimeout(() => r.end('TEXT'), ms);
  if (at.pathname === '/drip') {
    const end = Date.now() + ms;
    const drop = () => Date.now() < end ? (r.write('.'), setTimeout(drop, 100)) : r.end('TEXT');
    return drop();
  }
  if (at.pathname === '/big') {
    let left = 20;
    r.writeHead(200, { 'Content-Length': 20e6 });
    const more = () => { while (left > 0) { left--; if (!r.write(big)) return r.once('drain', more); } r.end(); };
    return more();
  }
  if (q.method !== 'POST') return r.end('TEXT');
  const sum = crypto.createHash('sha256');
  q.on('data', (part) => sum.update(part));
  q.on('end', () => r.end(sum.digest('hex')));
});
server.on('upgrade', (q, s) => {
  s.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n');
  s.on('error', () => {});
  s.pipe(s);
});
ENDING
server.listen(process.env.PORT, '0.0.0.0');
"""
IGNORES = "process.on('SIGTERM', () => {});"
EXITS_AT_ONCE = "process.on('SIGTERM', () => process.exit(0));"


def write_site(place: Path, text: str, server: str = SERVER, ending: str = "") -> str:
    """A folder with a Node site that needs nothing from anybody."""
    place.mkdir(exist_ok=True)
    package = {"name": place.name, "version": "1.0.0", "private": True, "scripts": {"start": "node server.js"}}
    (place / "package.json").write_text(json.dumps(package), encoding="utf-8")
    (place / "server.js").write_text(server.replace("TEXT", text).replace("ENDING", ending), encoding="utf-8")
    return str(place)


def open_websocket(suite: Suite, host: str) -> socket.socket:
    """Asks for a WebSocket and waits until the site has agreed."""
    connection = socket.create_connection(("127.0.0.1", suite.access["caddy_port"]), timeout=30)
    connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(4096)
        if not part:
            raise ConnectionError(f"no answer to an upgrade: {head[:200]!r}")
        head += part
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(f"not upgraded: {head[:200]!r}")
    return connection


class Visitors:
    """All that visit one site at a time; used as a context."""

    def __init__(self, suite: Suite, name: str, kinds: str = "get keep-alive post post-keep-alive slow drip big",
                 pause_s: float = 0.02, slow_ms: int = SLOW_MS) -> None:
        self.suite, self.pause_s, self.slow_ms = suite, pause_s, slow_ms
        self.host = f"{name}.{suite.access['sites_suffix']}"
        self.done: Counter[str] = Counter()
        self.bad: list[str] = []
        self.slowest: dict[str, float] = {}
        self.ended = threading.Event()
        self.kinds = kinds.split()
        self.threads = [threading.Thread(target=self.repeat, args=(kind, KINDS[kind])) for kind in self.kinds]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.suite.access["caddy_port"], timeout=60)

    def ask(self, connection: http.client.HTTPConnection, path: str, body: bytes | None = None) -> bytes:
        """One request on that connection; what is not 200 is an error."""
        connection.request("GET" if body is None else "POST", path, body, {"Host": self.host})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise ConnectionError(f"{answer.status} {text[:60]!r}")
        return text

    def ask_once(self, path: str, body: bytes | None = None) -> bytes:
        connection = self.connect()
        try:
            return self.ask(connection, path, body)
        finally:
            connection.close()

    def repeat(self, kind: str, visit: Callable[[Visitors, dict[str, http.client.HTTPConnection]], None]) -> None:
        own: dict[str, http.client.HTTPConnection] = {}
        while not self.ended.wait(self.pause_s):
            begun = time.monotonic()
            try:
                visit(self, own)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.bad.append(f"{kind} at {time.strftime('%H:%M:%S')} after {time.monotonic() - begun:.2f} s: "
                                f"{type(error).__name__} {error}")
                own.clear()
            self.done[kind] += 1
            self.slowest[kind] = max(self.slowest.get(kind, 0), time.monotonic() - begun)

    def __enter__(self) -> Visitors:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def total(self) -> int:
        return sum(self.done.values())

    def check(self) -> None:
        """Every visit went well, and each kind had some."""
        slowest = " ".join(f"{kind} {self.done[kind]} ({seconds:.1f} s)" for kind, seconds in self.slowest.items())
        print(f"# visits and the slowest of each kind: {slowest}; failed {len(self.bad)}", flush=True)
        assert not self.bad, "\n".join(self.bad[:10])
        assert all(self.done[kind] for kind in self.kinds), f"a kind of visitor never came to an end: {self.done}"


def visit_post(visitors: Visitors, connection: http.client.HTTPConnection) -> None:
    body = str(time.monotonic()).encode() * 10_000
    assert visitors.ask(connection, "/", body) == hashlib.sha256(body).hexdigest().encode()


def visit_big(visitors: Visitors, _: object) -> None:
    """Takes some seconds: reads slowly, so that the site has to wait."""
    connection = visitors.connect()
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    try:
        connection.request("GET", "/big", headers={"Host": visitors.host})
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        size = 0
        while part := answer.read(500_000):
            size += len(part)
            time.sleep(visitors.slow_ms / 1000 / 40)
        assert size == BIG_BYTES, f"{size} bytes came"
    finally:
        connection.close()


def keep(visitors: Visitors, own: dict[str, http.client.HTTPConnection]) -> http.client.HTTPConnection:
    return own.setdefault("", visitors.connect())


def visit_upload(visitors: Visitors, _: object) -> None:
    """A body that comes bit by bit, for longer than a switch takes."""
    sum_of_all = hashlib.sha256()
    connection = visitors.connect()
    try:
        connection.putrequest("POST", "/", skip_host=True)
        connection.putheader("Host", visitors.host)
        connection.putheader("Content-Length", str(20 * 50_000))
        connection.endheaders()
        for i in range(20):
            part = bytes([i]) * 50_000
            sum_of_all.update(part)
            connection.send(part)
            time.sleep(0.1)
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        assert answer.read() == sum_of_all.hexdigest().encode()
    finally:
        connection.close()


def visit_new_post(visitors: Visitors, _: object) -> None:
    connection = visitors.connect()
    try:
        visit_post(visitors, connection)
    finally:
        connection.close()


def visit_drip(visitors: Visitors, _: object) -> None:
    assert visitors.ask_once(f"/drip?ms={visitors.slow_ms}").startswith(b"..."), "it did not drip"


KINDS: dict[str, Callable[[Visitors, dict[str, http.client.HTTPConnection]], None]] = {
    "get": lambda visitors, own: visitors.ask_once("/") and None,
    "keep-alive": lambda visitors, own: visitors.ask(keep(visitors, own), "/") and None,
    "post": visit_new_post,
    "post-keep-alive": lambda visitors, own: visit_post(visitors, keep(visitors, own)),
    "upload": visit_upload,
    "slow": lambda visitors, own: visitors.ask_once(f"/slow?ms={visitors.slow_ms}") and None,
    "drip": visit_drip,
    "big": visit_big,
}


class Socket:
    """An open WebSocket that says something now and then and must hear it again."""

    def __init__(self, suite: Suite, name: str) -> None:
        self.connection = open_websocket(suite, f"{name}.{suite.access['sites_suffix']}")
        self.connection.settimeout(20)
        self.closed_at = 0.0
        self.how = ""
        self.echoes = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.talk)

    def talk(self) -> None:
        while not self.ended.wait(0.1):
            try:
                self.connection.sendall(b"still here")
                heard = self.connection.recv(100)
            except OSError as error:
                heard, self.how = b"", str(error)
            if not heard:
                self.closed_at = time.monotonic()
                return
            self.echoes += 1

    def __enter__(self) -> Socket:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        self.connection.close()
