#!/usr/bin/env python3
"""Enrols a collector and pushes one metric, with nothing but Python's standard library (Python 3.9 or newer).

    examples/push.py [DIRECTORY]      DIRECTORY: .pganalytics/push-py

It needs a server, and what the server's operator gives a collector:

    BASE_URL             the server's address: https://127.0.0.1:8443
    CA_FILE              the authority that signed the server's certificate: .pganalytics/ca.crt
    REGISTRATION_SECRET  what lets a collector enrol: the one in .pganalytics/credentials.json

Without these variables it takes the values shown here, which are those of a server that `scripts/run` started in the current
directory. DIRECTORY keeps the collector's identity and push. The second run finds them and sends the same push again; the
server answers "duplicate": true and stores nothing twice. Remove push.json.gz to send another push.
"""

import gzip, json, os, pathlib, shutil, socket, ssl, sys, time, urllib.error, urllib.request

directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".pganalytics/push-py")
base = os.environ.get("BASE_URL", "https://127.0.0.1:8443") + "/api/v1/"
trust = ssl.create_default_context(cafile=os.environ.get("CA_FILE", ".pganalytics/ca.crt"))
keep, pem, push = directory / "identity.json", directory / "collector.pem", directory / "push.json.gz"
os.umask(0o077)  # The key and the token are their owner's alone.
directory.mkdir(parents=True, exist_ok=True)


def post(path, body, fields):
    """Returns status, fields and JSON of the answer, also of a refusal; status 0 if no answer comes."""
    request = urllib.request.Request(base + path, body, {"Content-Type": "application/json", **fields})
    try:
        answer = urllib.request.urlopen(request, timeout=60, context=trust)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    except OSError as error:
        return 0, {}, str(error)
    with answer:
        return answer.status, answer.headers, json.load(answer)


# 1. Enrol, once. The standard library makes no keys, so the server makes this one: no "csr" is sent.
if not keep.exists():
    secret = os.environ.get("REGISTRATION_SECRET")
    secret = secret or json.loads(pathlib.Path(".pganalytics/credentials.json").read_text())["registration_secret"]
    registration = json.dumps({"name": "push-py", "hostname": socket.gethostname()}).encode()
    status, _, identity = post("collectors/register", registration, {"X-Registration-Secret": secret})
    if status != 201:
        sys.exit(f"The server does not enrol this collector: {status} {identity}")
    pem.write_text(identity["certificate"] + identity["private_key"])
    keep.write_text(json.dumps(identity))
identity = json.loads(keep.read_text())
trust.load_cert_chain(pem)

# 2. Measure. The push is a file, so that the same bytes can be sent again.
if not push.exists():
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    total, used, free = (size >> 30 for size in shutil.disk_usage("/"))
    root = {"device": "root", "mount": "/", "total_gb": total, "used_gb": used, "free_gb": free}
    metrics = [{"type": "disk_usage", "timestamp": now, "filesystems": [root]}]
    body = {"collector_id": identity["collector_id"], "hostname": socket.gethostname(), "timestamp": now, "metrics": metrics}
    push.write_bytes(gzip.compress(json.dumps(body).encode()))

# 3. Push until the server says that the rows are committed.
for _ in range(5):
    token = {"Authorization": "Bearer " + identity["token"]}
    status, fields, answer = post("metrics/push", push.read_bytes(), {**token, "Content-Encoding": "gzip"})
    if status == 401:  # The token has ended: the certificate gets the next one.
        refreshed, _, renewed = post("collectors/refresh-token", b"", token)
        if refreshed != 200:
            sys.exit(f"The server gives no new token: {refreshed} {renewed}")
        identity.update(renewed)
        keep.write_text(json.dumps(identity))
    elif status in (0, 429, 503):  # The server is busy, or no answer came. What was stored already is not stored again.
        time.sleep(int(fields.get("Retry-After", 5)))
    else:
        break
print(json.dumps(answer))
sys.exit(0 if status == 200 else f"The push was not stored: status {status}")
