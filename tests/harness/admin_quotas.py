"""For the tests of dialup-admind about limits and teams: short words for what they ask.

    with Quotas() as world:
        team = world.team()
        refused(world.add(team, "nobody"), 404, "not_found", "user")
"""

import time

from admin_world import API, World
from place import equal

HUGE = 1 << 60


class Quotas(World):
    """With short words for what these tests ask, each answer checked against the document."""

    def ask(self, method, path, who, body=None, **values):
        """path as in the document; values of its parameters."""
        filled, _, query = path.partition("?")
        for name, value in values.items():
            filled = filled.replace("{" + name + "}", str(value))
        answer = self.send(method, filled + ("?" + query if query else ""), who, body,
                           address=f"192.0.2.{time.monotonic_ns() % 250}")
        API.check_answer(method, path.partition("?")[0], answer.status, answer.body)
        return answer

    def team(self, name="The blog", lead="ann"):
        answer = self.ask("POST", "/api/teams", lead, {"name": name})
        equal(answer.status, 201)
        return answer.body["id"]

    def add(self, team, user, who="admin", **body):
        return self.ask("POST", "/api/teams/{id}/members", who, {"user": f"{user}@example.org", **body}, id=team)

    def change(self, team, user, who, **body):
        return self.ask("PATCH", "/api/teams/{id}/members/{user}", who, body, id=team, user=self.ids[user])

    def remove(self, team, user, who):
        return self.ask("DELETE", "/api/teams/{id}/members/{user}", who, id=team, user=self.ids[user])

    def move(self, team, who, *moves):
        return self.ask("POST", "/api/teams/{id}/move", who, {"moves": list(moves)}, id=team)

    def members(self, team):
        body = self.ask("GET", "/api/teams/{id}", "admin", id=team).body
        return {row["name"]: (row["role"], {share["dimension"]: share["amount"] for share in row["brings"]})
                for row in body["members"]}

    def limits(self, path, who="admin", **values):
        return {row["dimension"]: row for row in self.ask("GET", path, who, **values).body["limits"]}

    def notices(self, who):
        return [row["text"] for row in self.ask("GET", "/api/me/notices", who).body["notices"]]

    def use(self, kind, owner, **amounts):
        for dimension, amount in amounts.items():
            self.place.sql("INSERT INTO reservations (entity_kind, entity_id, site_id, purpose, dimension, amount, "
                           "state, created_at) VALUES (?, ?, ?, 'run', ?, ?, 'committed', 1)",
                           [kind, owner, self.site_id, dimension, amount])


def refused(answer, status, name, field=None, *words):
    error = answer.body["error"]
    equal([answer.status, error["name"]], [status, name])
    if field:
        equal(error.get("field"), field)
    for word in words:
        assert word in error["message"] + " " + error.get("hint", ""), error
    return error


def put(**limits):
    return {"limits": [{"dimension": name, **(value if isinstance(value, dict) else {"hard": value})}
                       for name, value in limits.items()]}


def memory(amount, **sides):
    return {"dimension": "memory_production", "amount": amount, **sides}
