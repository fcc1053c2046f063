"""What the flows play on: a server with a small fleet, accounts of each role, and its database."""

import json
import subprocess
import time

from browser import expect
from collector import Collector
from fleet import Fleet

COLLECTORS = 4
# An access token this short is replaced every ten seconds, so each flow also tests that nobody notices.
SETTINGS = ["access_token_life=30s", "finding_interval=1s"]
FLEET_SECONDS = 600


class Stage:
    def __init__(self, server, bench, screenshots):
        self.server, self.screenshots = server, screenshots
        self.accounts = {role: server.account(role) for role in ["admin", "operator", "viewer"]}
        self.fleet = Fleet(bench, server, "fleet", COLLECTORS, FLEET_SECONDS, "--interval", "1s", "--queries", "5", "--tables", "5")
        # The requests of the script have an account of their own, because flows end the sessions of the others.
        self.script, self.script_token, self.token_ends = server.account("admin"), None, 0

    def api(self, method, path, body=None, **fields):
        """A request of an administrator."""
        if time.monotonic() > self.token_ends:
            answer = self.server.json("POST", "/api/v1/auth/login", self.script)
            self.script_token, self.token_ends = answer["access_token"], time.monotonic() + 20
        content = self.server.request(method, "/api/v1/" + path, body, Authorization=f"Bearer {self.script_token}", **fields)
        return json.loads(content) if content else None

    def await_fleet(self):
        """Waits until every collector has pushed often enough that there are rates."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            rows = self.api("GET", "fleet?page_size=100&q=bench-")["data"]
            if len(rows) >= COLLECTORS and all(row["transactions_per_second"] is not None for row in rows):
                return rows
            time.sleep(0.3)
        raise AssertionError(f"the fleet has no rates after a minute: {rows}")

    def await_finding(self, check):
        """Waits until a check has an open finding. - Returns: the finding."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.api("GET", f"findings?check={check}")["data"]
            if found:
                return found[0]
            time.sleep(0.3)
        raise AssertionError(f"{check} finds nothing in a minute")

    def collector(self, number=0):
        return Collector(self.server, "fleet", number)

    def sql(self, statement):
        """Runs SQL in the database of the server and returns the rows as text."""
        run = subprocess.run(
            ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", statement,
             self.server.credentials["database_url"]], check=False, capture_output=True, text=True,
        )
        expect(run.returncode == 0, f"psql: {run.stderr}")
        return run.stdout.strip()

    def register(self, name, labels=()):
        """Enrols a host that never pushes."""
        identity = self.server.json(
            "POST", "/api/v1/collectors/register", {"name": name, "hostname": name[:200]},
            X_Registration_Secret=self.server.credentials["registration_secret"],
        )
        if labels:
            self.api("PATCH", f"collectors/{identity['collector_id']}", {"labels": dict(labels)})
        return identity

    def end_sessions(self, account):
        """Ends all sessions of a user, as time would."""
        self.sql(f"UPDATE pganalytics.sessions s SET revoked_at = now() FROM pganalytics.users u "
                 f"WHERE u.id = s.user_id AND u.username = '{account['username']}'")

    def end(self):
        self.fleet.end()
