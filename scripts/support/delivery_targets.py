"""Targets of notifications for the tests: webhooks over HTTPS and HTTP, mail servers, and servers that never answer.

    python3 delivery_targets.py DIRECTORY

DIRECTORY has server.crt and server.key (PEM). The program prints one line of JSON, the port of each target by its name, and
ends when its standard input is closed. It appends each request and each message that it takes to DIRECTORY/received, one JSON
object a line. The mail servers need aiosmtpd; without it only the other targets start.

A webhook's path says what it answers: /ok, /status/CODE, /redirect, /long/CODE (a body of 1 MiB), /cut/CODE (closes within the
body), /silent (never answers). A mail server refuses recipients whose names begin with `never` (550) or `later` (450). Its account
is `pganalytics` with the password `correct horse`.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

try:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
except ImportError:
    SMTP = None

LARGEST_MESSAGE = 100_000


class Record:
    def __init__(self, path):
        self.path = path

    def add(self, **members):
        with open(self.path, "a") as file:
            file.write(json.dumps(members) + "\n")


def webhook(record, name):
    async def serve(reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            method, path, _ = lines[0].split(" ")
            fields = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines[1:] if line)}
            body = (await reader.readexactly(int(fields["content-length"]))).decode()
            record.add(target=name, method=method, path=path, fields=fields, body=body)
            await answer(path.split("?")[0].split("/")[1:], writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(words, writer):
        kind, code = words[0], int(words[1]) if len(words) > 1 else 200
        if kind == "silent":
            await asyncio.Event().wait()
        fields, body, announced = [], b"", None
        if kind == "redirect":
            code = 302
            fields = ["Location: https://elsewhere.example/hook"]
        elif kind == "status":
            fields = ["Retry-After: 7"]
            body = b'{"error": "no\n such thing"}'
        elif kind == "long":
            body = b"x" * (1 << 20)
        elif kind == "cut":
            body, announced = b"0123456789", 100
        fields.append(f"Content-Length: {len(body) if announced is None else announced}")
        writer.write("\r\n".join([f"HTTP/1.1 {code} Reason", *fields, "", ""]).encode() + body)
        await writer.drain()

    return serve


class Mailboxes:
    def __init__(self, record, name):
        self.record, self.name = record, name

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("never"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later"):
            return "450 4.2.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.record.add(
            target=self.name, user=session.auth_data, sender=envelope.mail_from, recipients=envelope.rcpt_tos,
            greeting=session.host_name, headers=dict(message.items()), text=message.get_content(),
            defects=[str(defect) for defect in message.defects],
        )
        return "250 2.0.0 queued as 42"


def authenticate(server, session, envelope, mechanism, data):
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"pganalytics", b"correct horse")
    return AuthResult(success=is_right, handled=False, auth_data="pganalytics" if is_right else None)


def mail(record, name, **options):
    return lambda: SMTP(Mailboxes(record, name), hostname="mx.example", data_size_limit=LARGEST_MESSAGE, **options)


async def silent(reader, writer):
    await asyncio.Event().wait()


async def main(directory):
    record = Record(directory / "received")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "server.crt", directory / "server.key")
    loop = asyncio.get_running_loop()
    servers = {
        "https": await asyncio.start_server(webhook(record, "https"), "0.0.0.0", 0, ssl=tls),
        "http": await asyncio.start_server(webhook(record, "http"), "0.0.0.0", 0),
        "silent": await asyncio.start_server(silent, "0.0.0.0", 0),
    }
    if SMTP is not None:
        account = {"authenticator": authenticate, "auth_required": True}
        servers["smtp"] = await loop.create_server(mail(record, "smtp"), "0.0.0.0", 0)
        servers["starttls"] = await loop.create_server(
            mail(record, "starttls", tls_context=tls, require_starttls=True, **account), "0.0.0.0", 0)
        servers["login"] = await loop.create_server(
            mail(record, "login", tls_context=tls, require_starttls=True, auth_exclude_mechanism=["PLAIN"], **account),
            "0.0.0.0", 0)
        servers["smtps"] = await loop.create_server(mail(record, "smtps", auth_require_tls=False, **account), "0.0.0.0", 0, ssl=tls)
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    try:
        asyncio.run(asyncio.wait_for(main(pathlib.Path(sys.argv[1])), 3600))
    except KeyboardInterrupt:
        pass
