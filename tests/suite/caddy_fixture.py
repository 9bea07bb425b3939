"""What the tests of Caddy's routing need: a Caddy of their own, small backends, a raw HTTP client.

Everything lives in one temporary folder and one process group; `Caddy.close` ends only what was
started here. Python's standard library alone.
"""
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 10


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names)


class Answer:
    """One HTTP response: status, headers as a list of (lower-case name, value), body."""

    def __init__(self, stream):
        line = stream.readline().decode("latin-1").split(" ", 2)
        self.status = int(line[1])
        self.headers = []
        while (field := stream.readline().rstrip(b"\r\n")):
            name, value = field.decode("latin-1").split(":", 1)
            self.headers.append((name.lower(), value.strip()))
        self.stream = stream
        self.body = b""

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)

    def read_chunk(self):
        size = int(self.stream.readline(), 16)
        data = self.stream.read(size)
        self.stream.readline()
        return data

    def read_body(self):
        if self.header("transfer-encoding") == "chunked":
            while (data := self.read_chunk()):
                self.body += data
        else:
            length = self.header("content-length")
            self.body = self.stream.read(int(length)) if length else self.stream.read()
        return self


class Backend:
    """A site on a unix socket. One connection, one request; what it saw is kept for the test."""

    def __init__(self, path):
        self.path = path
        self.connections = 0
        self.received_bytes = 0
        self.progress = threading.Condition()
        self.may_finish = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self, leave_socket=False):
        # shutdown wakes the accept; close alone would not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if not leave_socket:
            os.unlink(self.path)

    def wait_received(self, count):
        with self.progress:
            return self.progress.wait_for(lambda: self.received_bytes >= count, PATIENCE_S)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rwb") as stream:
            method, target, _ = stream.readline().decode("latin-1").split()
            fields = []
            while (line := stream.readline().rstrip(b"\r\n")):
                fields.append(line.decode("latin-1").split(": ", 1))
            handle = {"/upload": self._upload, "/stream": self._stream, "/clear": self._clear,
                      "/ws": self._websocket}.get(target, self._echo)
            handle(stream, {"method": method, "target": target, "fields": fields})

    @staticmethod
    def _reply(stream, body, extra=""):
        stream.write(f"HTTP/1.1 200 OK\r\nServer: backend\r\nX-Own: kept\r\n{extra}"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        stream.flush()

    def _echo(self, stream, request):
        self._reply(stream, json.dumps(request).encode())

    def _clear(self, stream, _request):
        self._reply(stream, b"", 'Clear-Site-Data: "cache", "cookies"\r\nClear-Site-Data: "*"\r\n')

    def _upload(self, stream, request):
        length = int(dict((k.lower(), v) for k, v in request["fields"])["content-length"])
        digest = hashlib.sha256()
        while length:
            data = stream.read1(min(length, 65536))
            if not data:
                return
            digest.update(data)
            length -= len(data)
            with self.progress:
                self.received_bytes += len(data)
                self.progress.notify_all()
        self._reply(stream, digest.hexdigest().encode())

    def _stream(self, stream, _request):
        stream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        stream.flush()
        self.may_finish.wait(PATIENCE_S)
        stream.write(b"4\r\nlast\r\n0\r\n\r\n")
        stream.flush()

    def _websocket(self, stream, request):
        fields = dict((k.lower(), v) for k, v in request["fields"])
        if fields.get("upgrade") != "websocket" or "pgrade" not in fields.get("connection", ""):
            self._reply(stream, b"no upgrade")
            return
        stream.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     b"Connection: Upgrade\r\n\r\n")
        stream.flush()
        while (data := stream.read1(4096)):
            stream.write(data.upper())
            stream.flush()


class Caddy:
    """A Caddy with the project's own configuration on free ports."""

    def __init__(self, config="Caddyfile", **settings):
        self.folder = tempfile.mkdtemp(prefix="dialup-caddy-")
        self.run = os.path.join(self.folder, "run")
        self.state = os.path.join(self.folder, "state")
        for name in ("run/http", "run/sites", "state/live", "state/caddy", "home", "releases"):
            os.makedirs(os.path.join(self.folder, name))
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind(("127.0.0.1", 0))
        self.port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "HOME": os.path.join(self.folder, "home"),
            "XDG_DATA_HOME": os.path.join(self.state, "caddy"),
            "XDG_CONFIG_HOME": os.path.join(self.state, "caddy"),
            "DIALUP_PORT": str(self.port), "DIALUP_DOMAIN": "dud.localhost",
            "DIALUP_RUN_DIR": self.run, "DIALUP_STATE_DIR": self.state,
            "DIALUP_PAGES_DIR": os.path.join(ROOT, "caddy/pages"),
            "DIALUP_ACCESS_LOG_PORT": str(self.log.getsockname()[1]),
        }
        environment.update({key: str(value) for key, value in settings.items()})
        self.output = open(os.path.join(self.folder, "caddy.log"), "w+b")
        self.process = subprocess.Popen(
            ["caddy", "run", "--config", os.path.join(ROOT, "caddy", config),
             "--adapter", "caddyfile"],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT, start_new_session=True)

    def wait_until_open(self, port=None):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port or self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.close()
        raise RuntimeError("Caddy did not start:\n" + self.printed)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.seek(0)
        self.printed = self.output.read().decode(errors="replace")
        self.output.close()
        self.log.close()
        shutil.rmtree(self.folder)

    def release(self, name, files):
        """Writes a release folder; `files` maps path to content."""
        folder = os.path.join(self.folder, "releases", name)
        for path, content in files.items():
            at = os.path.join(folder, path)
            os.makedirs(os.path.dirname(at), exist_ok=True)
            with open(at, "w", encoding="utf-8") as out:
                out.write(content)
        return folder

    def point(self, host, folder):
        """Switches a static site as a deploy does: a new symlink, renamed over the old one."""
        fresh = os.path.join(self.state, "live", f".{host}.new")
        os.symlink(folder, fresh)
        os.rename(fresh, os.path.join(self.state, "live", host))

    def backend(self, host):
        return Backend(os.path.join(self.run, "sites", host + ".sock"))

    def connect(self, server_name=None, tls_port=None):
        connection = socket.create_connection(("127.0.0.1", tls_port or self.port), PATIENCE_S)
        if tls_port:
            trusting = ssl.create_default_context()
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE
            connection = trusting.wrap_socket(connection, server_hostname=server_name)
        return connection

    def send(self, raw, has_body=True, **how):
        """Sends bytes as they are, returns the answer with its body."""
        with self.connect(**how) as connection, connection.makefile("rwb") as stream:
            stream.write(raw)
            stream.flush()
            answer = Answer(stream)
            return answer.read_body() if has_body else answer

    def get(self, host, target="/", method="GET", headers=(), **how):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
        if method == "HEAD":
            how["has_body"] = False
        return self.send(("\r\n".join(lines) + "\r\n\r\n").encode(), **how)
