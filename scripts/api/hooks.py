"""Hooks that Schemathesis loads: credentials, ids that exist, and texts in formats of this API. scripts/test-api passes the
values in TEST_API_IDENTITY.

Some operations of the API end the run's own session, or deactivate or delete its user. When a token is refused, the hooks log in
again. When the account is gone, they make a new one with the command line, as an operator would.
"""

import json
import os
import random
import subprocess

import requests
import schemathesis
from hypothesis import strategies

identity = json.loads(os.environ["TEST_API_IDENTITY"])


# Formats that a schema can name but not describe.
schemathesis.openapi.format("pem-csr", strategies.sampled_from(identity["signing_requests"]))
schemathesis.openapi.format(
    "toml",
    strategies.one_of(
        strategies.integers(0, 10**6).map(lambda number: f"[collector]\ninterval = {number}\n"),
        strategies.sampled_from(['# nothing\n', 'name = "ä"\n', "a.b = [1, 2]\n[[c]]\nd = 1979-05-27T07:32:00Z\n"]),
    ),
)


@schemathesis.deserializer("application/pkix-crl")
def revocation_list(context, response):
    return response.content


class Person:
    """A user with a session. Logging in makes a new user if the old one can no longer log in."""

    def __init__(self):
        self.username, self.password, self.token = identity["username"], identity["password"], None
        self.accounts = 1

    def log_in(self):
        """Logs in and returns the answer."""
        answer = requests.post(
            identity["url"] + "/api/v1/auth/login",
            json={"username": self.username, "password": self.password},
            verify=identity["ca"],
            timeout=60,
        )
        if answer.status_code == 200:
            return answer.json()
        self.accounts += 1
        self.username = f"{identity['username']}-{self.accounts}"
        subprocess.run(
            identity["user_add"] + [self.username, "--role", identity["account_role"]],
            input=self.password.encode() + b"\n",
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return self.log_in()

    def get(self, operation):
        # Logging out ends a session, so it gets a session of its own.
        if operation == "logout":
            return self.log_in()["access_token"]
        self.token = self.token or self.log_in()["access_token"]
        return self.token


person = Person()


def operation_id(case):
    return case.operation.definition.raw.get("operationId")


@schemathesis.auth(refresh_interval=None)
class Credentials:
    def get(self, case, context):
        if identity["role"] == "nobody":
            return None
        if operation_id(case) == "registerCollector":
            return ("X-Registration-Secret", identity["registration_secret"])
        token = identity["token"] if identity["role"] == "collector" else person.get(operation_id(case))
        return ("Authorization", f"Bearer {token}")

    def set(self, case, data, context):
        if data:
            case.headers[data[0]] = data[1]


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code == 401 and b'"session_ended"' in response.content:
        person.token = None


def is_valid(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives every second valid request ids and passwords that exist, because generated ones belong to nobody."""
    # In a stateful sequence the ids come from earlier requests.
    if not is_valid(case) or case.meta.phase.name.value == "stateful":
        return
    choice = random.Random(case.id)
    family = case.operation.path.removeprefix("/api/v1").split("/")[1]
    for name in case.path_parameters or {}:
        known = identity["known"].get(f"{family}.{name}")
        if known and choice.random() < 0.5:
            case.path_parameters[name] = choice.choice(known)
    if not isinstance(case.body, dict) or choice.random() < 0.5:
        return
    operation = operation_id(case)
    if operation == "pushMetrics":
        case.body["collector_id"] = identity["collector_id"]
    elif operation == "login":
        case.body |= {"username": person.username, "password": person.password}
    elif operation == "refresh":
        case.body["refresh_token"] = person.log_in()["refresh_token"]
