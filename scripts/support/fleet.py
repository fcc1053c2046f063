"""A fleet of collectors: a pganalytics-bench that pushes to a server, and its report."""

import json
import subprocess


class Fleet:
    """Begins to push at once; `report` waits for the end. Fleets with the same `name` share their collectors' identities."""

    def __init__(self, bench, server, name, collectors, seconds, *options):
        self.result = server.directory / f"{name}.json"
        self.result.unlink(missing_ok=True)
        self.log = server.directory / f"{name}.log"
        secret = server.credentials["registration_secret"]
        self.process = subprocess.Popen(
            [bench, "--url", server.url, "--ca", server.ca, "--registration-secret", secret, "--identities",
             server.directory / f"{name}.identities", "--collectors", str(collectors), "--duration", f"{seconds}s",
             *options, "--json", self.result],
            stdout=open(self.log, "w"), stderr=subprocess.STDOUT,
        )

    def report(self, is_clean=True):
        """Waits for the end and returns the bench's JSON. - is_clean: whether any exit status but 0 ends the script."""
        status = self.process.wait()
        if status == 2 or (is_clean and status != 0):
            raise SystemExit(f"The bench failed ({status}):\n{self.log.read_text()}")
        return json.loads(self.result.read_text())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
