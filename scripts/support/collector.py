"""One collector that pganalytics-bench has enrolled, controlled by a script."""

import http.client
import json
import ssl
import tempfile
import time

FILESYSTEM = {"mount": "/", "total_gb": 251, "used_gb": 21, "free_gb": 72, "percent_used": 8.6}


def stamp(seconds_ago):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds_ago))


class Collector:
    def __init__(self, server, fleet, number=0):
        """Uses an identity from the file that the fleet of this name keeps."""
        lines = (server.directory / f"{fleet}.identities").read_text().splitlines()
        self.identity = json.loads(lines[number % len(lines)])
        self.server = server
        self.trust = ssl.create_default_context(cafile=server.ca)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(self.identity["certificate"] + "\n" + self.identity["private_key"])
            file.flush()
            self.trust.load_cert_chain(file.name)
        self.fields = {"Authorization": f"Bearer {self.identity['token']}", "Content-Type": "application/json"}

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.server.port, context=self.trust, timeout=90)

    def push(self, connection, seconds_ago, devices):
        """Pushes one row for each device. - Returns: status, the Retry-After field, and the body's JSON."""
        at = stamp(seconds_ago)
        metric = {"type": "disk_usage", "timestamp": at, "filesystems": [{"device": one, **FILESYSTEM} for one in devices]}
        body = {"collector_id": self.identity["collector_id"], "hostname": self.identity["hostname"], "version": "3.0.0",
                "timestamp": at, "metrics": [metric]}
        connection.request("POST", "/api/v1/metrics/push", json.dumps(body), self.fields)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Retry-After"), json.loads(answer.read())
