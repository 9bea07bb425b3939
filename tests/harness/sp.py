"""Speaks the daemons' wire format without nng: the SP protocols over unix sockets.

    with sp.Responder(path, {"containers": lambda params: {"containers": []}}): ...
    sp.Publisher(path).emit("site.state", {"site_id": 1})
    result = sp.call(path, "health")

A connection begins with 8 bytes from each side; a message is 0x01, its size in 8 bytes, and the body.
A request's body begins with 4-byte ids, the last of which has its top bit set; the answer repeats them.
Python's standard library alone.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

REQ, REP, PUB, SUB = 0x30, 0x31, 0x20, 0x21
PATIENCE_S = 20
MAX_BYTES = 8 * 1024 * 1024


class RpcError(Exception):
    """What a daemon answered instead of a result, or what a handler wants to answer."""

    def __init__(self, name: str, message: str, code: int = -32603, **data: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.message, self.code, self.data = name, message, code, data


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """All of size bytes, or ConnectionError."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the peer has closed")
        data += part
    return data


def shake_hands(connection: socket.socket, own: int, peer: int) -> None:
    """Says who we are and checks who the other is."""
    connection.sendall(b"\0SP\0" + struct.pack(">HH", own, 0))
    hello = read_exactly(connection, 8)
    if hello != b"\0SP\0" + struct.pack(">HH", peer, 0):
        raise ConnectionError(f"not an SP peer of kind {peer:#x}: {hello!r}")


def send_message(connection: socket.socket, body: bytes) -> None:
    """One framed message."""
    connection.sendall(b"\1" + struct.pack(">Q", len(body)) + body)


def read_message(connection: socket.socket) -> bytes:
    """One framed message."""
    kind, size = struct.unpack(">BQ", read_exactly(connection, 9))
    if kind != 1 or size > MAX_BYTES:
        raise ConnectionError(f"a broken frame: {kind} {size}")
    return read_exactly(connection, size)


def split_ids(body: bytes) -> tuple[bytes, bytes]:
    """The ids before a request, and the request."""
    end = 0
    while True:
        end += 4
        if end > len(body):
            raise ConnectionError("a request without its id")
        if body[end - 4] & 0x80:
            return body[:end], body[end:]


def connect(path: str, patience_s: float = PATIENCE_S) -> socket.socket:
    """Waits until somebody listens at path."""
    until = time.monotonic() + patience_s
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(patience_s)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def call(path: str, method: str, params: dict[str, Any] | None = None,
         patience_s: float = PATIENCE_S) -> Any:
    """Asks a daemon and gives its result; RpcError if that is what it answers."""
    request: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        request["params"] = params
    with connect(path, patience_s) as connection:
        shake_hands(connection, REQ, REP)
        send_message(connection, b"\x80\0\0\1" + json.dumps(request).encode())
        _, body = split_ids(read_message(connection))
    answer = json.loads(body)
    if "error" in answer:
        error = answer["error"]
        data = error.get("data") or {}
        raise RpcError(data.pop("name", ""), error["message"], error["code"], **data)
    return answer["result"]


class Listener:
    """A unix socket whose connections each get a thread."""

    own = peer = 0

    def __init__(self, path: str) -> None:
        self.path = path
        self.connections: list[socket.socket] = []
        self.lock = threading.Lock()
        if os.path.exists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Until close."""
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.greet, args=(connection,), daemon=True).start()

    def greet(self, connection: socket.socket) -> None:
        """One connection, from its first byte to its last."""
        try:
            shake_hands(connection, self.own, self.peer)
            with self.lock:
                self.connections.append(connection)
            self.serve(connection)
        except OSError:
            pass
        finally:
            with self.lock:
                if connection in self.connections:
                    self.connections.remove(connection)
            connection.close()

    def serve(self, connection: socket.socket) -> None:
        """What a kind of listener does with a peer."""
        raise NotImplementedError

    def close(self) -> None:
        """Cuts everybody and removes the socket."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        if os.path.exists(self.path):
            os.unlink(self.path)

    def __enter__(self):  # noqa: ANN204 (Self needs Python 3.11's typing)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Responder(Listener):
    """A daemon's request socket: methods by name, each a function from params to result."""

    own, peer = REP, REQ

    def __init__(self, path: str, methods: dict[str, Callable[[dict[str, Any]], Any]]) -> None:
        self.methods = {"rpc.ping": lambda params: {}, **methods}
        self.calls: list[tuple[str, dict[str, Any]]] = []  # what was asked, in order
        super().__init__(path)

    def serve(self, connection: socket.socket) -> None:
        while True:
            ids, body = split_ids(read_message(connection))
            send_message(connection, ids + json.dumps(self.answer(json.loads(body))).encode())

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The JSON-RPC answer."""
        method, params = request["method"], request.get("params") or {}
        self.calls.append((method, params))
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
        try:
            if method not in self.methods:
                raise RpcError("unknown_method", f'there is no method "{method}"', -32601)
            answer["result"] = self.methods[method](params)
        except RpcError as error:
            answer["error"] = {"code": error.code, "message": error.message,
                               "data": {"name": error.name, **error.data}}
        return answer


class Publisher(Listener):
    """A daemon's events."""

    own, peer = PUB, SUB

    def __init__(self, path: str) -> None:
        self.seq = int(time.time() * 1000)
        super().__init__(path)

    def serve(self, connection: socket.socket) -> None:
        while True:
            read_message(connection)  # subscribers say nothing; this waits for their end

    def wait_for_subscriber(self) -> None:
        """Until somebody listens."""
        until = time.monotonic() + PATIENCE_S
        while not self.connections:
            if time.monotonic() > until:
                raise TimeoutError("nobody subscribed")
            time.sleep(0.01)

    def emit(self, name: str, data: dict[str, Any]) -> None:
        """To everybody who listens now."""
        self.seq += 1
        event = {"seq": self.seq, "event": name, "at_unix_ms": int(time.time() * 1000), "data": data}
        with self.lock:
            for connection in self.connections:
                send_message(connection, json.dumps(event).encode())
