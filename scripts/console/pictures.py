"""Makes the pictures of the README: a fleet with a week of history, seen in the console."""

import pathlib
import subprocess
import tempfile

from browser import ROOT, Browser, expect
from fleet import Fleet
from postgres import Postgres, rows
from server import Server, fetch_web_libraries, free_port

SERVERS, RAW_ROWS = 48, 600_000
VIEW = (1280, 800)
MOST_BYTES = 150_000
# The states that the history gives stay, because nothing is evaluated meanwhile.
SETTINGS = ["finding_interval=1h"]
STATEMENTS = [
    "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.placed_at > $1 ORDER BY o.placed_at DESC LIMIT $2",
    "UPDATE stock SET available = available - $1 WHERE product_id = $2 AND warehouse_id = $3",
    "INSERT INTO order_items (order_id, product_id, quantity, price) VALUES ($1, $2, $3, $4)",
    "SELECT count(*) FROM sessions WHERE last_seen > now() - interval $1",
    "DELETE FROM outbox WHERE delivered_at < $1",
    "SELECT id, payload FROM outbox WHERE delivered_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED LIMIT $1",
    "WITH ranked AS (SELECT product_id, sum(quantity) AS sold FROM order_items GROUP BY product_id) SELECT * FROM ranked ORDER BY sold DESC LIMIT $1",
    "UPDATE customers SET last_login = now() WHERE id = $1",
    "SELECT p.id, p.name, p.price FROM products p WHERE p.tags @> $1 AND p.price < $2",
    "INSERT INTO audit (actor, action, details) VALUES ($1, $2, $3)",
]
FINDINGS = [
    (3, "disk_full", "/data", "critical", "/data is 91 % full, and full in 5 hours", 91, 90, 40),
    (3, "long_transaction", "4711", "warning", "a transaction of app has run for 42 minutes", 2520, 1800, 42),
    (11, "replication_lag", "standby2", "critical", "standby2 replays 94 seconds late", 94, 60, 17),
    (19, "blocked_sessions", "", "warning", "7 sessions wait for a lock, the longest for 38 seconds", 38, 30, 6),
    (26, "xid_age", "app", "warning", "app has transaction ids of an age of 1,210 million", 1.21e9, 1e9, 900),
    (34, "disk_full_soon", "/", "warning", "/ is full in 3 days at its present growth", 3, 7, 300),
    (41, "slot_retention", "standby1", "warning", "the slot standby1 keeps 48 GiB of write-ahead log", 48, 40, 75),
]


def history(url):
    """Names of a shop in the place of those of the history, and what checks would have found."""
    found = ", ".join(
        f"({server}, '{check}', '{subject}', '{severity}', '{message}', {value}, {threshold}, now() - interval '{minutes} min')"
        for server, check, subject, severity, message, value, threshold, minutes in FINDINGS)
    texts = "CASE " + " ".join(
        f"WHEN value LIKE 'SELECT v, note FROM t%' AND substring(value FROM 't([0-9]+) ')::int % {len(STATEMENTS)} = {place}"
        f" THEN $text${text}$text$" for place, text in enumerate(STATEMENTS)) + " ELSE value END"
    name = "(ARRAY['shop', 'orders', 'stock', 'billing', 'search', 'mail'])[1 + id % 6] || '-db-' || lpad((1 + id / 6)::text, 2, '0')"
    yield f"UPDATE pganalytics.servers SET name = {name}, hostname = {name} || '.example.com', last_seen_at = now()"
    yield "UPDATE pganalytics.collectors c SET name = s.name, hostname = s.hostname FROM pganalytics.servers s WHERE s.id = c.server_id"
    yield f"UPDATE pganalytics.texts SET value = {texts}"
    yield ("INSERT INTO pganalytics.findings (server_id, check_name, subject, severity, message, value, threshold, opened_at, last_seen_at)"
           f" SELECT v.*, now() FROM (VALUES {found}) AS v")
    yield """INSERT INTO pganalytics.server_states (server_id, state, evaluated_at, connections, transactions_per_second, cache_hit,
      replication_lag_seconds, oldest_transaction_seconds, disk_used_percent, xid_age, data_at)
      SELECT s.id, CASE WHEN s.id = 7 THEN 'silent' ELSE coalesce((SELECT min(f.severity) FROM pganalytics.findings f
        WHERE f.server_id = s.id), 'ok') END, now(), 20 + s.id * 37 % 80, 40 + s.id * 211 % 900, 96 + s.id * 13 % 40 / 10.0,
        s.id * 17 % 30 / 10.0, s.id * 29 % 50, 35 + s.id * 23 % 50, 100000000 + s.id * 7919317, now() FROM pganalytics.servers s
      ON CONFLICT (server_id) DO UPDATE SET state = excluded.state, connections = excluded.connections, cache_hit = excluded.cache_hit,
        transactions_per_second = excluded.transactions_per_second, disk_used_percent = excluded.disk_used_percent,
        replication_lag_seconds = excluded.replication_lag_seconds, xid_age = excluded.xid_age, evaluated_at = excluded.evaluated_at,
        oldest_transaction_seconds = excluded.oldest_transaction_seconds, data_at = excluded.data_at"""


# Name, address, size and scheme of the pictures that need no preparation.
VIEWS = [
    ("fleet", "#/fleet", VIEW, "light"),
    ("server", "#/servers/3?range=24h", VIEW, "dark"),
    ("queries", "#/queries?range=6h", VIEW, "light"),
    ("locks", "#/servers/19/locks?range=24h", VIEW, "light"),
]


def make(program, directory):
    """Makes all pictures anew. - program: the pganalytics to show, with pganalytics-bench beside it."""
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pganalytics-pictures-") as place:
        place = pathlib.Path(place)
        place.chmod(0o755)
        postgres = Postgres(place / "postgres", port=free_port())
        try:
            subprocess.run(
                [ROOT / "scripts/seed-history", "--database-url", postgres.url, "--program", program, "--servers", str(SERVERS),
                 "--raw-servers", str(SERVERS), "--raw-rows", str(RAW_ROWS), "--objects", str(len(STATEMENTS))], check=True)
            rows(postgres.url, *history(postgres.url))
            (place / "server").mkdir()
            server = Server(program, place / "server", fetch_web_libraries(), SETTINGS, postgres)
            try:
                shoot(server, program, directory)
            finally:
                server.stop()
        finally:
            postgres.end()


def shoot(server, program, directory):
    browser = Browser(server, directory)
    try:
        browser.start(server.credentials["admin"])
        for name, address, size, scheme in VIEWS:
            take(browser, name, address, size, scheme)
        browser.go("#/enrol")
        browser.show(*VIEW, "light")
        browser.type("main input[name=name]", "new shop hosts")
        browser.press("Make the secret")
        browser.says("On the host")
        save(browser, directory, "enrol")
        fleet = Fleet(program.parent / "pganalytics-bench", server, "health", 24, 60, "--interval", "500ms")
        try:
            browser.go("#/admin/server", settles=False)
            browser.wait(lambda: any(text.endswith("/s") and text[0] in "123456789" for text in browser.texts("[aria-label=Now] dd")),
                         "there are no rates")
            take(browser, "health", "#/admin/server", VIEW, "dark")
        finally:
            fleet.end()
    finally:
        browser.quit()


def take(browser, name, address, size, scheme):
    browser.show(*size, scheme)
    browser.go(address)
    save(browser, browser.screenshots, name)


def save(browser, directory, name):
    browser.settle()
    browser.wait(lambda: browser.run("return document.fonts.status === 'loaded' && !document.querySelector('.asking')"), "rows are missing")
    browser.run("document.querySelector('.toasts')?.replaceChildren(); document.activeElement.blur()")
    browser.picture(name)
    file = directory / f"{name}.png"
    expect(file.stat().st_size < MOST_BYTES, f"{file} has {file.stat().st_size} bytes")
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1000:.0f} kB", flush=True)
