"""A server under test: builds it, starts it on a free port with a data directory of its own, makes requests, stops it."""

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_LIMIT_SECONDS = 300
# Limits that a script with a thousand requests a minute would reach.
SETTINGS = [
    "logins_per_account_minute=100000",
    "logins_per_address_minute=100000",
    "login_lockout_failures=1000",
    "pushes_per_minute=1000000",
    "log_level=warning",
]


def build(product="pganalytics"):
    """Builds and returns the release program. The caller has run scripts/requirements."""
    subprocess.run(["swift", "build", "-c", "release", "--product", product], cwd=ROOT, check=True)
    shown = subprocess.run(
        ["swift", "build", "-c", "release", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return pathlib.Path(shown.stdout.strip()) / product


def fetch_web_libraries():
    """Returns the directory with the libraries of the pages for browsers."""
    directory = ROOT / ".build" / "web-libraries"
    subprocess.run([ROOT / "scripts/web-libraries", directory], check=True)
    return directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`pganalytics up`, or `serve` if a database is given, and a client of it."""

    def __init__(self, program, directory, web_libraries=None, settings=(), postgres=None, config=None):
        self.program, self.directory, self.count = program, directory, 0
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.postgres = postgres
        pages = [f"web_library_dir={web_libraries}"] if web_libraries else []
        self.options = [f"--set={setting}" for setting in [*SETTINGS, *pages, *settings]]
        if config:
            self.options.append(f"--config={config}")
        self.log = open(directory / "server.log", "w")
        self.start()
        self.credentials = self.await_credentials() if postgres is None else self.make_credentials()
        self.ca = self.credentials["ca_file"]
        self.trust = ssl.create_default_context(cafile=self.ca)

    def start(self):
        database = []
        if self.postgres:
            self.command("migrate")
            database = ["--database-url", self.postgres.url]
        self.process = subprocess.Popen(
            [self.program, "serve" if self.postgres else "up", "--data-dir", self.directory / "data", "--listen",
             f"127.0.0.1:{self.port}", *database, *self.options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
        )

    def command(self, *arguments, text=""):
        """Runs a command of the program on the database and returns its output."""
        return subprocess.run(
            [self.program, *arguments, "--database-url", self.postgres.url], check=True, input=text, capture_output=True,
            text=True,
        ).stdout.strip()

    def make_credentials(self):
        """Makes the credentials that `up` would have written."""
        admin = {"username": "admin", "password": "correct horse battery staple"}
        self.command("user", "add", "admin", "--role", "admin", text=admin["password"] + "\n")
        # All fleets have hosts with the same names. With `new`, each fleet gets collectors of its own.
        secret = self.command("secret", "add", "script", "--reenrolment", "new")
        self.await_ready(self.directory / "data/ca.crt")
        return {
            "base_url": self.url, "ca_file": str(self.directory / "data/ca.crt"), "admin": admin,
            "registration_secret": secret, "database_url": self.postgres.url,
        }

    def await_ready(self, ca):
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                trust = ssl.create_default_context(cafile=str(ca))
                with urllib.request.urlopen(f"{self.url}/api/v1/health/ready", context=trust, timeout=10):
                    return
            except OSError:  # No file yet, no listener yet, or not ready yet. HTTPError and URLError are OSErrors.
                time.sleep(0.2)
        self.give_up()

    def await_credentials(self):
        path = self.directory / "data/credentials.json"
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if path.exists():
                return json.loads(path.read_text())
            time.sleep(0.2)
        self.give_up()

    def give_up(self):
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

    def samples(self):
        """The values of /metrics, by name and labels."""
        page = self.request("GET", "/metrics").decode()
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def number(self):
        """A number that makes a name unique."""
        self.count += 1
        return self.count

    def user_add(self):
        return [str(self.program), "user", "add", "--database-url", self.credentials["database_url"]]

    def account(self, role):
        """Makes a new user by the command line, so that no earlier request can have changed it."""
        account = {"username": f"{role}-{self.number()}", "password": "correct horse battery staple"}
        subprocess.run(
            [*self.user_add(), account["username"], "--role", role], check=True, stdout=subprocess.DEVNULL,
            input=account["password"].encode() + b"\n",
        )
        return account

    def log_in(self):
        """Header fields with the administrator's token."""
        admin = self.credentials["admin"]
        login = {"username": admin["username"], "password": admin["password"]}
        return {"Authorization": "Bearer " + self.json("POST", "/api/v1/auth/login", login)["access_token"]}

    def stop(self):
        """Stops the server with SIGTERM and returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
