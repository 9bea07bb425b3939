"""Visitors: somebody at each site that is awake, all the time, and what they missed."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass

PAUSE_S = 0.03
PATIENCE_S = 30


@dataclass(frozen=True)
class Miss:
    """A visit that went wrong."""

    at: float
    why: str


def visit(port: int, host: str) -> str:
    """What a site says; OSError or ValueError if it says nothing, or that it cannot."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise OSError(repr(error)) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    return text


class Visitor:
    """Of one site."""

    def __init__(self, name: str, port: int, host: str) -> None:
        self.name, self.port, self.host = name, port, host
        self.lock = threading.Lock()
        self.visits = 0
        self.answered_at = time.monotonic()
        self.longest = 0.0
        self.misses: list[Miss] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.come_again, daemon=True)
        self.thread.start()

    def come_again(self) -> None:
        """Until the end."""
        while not self.is_over.wait(PAUSE_S):
            begun = time.monotonic()
            try:
                visit(self.port, self.host)
                self.note(begun, None)
            except (OSError, ValueError) as error:
                self.note(begun, str(error) or repr(error))

    def note(self, begun: float, problem: str | None) -> None:
        with self.lock:
            now = time.monotonic()
            self.visits += 1
            if problem is None:
                self.longest = max(self.longest, now - self.answered_at)
                self.answered_at = now
            else:
                self.misses.append(Miss(begun, problem))

    def begin_round(self) -> None:
        """Forgets what was before."""
        with self.lock:
            self.longest = 0.0
            self.misses = []
            self.answered_at = time.monotonic()

    def outage_s(self) -> float:
        """The longest time without an answer since then."""
        with self.lock:
            return max(self.longest, time.monotonic() - self.answered_at)

    def is_served(self, since: float) -> bool:
        with self.lock:
            return self.answered_at > since

    def close(self) -> None:
        self.is_over.set()
        self.thread.join()
