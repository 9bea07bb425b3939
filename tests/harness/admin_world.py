"""A server for the tests of dialup-admind: the daemon, a stand-in for deployd, and people.

    with World() as world:
        answer = world.send("GET", "/api/me", "ann")
"""

import contextlib
import http.client
import json
import os
import socket

import sp
from place import ROOT, Place, equal
from schema import Api

API = Api(ROOT + "/proto/http.openapi.json")
ORIGIN = "https://admin.dialup.localhost"
PASSWORD = "correct horse battery"
MIB = 1024 * 1024
WELL = {"status": "ok", "checks": [{"name": "process", "status": "ok", "reason": "The process answers", "remedy": ""}]}


class Connection(http.client.HTTPConnection):
    """HTTP over the unix socket."""

    def __init__(self, path):
        super().__init__("admin.dialup.localhost", timeout=40)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(40)
        self.sock.connect(self.path)


class Answer:
    """Status, headers, and the body: JSON where it is."""

    def __init__(self, reply):
        self.status, self.headers, self.raw = reply.status, reply.headers, reply.read()
        is_json = (reply.headers.get("Content-Type") or "").startswith("application/json")
        self.body = json.loads(self.raw) if is_json and self.raw else self.raw.decode("utf-8", "replace")

    def error(self):
        return [self.status, self.body["error"]["name"]]


class Deployd:
    """A stand-in that keeps its tables as the real one does."""

    def __init__(self, place):
        self.place = place
        self.parts = {"docker": "ok", "storage": "ok", "memory": "ok", "database": "ok"}
        names = ("site_create", "site_update", "site_set_desired", "site_restart", "site_delete", "site_logs", "site_limits",
                 "deployment_create", "deployment_rollback", "quota_validate", "limits_apply",
                 "quota_enforce", "health")
        self.responder = sp.Responder(place.socket("deployd"), {name: getattr(self, name) for name in names})
        self.publisher = sp.Publisher(place.run + "/ipc/deployd.events")

    def close(self):
        self.responder.close()
        self.publisher.close()

    def site(self, site_id):
        names = ["id", "owner_kind", "owner_id", "domain", "type", "strategy", "memory_mib", "cpu_millicores",
                 "desired", "state", "state_reason", "sleep", "sleep_at", "idle_minutes", "instances", "storage_bytes",
                 "created_at", "updated_at"]
        row = self.place.sql(f"SELECT {', '.join(names)} FROM sites WHERE id = ?", [site_id])[0]
        return dict(zip(names, row))

    def site_create(self, params):
        if params["domain"] == "full":
            raise sp.RpcError("quota_exceeded", "Cannot create: you have 3 of 3 sites", -32020,
                              field="domain", hint="Remove an old site", checks=[self.check(allowed=False)])
        domain = params["domain"] + ("" if "." in params["domain"] else ".dialup.localhost")
        return self.site(self.place.add_site(domain, owner_kind=params["owner_kind"],
                                             owner_id=params["owner_id"]))

    def site_update(self, params):
        for name in ("strategy", "idle_minutes", "memory_mib", "cpu_millicores"):
            if name in params:
                self.place.sql(f"UPDATE sites SET {name} = ? WHERE id = ?", [params[name], params["site_id"]])
        return self.site(params["site_id"])

    def site_set_desired(self, params):
        self.place.sql("UPDATE sites SET desired = ? WHERE id = ?", [params["desired"], params["site_id"]])
        return self.site(params["site_id"])

    def site_restart(self, params):
        return self.site(params["site_id"])

    site_delete = site_restart

    def site_logs(self, params):
        return {"text": f"the last {params['tail']} lines\n"}

    def site_limits(self, params):
        return {"site_id": params["site_id"], "container_id": "c0ffee", "memory_declared_bytes": 64 * MIB,
                "memory_in_force_bytes": 64 * MIB, "cpu_declared_millicores": 100, "cpu_in_force_millicores": 100,
                "pids_declared": 100, "pids_in_force": 100, "agrees": True, "memory_used_bytes": 0,
                "memory_over_bytes": 0}

    def deployment(self, site_id, created_by, **columns):
        deployment_id = add_deployment(self.place, site_id, created_by=created_by, **columns)
        names = ["id", "site_id", "number", "kind", "state", "step", "commit_ref", "message", "created_by",
                 "files", "size_bytes", "received_bytes", "error_name", "error_message", "error_hint",
                 "created_at", "duration_ms"]
        row = self.place.sql(f"SELECT {', '.join(names)} FROM deployments WHERE id = ?", [deployment_id])[0]
        return {**dict(zip(names, row)), "error_checks": []}

    def deployment_create(self, params):
        return self.deployment(params["site_id"], params["created_by"], source=params["upload_id"],
                               message=params.get("message", ""))

    def deployment_rollback(self, params):
        return self.deployment(params["site_id"], params["created_by"], kind="rollback")

    @staticmethod
    def check(**members):
        return {"level": "user", "level_name": "ann", "dimension": "memory", "unit": "MiB", "used": 0,
                "requested": 64, "limit": 512, "projected": 64, "allowed": True, "soft_reached": False, **members}

    def quota_validate(self, params):
        return {"allowed": True, "message": "This fits", "hint": "", "checks": [self.check()], "lent": False,
                "warnings": ""}

    def limits_apply(self, params):
        return {"sites": [self.site_limits({"site_id": 1})], "over": []}

    def quota_enforce(self, params):
        return {"steps": [{"step": "put_to_sleep", "owner_kind": "user", "owner_id": 2, "site": "shop.dialup.localhost",
                           "reason": "more memory than the limit allows", "done": not params.get("dry_run", False)}]}

    def health(self, params):
        checks = [{"name": name, "status": status, "reason": f"{name} is {status}.",
                   "remedy": "" if status == "ok" else f"Mend {name}."} for name, status in self.parts.items()]
        return {"status": max(self.parts.values(), key=("ok", "degraded", "failing").index), "checks": checks}


def add_deployment(place, site_id, **columns):
    number = place.sql("SELECT coalesce(max(number), 0) + 1 FROM deployments WHERE site_id = ?", [site_id])[0][0]
    row = {"site_id": site_id, "number": number, "kind": "upload", "state": "queued", "source": "x",
           "created_by": "user:1", "created_at": 1, **columns}
    place.sql(f"INSERT INTO deployments ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", row.values())
    return place.sql("SELECT max(id) FROM deployments")[0][0]


class World:
    """A server with an admin, Ann who has a site, and Bob who has none."""

    def __init__(self, with_deployd=True, **settings):
        self.place = Place(**{"admind.logins_per_minute": 1000, "admind.web_dir": "/nonexistent",
                              "admind.upload_max_mib": 5, "admind.uploads_per_user": 100, **settings})
        self.deployd = Deployd(self.place) if with_deployd else None
        self.admind = self.place.start("admind")
        self.ids, self.keys = {}, {}
        for name, role in (("admin", "admin"), ("ann", "user"), ("bob", "user")):
            made = self.rpc("user_create", email=f"{name}@example.org", name=name, password=PASSWORD, role=role)
            self.ids[name] = made["id"]
            self.keys[name] = self.rpc("api_key_create", email=f"{name}@example.org", name="test")["key"]
        self.domain = "shop.dialup.localhost"
        self.site_id = self.place.add_site(self.domain, owner_id=self.ids["ann"])
        self.deployment_id = self.add_deployment(state="live")
        self.write(f"sites/{self.site_id}/manifests/{self.deployment_id}", b"644 aa 3 index.html\n")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.place.__exit__(kind, value, trace)
        if self.deployd:
            self.deployd.close()

    def rpc(self, method, **params):
        return sp.call(self.place.socket("admind"), method, params)

    @contextlib.contextmanager
    def others(self):
        """Stand-ins, all well, for the daemons that are only asked for their health."""
        with contextlib.ExitStack() as stack:
            for name in ("gate", "monitord", "editord"):
                stack.enter_context(sp.Responder(self.place.socket(name), {"health": lambda params: WELL}))
            yield

    def add_deployment(self, **columns):
        return add_deployment(self.place, self.site_id, **columns)

    def notice(self, name):
        """A notice for somebody; its id."""
        self.place.sql("INSERT INTO notices (user_id, kind, entity_kind, entity_id, text, at) "
                       "VALUES (?, 'limits', 'user', ?, 'Something changed', 1)", [self.ids[name]] * 2)
        return self.place.sql("SELECT max(id) FROM notices")[0][0]

    def write(self, name, data, mode="wb"):
        path = f"{self.place.state}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, mode) as file:
            file.write(data)

    def write_log(self, deployment_id, data, mode="wb"):
        self.write(f"sites/{self.site_id}/logs/{deployment_id}.log", data, mode)

    def send(self, method, path, who=None, body=None, address="192.0.2.1", **headers):
        """One request; body: bytes as they are, anything else as JSON."""
        sent = {"X-Forwarded-For": address}
        if who:
            sent["Authorization"] = "Bearer " + self.keys[who]
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection = Connection(self.place.run + "/http/admind.sock")
        try:
            connection.request(method, path, body=body, headers=sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def log_in(self, name="ann", password=PASSWORD, **headers):
        return self.send("POST", "/api/login", body={"email": f"{name}@example.org", "password": password},
                         **headers)

    def session(self, name="ann"):
        """The headers of a browser that is logged in."""
        answer = self.log_in(name)
        equal(answer.status, 200)
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        return {"Cookie": cookie, "Origin": ORIGIN, "X_CSRF": answer.body["csrf"]}

    def upload(self, who="ann", data=b"archive"):
        """A new upload that has data; its id."""
        upload_id = self.send("POST", f"/api/sites/{self.domain}/uploads", who).body["id"]
        if data:
            answer = self.part(upload_id, 0, data, who)
            equal(answer.status, 200)
        return upload_id

    def part(self, upload_id, offset, data, who="ann"):
        return self.send("PUT", f"/api/uploads/{upload_id}?offset={offset}", who, data,
                         Content_Type="application/octet-stream")
