"""A server under test: built, started on a free port with a data directory of its own, spoken to, ended."""

import json
import pathlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_LIMIT_SECONDS = 300
# What a person or a collector would be slowed down by, and a test that asks a thousand times a minute must not be.
SETTINGS = [
    "logins_per_account_minute=100000",
    "logins_per_address_minute=100000",
    "login_lockout_failures=1000",
    "pushes_per_minute=1000000",
    "log_level=warning",
]


def build():
    """The release program; scripts/requirements was run before."""
    subprocess.run(["swift", "build", "-c", "release", "--product", "pganalytics"], cwd=ROOT, check=True)
    shown = subprocess.run(
        ["swift", "build", "-c", "release", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return pathlib.Path(shown.stdout.strip()) / "pganalytics"


def fetch_swagger_ui():
    """The directory that the page /docs has its files from."""
    directory = ROOT / ".build" / "swagger-ui"
    subprocess.run([ROOT / "scripts/swagger-ui", directory], check=True)
    return directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`pganalytics up`, and a client of it."""

    def __init__(self, program, directory, swagger_ui=None, settings=()):
        self.program, self.directory, self.count = program, directory, 0
        self.port = free_port()
        pages = [f"swagger_ui_dir={swagger_ui}"] if swagger_ui else []
        options = [f"--set={setting}" for setting in [*SETTINGS, *pages, *settings]]
        self.log = open(directory / "server.log", "w")
        self.process = subprocess.Popen(
            [program, "up", "--data-dir", directory / "data", "--listen", f"127.0.0.1:{self.port}", *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
        )
        self.credentials = self.await_credentials()
        self.url = self.credentials["base_url"]
        self.ca = self.credentials["ca_file"]
        self.trust = ssl.create_default_context(cafile=self.ca)

    def await_credentials(self):
        path = self.directory / "data/credentials.json"
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if path.exists():
                return json.loads(path.read_text())
            time.sleep(0.2)
        self.process.kill()
        raise SystemExit(f"The server did not start:\n{(self.directory / 'server.log').read_text()}")

    def request(self, method, path, body=None, **fields):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json", **headers}, method=method
        )
        with urllib.request.urlopen(request, timeout=60, context=self.trust) as answer:
            return answer.read()

    def json(self, method, path, body=None, **fields):
        return json.loads(self.request(method, path, body, **fields))

    def number(self):
        """For a name that is not taken."""
        self.count += 1
        return self.count

    def user_add(self):
        return [str(self.program), "user", "add", "--database-url", self.credentials["database_url"]]

    def account(self, role):
        """A new user, made by the command line: nothing that went before can have changed that."""
        account = {"username": f"{role}-{self.number()}", "password": "correct horse battery staple"}
        subprocess.run(
            [*self.user_add(), account["username"], "--role", role], check=True, stdout=subprocess.DEVNULL,
            input=account["password"].encode() + b"\n",
        )
        return account

    def stop(self):
        """The exit status, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
