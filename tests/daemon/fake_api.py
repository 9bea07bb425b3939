"""A stand-in for the panel's HTTP API, as far as the command line uses it.

Keeps everything in memory and answers in the shapes of proto/http.openapi.json. A deployment is
what the archive says: files are checked against the manifest, and what is missing must be in the
release that the manifest names. Runs by hand, too: python3 fake_api.py [PORT].
"""

import hashlib
import io
import json
import re
import sys
import tarfile
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSWORD = "correct horse"
ADMIN_KEY = "dud_admin"
SUFFIX = "example.org"


class Refusal(Exception):
    def __init__(self, status, name, message, **more):
        super().__init__(message)
        self.status = status
        self.document = {"error": {"name": name, "message": message, "request_id": "r1", **more}}


def digest(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()


class Api:
    """The state, and what tests may turn."""

    def __init__(self):
        self.lock = threading.RLock()
        self.keys = {ADMIN_KEY: {"id": 1, "name": "first", "prefix": "dud_adm", "created_at": 1}}
        self.sites = {}
        self.releases = {}  # deployment id -> {path: (mode, data)}
        self.deployments = []
        self.uploads = {}
        self.requests = []  # (method, path)
        self.max_sites = 3
        self.part_bytes = 65536
        self.max_bytes = 1 << 30
        self.break_parts = 0  # so many parts are cut in the middle
        self.build_fails = False
        self.refuses_deployments = False
        self.held_parts = None  # an Event: parts wait for it
        self.never_finishes = False
        self.absences = []  # statuses that come before the next piece of a log
        self.archives = []  # names of the members of each archive
        self.limits = {}
        self.log_text = "listening on 3000\n"
        self.deactivated = []
        self.teams = {}  # id -> team
        self.notices = [{"id": 1, "kind": "limits", "text": "Your limits changed: sites is 3 now.", "at": 1700000000,
                         "is_read": False, "entity": "user", "entity_id": 7}]

    # -- helpers

    def site(self, domain):
        if domain not in self.sites:
            raise Refusal(404, "not_found", f"There is no site {domain}", field="domain")
        return self.sites[domain]

    def user(self):
        return {
            "id": 7, "email": "ann@example.org", "name": "Ann", "role": "admin",
            "profile": "standard", "can_create_sites": True, "can_use_editor": True,
            "is_active": True, "created_at": 1700000000,
        }

    def me(self):
        return {"user": self.user(), "sites_suffix": SUFFIX, "server_version": "0.1.0"}

    def dimensions(self):
        def row(name, label, unit, used, limit):
            percent = 100 * used // limit if limit > 0 else 0
            return {"dimension": name, "label": label, "unit": unit, "used": used, "limit": limit,
                    "percent": percent, "state": "ok"}

        return [
            row("sites", "Sites", "count", 2, 3),
            row("dev_containers", "Dev Containers", "count", 1, 2),
            row("memory", "Memory", "MiB", 384, 512),
            row("storage", "Storage", "MiB", 756, -1),
            row("storage_production", "Production", "MiB", 256, 1024),
            row("storage_development", "Development", "MiB", 500, 1024),
            row("cpu_production", "Production", "millicores", 200, 500),
            row("cpu_development", "Development", "millicores", 100, 300),
            row("bandwidth", "Bandwidth", "Mbit/s", 1, 10),
        ]

    def team(self, number):
        if number not in self.teams:
            raise Refusal(404, "not_found", "There is no such team", field="id")
        return self.teams[number]

    def create_team(self, name):
        number = 1 + len(self.teams)
        self.teams[number] = {"id": number, "name": name, "created_at": 1700000000, "role": "lead", "sites": 0,
                              "members": [], "limits": self.limit_rows(0)}
        self.add_member(self.teams[number], 7, "ann@example.org", "lead")
        return self.teams[number]

    def add_member(self, team, number, email, role, brings=()):
        team["members"].append({
            "user_id": number, "name": email.split("@")[0].title(), "email": email, "role": role, "joined_at": 1,
            "leads_may_move": False, "is_active": True, "brings": [], "left": []})
        for share in brings:
            self.set_share(team["members"][-1], **share)

    def set_share(self, member, dimension, amount):
        rest = [share for share in member["brings"] if share["dimension"] != dimension]
        member["brings"] = rest + [{"dimension": dimension, "label": "", "unit": "", "amount": amount}]

    def limit_rows(self, hard):
        return [{"dimension": name, "label": label, "unit": unit, "hard": hard, "percent": 0, "soft_percent": 80,
                 "burst_percent": burst, "brought": 0, "effective": hard, "by": "hard"}
                for name, label, unit, burst in (("sites", "Sites", "count", 0),
                                                 ("cpu_production", "Production", "millicores", 50),
                                                 ("runtime_hours", "Hours a Day", "hours", 0))]

    def usage(self):
        return {"at": 1700000000, "dimensions": self.dimensions(), "measured": {
            "cpu_millicores": 20, "memory_bytes": 50 << 20, "containers": 1,
            "peak_cpu_millicores_24h": 100, "peak_memory_bytes_24h": 60 << 20,
            "cpu_core_hours": 1.5, "memory_gib_hours": 2.5, "runtime_hours": 3.0,
            "requests_24h": 1234, "bytes_out_24h": 5 << 20}, "storage": {
                "releases_bytes": 3 << 20, "images_bytes": 2 << 20, "container_bytes": 4096,
                "logs_bytes": 0, "uploads_bytes": 1 << 20}}

    def create_site(self, body):
        domain = body["domain"]
        if domain in self.sites:
            raise Refusal(409, "already_exists", f"{domain} is taken", field="domain")
        if len(self.sites) >= self.max_sites:
            raise Refusal(403, "quota_exceeded",
                          f"Cannot deploy: You've reached your site limit "
                          f"({self.max_sites}/{self.max_sites})",
                          hint="Contact admin to increase your limits or remove an old site",
                          checks=[{"level": "user", "level_name": "Ann", "dimension": "sites", "unit": "count",
                                   "used": self.max_sites, "requested": 1, "limit": self.max_sites,
                                   "projected": self.max_sites + 1, "allowed": False, "soft_reached": True}])
        site = {
            "id": len(self.sites) + 1, "owner_kind": "user", "owner_id": 7, "domain": domain,
            "type": body.get("type", "auto"), "strategy": body.get("strategy", "lazy"), "memory_mib": 0,
            "cpu_millicores": 0, "desired": "running", "state": "new", "state_reason": "",
            "sleep": "awake", "sleep_at": 0, "idle_minutes": body.get("idle_minutes", 0), "instances": 1,
            "storage_bytes": 0, "created_at": 1700000000, "updated_at": 1700000000,
            "address": f"https://{domain}/", "owner": "ann@example.org",
        }
        if body.get("team"):
            site.update(owner_kind="team", owner_id=body["team"], team=self.team(body["team"])["name"])
        self.sites[domain] = site
        return site

    def manifest(self, domain):
        site = self.site(domain)
        live = site.get("live_deployment")
        if not live:
            raise Refusal(404, "not_found", "There is no release yet")
        lines = [f"dialup-manifest 1 {live}"]
        for path, (mode, data) in sorted(self.releases[live].items()):
            lines.append(f"{digest(data)} {mode:04o} {len(data)} {urllib.parse.quote(path)}")
        return "\n".join(lines) + "\n"

    def unpack(self, data):
        """The files of the new release: those of the archive, the rest from its base."""
        sent = {}
        names = []
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                names.append(member.name)
                assert member.isfile(), member.name
                sent[member.name] = (member.mode, tar.extractfile(member).read())
        assert names[0] == ".dialup-manifest", names[:1]
        self.archives.append(names[1:])
        header, *lines = sent[names[0]][1].decode().splitlines()
        base = self.releases.get(int(header.rsplit(" ", 1)[1]), {})
        by_content = {(digest(data), mode): data for mode, data in base.values()}
        files = {}
        for line in lines:
            hexdigest, mode, size, path = line.split(" ")
            path = urllib.parse.unquote(path)
            mode = int(mode, 8)
            data = sent[path][1] if path in sent else by_content[(hexdigest, mode)]
            assert digest(data) == hexdigest and len(data) == int(size), path
            files[path] = (mode, data)
        return files

    def deploy(self, domain, body):
        site = self.site(domain)
        upload = self.uploads[body["upload_id"]]
        number = 1 + sum(d["site_id"] == site["id"] for d in self.deployments)
        deployment = {
            "id": 100 + len(self.deployments), "site_id": site["id"], "number": number,
            "kind": "upload", "state": "queued", "step": "", "commit_ref": body.get("commit_ref", ""),
            "message": body.get("message", ""), "created_by": "user:7", "files": 0,
            "size_bytes": 0, "received_bytes": len(upload), "error_name": "", "error_message": "",
            "error_hint": "", "error_checks": [], "created_at": 1700000000, "duration_ms": 230,
        }
        self.deployments.append(deployment)
        if self.build_fails:
            deployment.update(state="failed", error_name="build_failed",
                              error_message="npm run build ended with status 1",
                              error_hint="Run it on your machine, then deploy again")
        else:
            files = self.unpack(bytes(upload))
            self.releases[deployment["id"]] = files
            deployment.update(state="live", files=len(files),
                              size_bytes=sum(len(data) for _, data in files.values()))
            site.update(state="running", live_deployment=deployment["id"])
        return deployment

    def find_deployment(self, number):
        for deployment in self.deployments:
            if deployment["id"] == number:
                return deployment
        raise Refusal(404, "not_found", "There is no such deployment")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None

    def log_message(self, *_):
        pass

    def answer(self, status, document, content_type="application/json", headers=()):
        data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def who(self):
        authorization = self.headers.get("Authorization", "")
        cookie = self.headers.get("Cookie", "")
        if authorization and cookie:
            raise Refusal(400, "invalid_request", "Key and cookie at once")
        if cookie:
            host = f"http://{self.headers['Host']}"
            good = (cookie == "__Host-dud=session1" and self.headers.get("X-CSRF") == "csrf1"
                    and self.headers.get("Origin") == host)
        else:
            good = authorization.removeprefix("Bearer ") in self.api.keys
        if not good:
            raise Refusal(401, "unauthenticated", "Please log in first")

    def handle_request(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.api.requests.append((self.command, self.path))
        try:
            if (self.command, url.path) != ("POST", "/api/login"):
                self.who()
            for method, pattern, function in ROUTES:
                match = re.fullmatch(pattern, url.path)
                if method == self.command and match:
                    function(self, query, *match.groups())
                    return
            raise Refusal(404, "not_found", "There is no such page")
        except Refusal as refusal:
            self.answer(refusal.status, refusal.document)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return json.loads(data) if data else {}

    # -- routes

    def post_login(self, _):
        body = self.body()
        if body["password"] != PASSWORD:
            raise Refusal(401, "unauthenticated", "Email or password is wrong", field="password")
        self.answer(200, {**self.api.me(), "csrf": "csrf1"}, headers=[
            ("Set-Cookie", "__Host-dud=session1; Path=/; Secure; HttpOnly; SameSite=Strict")])

    def post_logout(self, _):
        self.answer(200, {})

    def get_me(self, _):
        self.answer(200, self.api.me())

    def get_keys(self, _):
        self.answer(200, {"keys": list(self.api.keys.values())})

    def post_keys(self, _):
        key = f"dud_made{len(self.api.keys)}"
        row = {"id": 10 + len(self.api.keys), "name": self.body()["name"], "prefix": key[:7],
               "created_at": 1700000000}
        self.api.keys[key] = row
        self.answer(201, {**row, "key": key})

    def delete_key(self, _, number):
        for key, row in list(self.api.keys.items()):
            if row["id"] == int(number):
                del self.api.keys[key]
                self.answer(200, {})
                return
        raise Refusal(404, "not_found", "There is no such key")

    def get_users(self, query):
        users = [self.api.user()]
        search = query.get("search", "").lower()
        self.answer(200, {"users": [u for u in users if search in u["email"]]})

    def post_users(self, _):
        body = self.body()
        self.answer(201, {**self.api.user(), "id": 8, "email": body["email"], "name": body["name"]})

    def patch_user(self, _, number):
        body = self.body()
        self.api.deactivated.append((int(number), body["is_active"]))
        self.answer(200, {**self.api.user(), **body})

    def quotas(self, number):
        limits = self.api.limit_rows(24)
        limits[0]["hard"] = self.api.limits.get("sites", {}).get("hard", 3)
        return {"entity": "user", "entity_id": int(number), "name": "ann@example.org", "user_id": int(number),
                "profile": "standard", "limits": limits}

    def get_quotas(self, _, number):
        self.answer(200, self.quotas(number))

    def put_quotas(self, _, number):
        for change in self.body()["limits"]:
            self.api.limits[change.pop("dimension")] = change
        self.answer(200, {**self.quotas(number), "warnings": ["Memory (Production) is over by 8MB now"], "applied": [
            {"site_id": 1, "container_id": "c", "memory_declared_bytes": 1 << 28,
             "memory_in_force_bytes": 1 << 28, "cpu_declared_millicores": 250,
             "cpu_in_force_millicores": 250, "pids_declared": 100, "pids_in_force": 100,
             "agrees": True, "memory_used_bytes": 0, "memory_over_bytes": 0}]})

    def post_validate(self, _):
        body = self.body()
        asked = body.get("memory_mib", 0)
        allowed = asked <= 128
        self.answer(200, {
            "allowed": allowed,
            "message": "" if allowed else "Cannot deploy: Not enough memory available "
                                          f"(need {asked}MB, have 128MB)",
            "hint": "" if allowed else "Try stopping unused sites or ask admin for more memory",
            "checks": [{"level": "user", "level_name": "Ann", "dimension": "memory", "unit": "MiB",
                        "used": 384, "requested": asked, "limit": 512, "projected": 384 + asked,
                        "allowed": allowed, "soft_reached": False}],
            "lent": False, "warnings": ""})

    def get_usage(self, _, __):
        self.answer(200, self.api.usage())

    def get_fit(self, query):
        self.api.requests[-1] += (query.get("team"),)
        self.answer(200, {"entity": "user", "entity_id": 7, "name": "ann@example.org", "dimensions": [
            {"dimension": "sites", "label": "Sites", "unit": "count", "largest": 1},
            {"dimension": "memory_production", "label": "Production", "unit": "MiB", "largest": 128},
            {"dimension": "cpu", "label": "CPU", "unit": "millicores", "largest": -1}]})

    def get_notices(self, query):
        unread = [notice for notice in self.api.notices if not notice["is_read"]]
        self.answer(200, {"notices": unread if query.get("unread") else self.api.notices, "unread": len(unread)})

    def read_notice(self, _, number):
        self.api.notices[int(number) - 1]["is_read"] = True
        self.answer(200, {})

    # -- teams

    def get_teams(self, _):
        rows = [{**team, "members": len(team["members"])} for team in self.api.teams.values()]
        self.answer(200, {"teams": rows})

    def post_teams(self, _):
        self.answer(201, self.api.create_team(self.body()["name"]))

    def get_team(self, _, number):
        self.answer(200, self.api.team(int(number)))

    def patch_team(self, _, number):
        team = self.api.team(int(number))
        team.update(self.body())
        self.answer(200, team)

    def delete_team(self, _, number):
        del self.api.teams[int(number)]
        self.answer(200, {})

    def get_team_usage(self, _, number):
        team = self.api.team(int(number))
        rows = [{"dimension": "sites", "label": "Sites", "unit": "count", "used": 1, "limit": 1, "percent": 100,
                 "state": "hard"},
                {"dimension": "cpu_production", "label": "Production", "unit": "millicores", "used": 600,
                 "limit": 500, "percent": 120, "state": "over"},
                {"dimension": "temp_storage", "label": "Temporary Storage", "unit": "MiB", "used": 0, "limit": 0,
                 "percent": 100, "state": "hard"}]
        self.answer(200, {**self.api.usage(), "entity": "team", "entity_id": team["id"], "dimensions": rows,
                          "warning": "The team uses 1 of 1 site. Bob could bring in 1 site"})

    def put_team_quotas(self, _, number):
        self.api.team(int(number))
        self.put_quotas(_, number)

    def post_members(self, _, number):
        team, body = self.api.team(int(number)), self.body()
        if body["user"] != "bob@example.org":
            raise Refusal(404, "not_found", f"There is no account for {body['user']}", field="user",
                          hint="Ask admin to make one")
        self.api.add_member(team, 8, body["user"], body.get("role", "member"), body.get("brings", ()))
        self.answer(201, team)

    def patch_member(self, _, number, user):
        team, body = self.api.team(int(number)), self.body()
        member = next(m for m in team["members"] if m["user_id"] == int(user))
        for share in body.pop("brings", ()):
            self.api.set_share(member, **share)
        member.update(body)
        self.answer(200, team)

    def delete_member(self, _, number, user):
        team = self.api.team(int(number))
        team["members"] = [m for m in team["members"] if m["user_id"] != int(user)]
        self.answer(200, {})

    def post_move(self, _, number):
        self.api.moves = self.body()["moves"]
        self.answer(200, self.api.team(int(number)))

    def get_advice(self, query, number):
        self.api.team(int(number))
        moves = [{"dimension": "sites", "unit": "count", "amount": 1, "from": 0, "to": 8,
                  "text": "Bob could bring in 1 site"}] if query else []
        self.answer(200, {"message": "", "fits": not query, "moves": moves})

    def get_sites(self, _):
        self.answer(200, {"sites": list(self.api.sites.values())})

    def post_sites(self, _):
        self.answer(201, self.api.create_site(self.body()))

    def get_site(self, _, domain):
        self.answer(200, self.api.site(domain))

    def delete_site(self, _, domain):
        site = self.api.site(domain)
        del self.api.sites[domain]
        self.answer(200, {**site, "desired": "deleted"})

    def patch_site(self, _, domain):
        site = self.api.site(domain)
        site.update(self.body())
        self.answer(200, site)

    def change_site(self, _, domain, verb):
        site = self.api.site(domain)
        site["state"] = site["desired"] = "stopped" if verb == "stop" else "running"
        self.answer(200, site)

    def post_rollback(self, _, domain):
        site = self.api.site(domain)
        number = self.body().get("number", 1)
        found = [d for d in self.api.deployments if d["number"] == number]
        if not found:
            raise Refusal(404, "not_found", f"Deployment {number} was never live", field="number")
        site["live_deployment"] = found[0]["id"]
        self.answer(202, found[0])

    def get_logs(self, query, domain):
        self.api.site(domain)
        lines = self.api.log_text.splitlines(keepends=True)
        self.answer(200, {"text": "".join(lines[-int(query.get("tail", 100)):])})

    def get_deployments(self, _, domain):
        site = self.api.site(domain)
        self.answer(200, {"deployments": [d for d in reversed(self.api.deployments)
                                          if d["site_id"] == site["id"]]})

    def post_deployments(self, _, domain):
        body = self.body()
        if self.api.refuses_deployments:
            raise Refusal(409, "conflict", "Not now", hint="Later")
        self.answer(202, self.api.deploy(domain, body))

    def get_manifest(self, _, domain):
        self.answer(200, self.api.manifest(domain), "text/plain")

    def upload_answer(self, status, number):
        self.answer(status, {"id": number, "part_bytes": self.api.part_bytes,
                             "received_bytes": len(self.api.uploads[number]),
                             "max_bytes": self.api.max_bytes})

    def post_uploads(self, _, domain):
        self.api.site(domain)
        number = f"upload{len(self.api.uploads):04}"
        self.api.uploads[number] = bytearray()
        self.upload_answer(201, number)

    def get_upload(self, _, number):
        self.upload_answer(200, number)

    def drop_upload(self, _, number):
        del self.api.uploads[number]
        self.answer(200, {})

    def put_upload(self, query, number):
        upload = self.api.uploads[number]
        size = int(self.headers["Content-Length"])
        if self.api.held_parts:
            self.api.held_parts.wait(20)
        if int(query["offset"]) != len(upload):
            self.rfile.read(size)
            raise Refusal(409, "conflict", f"The next byte is {len(upload)}", field="offset")
        if self.api.break_parts > 0:
            self.api.break_parts -= 1
            upload += self.rfile.read(size // 2)
            self.close_connection = True
            self.connection.close()
            return
        upload += self.rfile.read(size)
        self.upload_answer(200, number)

    def get_deployment(self, _, number):
        self.answer(200, self.api.find_deployment(int(number)))

    def get_log(self, query, number):
        deployment = self.api.find_deployment(int(number))
        if self.api.absences:
            self.answer(self.api.absences.pop(), "<html>away</html>", "text/html")
            return
        text = "Step one\n\x1b[31mred\x1b[0m\nStep two\n"
        offset = int(query["offset"])
        finished = offset > 0 and not self.api.never_finishes
        text = "" if offset else text
        if offset and self.api.never_finishes:
            threading.Event().wait(0.2)
        self.answer(200, {"offset": offset, "next_offset": offset + len(text), "text": text,
                          "state": deployment["state"], "step": "", "finished": finished})


D = r"/api/sites/([^/]+)"
T = r"/api/teams/(\d+)"
ROUTES = [
    ("POST", "/api/login", Handler.post_login),
    ("POST", "/api/logout", Handler.post_logout),
    ("GET", "/api/me", Handler.get_me),
    ("GET", "/api/keys", Handler.get_keys),
    ("POST", "/api/keys", Handler.post_keys),
    ("DELETE", r"/api/keys/(\d+)", Handler.delete_key),
    ("GET", "/api/users", Handler.get_users),
    ("POST", "/api/users", Handler.post_users),
    ("PATCH", r"/api/sites/([^/]+)", Handler.patch_site),
    ("PATCH", r"/api/users/(\d+)", Handler.patch_user),
    ("GET", r"/api/quotas/user/(\d+)", Handler.get_quotas),
    ("PUT", r"/api/quotas/user/(\d+)", Handler.put_quotas),
    ("POST", "/api/quotas/validate", Handler.post_validate),
    ("GET", r"/api/usage/user/(\d+)", Handler.get_usage),
    ("GET", "/api/quotas/fit", Handler.get_fit),
    ("GET", "/api/me/notices", Handler.get_notices),
    ("POST", r"/api/me/notices/(\d+)/read", Handler.read_notice),
    ("GET", "/api/teams", Handler.get_teams),
    ("POST", "/api/teams", Handler.post_teams),
    ("GET", T, Handler.get_team),
    ("PATCH", T, Handler.patch_team),
    ("DELETE", T, Handler.delete_team),
    ("POST", T + "/members", Handler.post_members),
    ("PATCH", T + r"/members/(\d+)", Handler.patch_member),
    ("DELETE", T + r"/members/(\d+)", Handler.delete_member),
    ("POST", T + "/move", Handler.post_move),
    ("GET", T + "/advice", Handler.get_advice),
    ("GET", r"/api/usage/team/(\d+)", Handler.get_team_usage),
    ("PUT", r"/api/quotas/team/(\d+)", Handler.put_team_quotas),
    ("GET", "/api/sites", Handler.get_sites),
    ("POST", "/api/sites", Handler.post_sites),
    ("GET", D, Handler.get_site),
    ("DELETE", D, Handler.delete_site),
    ("POST", D + "/(start|stop|restart)", Handler.change_site),
    ("POST", D + "/rollback", Handler.post_rollback),
    ("GET", D + "/logs", Handler.get_logs),
    ("GET", D + "/deployments", Handler.get_deployments),
    ("POST", D + "/deployments", Handler.post_deployments),
    ("GET", D + "/manifest", Handler.get_manifest),
    ("POST", D + "/uploads", Handler.post_uploads),
    ("GET", r"/api/uploads/(\w+)", Handler.get_upload),
    ("PUT", r"/api/uploads/(\w+)", Handler.put_upload),
    ("DELETE", r"/api/uploads/(\w+)", Handler.drop_upload),
    ("GET", r"/api/deployments/(\d+)", Handler.get_deployment),
    ("GET", r"/api/deployments/(\d+)/log", Handler.get_log),
]


def serve(port=0):
    """Starts a server in a thread. Returns it and its state."""
    api = Api()
    handler = type("BoundHandler", (Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server, api


if __name__ == "__main__":
    running, _ = serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(f"http://127.0.0.1:{running.server_address[1]}  key {ADMIN_KEY}", flush=True)
    threading.Event().wait()
