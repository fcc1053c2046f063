"""Flows of the fleet, of one server and of statements; odd names, many servers, a long live view, a server that restarts."""

import re

from browser import HASTE, WATCHER, Browser, expect

MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"
QUOTES = "\"quoted\" & 'single' `back` ${x} {{y}}"
EMOJI = "🐘 база данных データ é"
LONG = "n" * 253
MANY = 10_000
TABS = ["queries", "locks", "replication", "connections", "tables", "indexes", "space", "log", "changes", "collector"]
CHART = "[aria-label='Space in use, and when a file system is full']"
# The most rows that exist as elements, whatever the list has.
MOST_ROWS = 100
TICKS_BEFORE, TICKS = 6, 24
MOST_GROWTH_BYTES = 1_500_000


def fleet(stage, browser):
    """filter, order and label of the fleet are in the address, and the button back takes them off"""
    rows = stage.await_fleet()
    stage.api("PATCH", f"collectors?server={rows[0]['server_id']}", {"labels": {"env": "blue"}})
    browser.go("#/fleet")
    browser.says(rows[0]["name"], "main tbody")
    browser.picture("fleet")
    browser.type("main input[type=search]", rows[1]["name"])
    browser.wait(lambda: "q=" in browser.hash(), "the filter is not in the address")
    browser.wait(lambda: len(browser.all("main tbody tr:not(.gap)")) == 1, "the filter does not filter")
    browser.go("#/fleet")
    browser.press("Server", "thead button")
    browser.wait(lambda: "sort=name" in browser.hash(), "the order is not in the address")
    browser.settle()
    names = browser.texts("main tbody a[data-key]")
    expect(names == sorted(names) and len(names) > 1, f"the order is {names}")
    browser.go("#/fleet?label=env%3Dblue&sort=name")
    browser.wait(lambda: browser.texts("main tbody a[data-key]") == [rows[0]["name"]], "the label does not filter")
    browser.click(".chip.chosen")
    browser.wait(lambda: "label" not in browser.hash(), "the label stays in the address")
    browser.driver.back()
    browser.wait(lambda: "label=env" in browser.hash(), "the button back does not bring the label back")
    browser.wait(lambda: len(browser.all("main tbody a[data-key]")) == 1, "the button back does not filter again")
    browser.click("main tbody a[data-key]")
    browser.says(rows[0]["name"], "h1")
    browser.driver.back()
    browser.wait(lambda: browser.hash().startswith("#/fleet?"), "the button back does not go to the fleet")
    browser.settle()


def server(stage, browser):
    """a server has charts on one range, and tables where the chart library is missing"""
    server = stage.await_fleet()[0]["server_id"]
    browser.go(f"#/servers/{server}?range=15m")
    browser.one(".chart canvas")
    browser.picture("server")
    expect(len(browser.all(".chart canvas")) > 4, "there are few charts")
    browser.click(".range button")
    browser.press("Last 6 hours", ".range-presets button")
    browser.wait(lambda: "range=6h" in browser.hash(), "the range is not in the address")
    browser.settle()
    other = Browser(stage.server)
    try:
        other.command("Network.enable")
        other.command("Network.setBlockedURLs", urls=["*uplot*"])
        other.start(stage.accounts["viewer"], f"#/servers/{server}?range=15m")
        other.one("[aria-label=Transactions] table")
        expect(not other.all(".chart canvas"), "there are charts without their library")
        other.check_policy()
    finally:
        other.quit()
    for tab in TABS:
        browser.go(f"#/servers/{server}/{tab}")
        expect(not browser.all(".notice-problem"), f"{tab}: {browser.text('main')[:500]}")


def moment(stage, browser):
    """the tree of locks is that of a time that a person chooses in a field or on a chart"""
    server = stage.await_fleet()[0]["server_id"]
    browser.go(f"#/servers/{server}/locks?range=15m")
    browser.run("const field = document.querySelector('main input[type=datetime-local]'); field.value = '2026-01-31T12:00:00';"
                "field.dispatchEvent(new Event('change'));")
    browser.wait(lambda: "at=2026-01-31T" in browser.hash(), "the time is not in the address")
    browser.says("No session waited for a lock at this time")
    browser.press("The end of the range")
    browser.wait(lambda: "at=" not in browser.hash(), "the time stays in the address")
    browser.click("[aria-label='Waiting sessions'] .u-over")
    browser.wait(lambda: "at=20" in browser.hash(), "a press on the chart chooses no time")
    browser.settle()
    expect(browser.run("return document.querySelector('main input[type=datetime-local]').value"), "the field does not show the time")
    browser.picture("locks-at")


def space(stage, browser):
    """the space of a server is a chart that goes on to the date when a file system is full, and its statement can be seen"""
    server = stage.await_fleet()[0]["server_id"]
    # A file system that grows by a gigabyte an hour, with a sample in each of the last 24 hours.
    stage.sql(f"""INSERT INTO metrics.disk_usage (time, server_id, object_id, total_gb, used_gb, free_gb, percent_used)
      SELECT now() - make_interval(hours => hours), {server}, o.object_id, 100, 80 - hours, 20 + hours, 80 - hours
      FROM generate_series(1, 24) hours, (SELECT object_id FROM metrics.disk_usage WHERE server_id = {server} LIMIT 1) o;
      INSERT INTO pganalytics.rollup_pending (step_seconds, server_id, first_time, last_time)
      SELECT step, {server}, now() - interval '25 hours', now() FROM (VALUES (300), (3600)) AS s (step) ON CONFLICT DO NOTHING""")
    browser.go(f"#/servers/{server}/space?range=24h")
    browser.one(f"{CHART} .chart canvas")
    browser.says("/dev/vd", f"{CHART} .legend")
    browser.picture("space")
    browser.click(f"{CHART} [aria-label='Use this data elsewhere']")
    browser.press("Show SQL", "[role=menuitem]")
    browser.says("disk_usage", "dialog")
    browser.press("Close", "dialog button")
    browser.gone("dialog")


def queries(stage, browser):
    """the statements of the fleet lead to one statement with its text and figures"""
    browser.go("#/queries?range=15m")
    browser.click("main tbody a[data-key]")
    browser.wait(lambda: browser.hash().startswith("#/queries/"), "a statement leads nowhere")
    browser.settle()
    browser.one("main .statement")
    expect(not browser.all(".notice-problem"), browser.text("main")[:500])
    browser.picture("query")


def names(stage, browser):
    """names with markup, quotes, emoji and 253 characters are shown as text, everywhere"""
    servers = {}
    for name in [MARKUP, QUOTES, EMOJI, LONG]:
        identity = stage.register(name, {"label": name[:200]})
        servers[name] = identity
    for name, identity in servers.items():
        for hash in [f"#/servers/{identity['server_id']}", f"#/collectors/{identity['collector_id']}"]:
            browser.go(hash)
            browser.wait(lambda: browser.run("return document.querySelector('h1').textContent") == name, f"the title of {name} differs")
            browser.check_width(f"{hash} of {name[:20]}")
        browser.show(390, 844, "light")
        browser.check_width(f"{hash} of {name[:20]} on a narrow screen")
        browser.show(1280, 900, "light")
    browser.go("#/fleet?sort=name")
    shown = browser.texts("main tbody a[data-key]")
    expect(set(servers) <= set(shown), f"the fleet shows {shown}")
    browser.type(".server-search input", "<img")
    browser.click("#server-matches [role=option]", MARKUP)
    browser.wait(lambda: browser.run("return document.querySelector('h1').textContent") == MARKUP, "the search leads elsewhere")
    server = stage.await_fleet()[0]["server_id"]
    texts_become_markup(stage, server)
    shown = typed(stage)
    pages = [*(f"#/servers/{server}/{tab}?range=1h" for tab in ["", *TABS]), "#/queries?range=1h", "#/collectors", "#/findings?state=all",
             "#/admin/audit", *shown]
    statement = stage.api("GET", f"queries?start_time=1h&server={server}")["data"][0]["text_id"]
    for page in [*pages, f"#/queries/{statement}?range=1h"]:
        browser.go(page)
        for size in [(390, 844), (1280, 900)]:
            browser.show(*size, "light")
            browser.check_width(f"{page} with odd texts")
        expect(browser.run("return document.querySelectorAll('main img, main b, main script, h1 b').length") == 0, f"a text became markup on {page}")
        expect(not browser.all(".notice-problem"), f"{page}: {browser.text('main')[:500]}")
        browser.check_policy()
    for page in [f"#/servers/{server}/log?range=1h", f"#/servers/{server}/queries?range=1h", f"#/servers/{server}/tables?range=1h",
                 f"#/servers/{server}/connections?range=1h", *shown]:
        browser.go(page)
        browser.says("<img src=x", "main")


def texts_become_markup(stage, server):
    """Gives every text that a collector of a server has sent a beginning that would be markup, and an end of many characters."""
    before, after = f"'{MARKUP} '", f"' {LONG}'"
    stage.sql(f"UPDATE pganalytics.texts SET value = {before} || value || {after} WHERE server_id = {server}")
    stage.sql(f"UPDATE pganalytics.objects SET key = (SELECT array_agg({before} || part || {after} ORDER BY place)"
              f" FROM unnest(key) WITH ORDINALITY AS k (part, place)) WHERE server_id = {server}")
    columns = stage.sql("SELECT c.relname || ' ' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                        " WHERE c.relnamespace = 'metrics'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0"
                        " AND NOT a.attisdropped AND a.atttypid = 'text'::regtype").split()
    for table, column in zip(columns[::2], columns[1::2]):
        stage.sql(f"UPDATE metrics.{table} SET {column} = {before} || {column} WHERE server_id = {server}")


def typed(stage):
    """Writes markup into everything that people name. - Returns: the addresses of pages that show it."""
    channel = stage.api("POST", "channels", {"name": MARKUP, "kind": "webhook", "target": {"url": "https://hooks.example.org/"}, "is_on": False})
    stage.api("POST", "tokens", {"name": MARKUP, "role": "viewer", "expires_in": "1d"})
    stage.api("POST", "registration-secrets", {"name": MARKUP, "expires_in": "1h"})
    stage.api("POST", "silences", {"subject": MARKUP, "reason": MARKUP, "duration": "1h"})
    stage.api("POST", "users", {"username": "markup", "password": "correct horse battery staple", "role": "viewer", "full_name": MARKUP})
    return ["#/channels", f"#/channels/{channel['id']}", "#/admin/tokens", "#/admin/secrets", "#/silences", "#/admin/users"]


def live(stage, browser):
    """the heap stays flat over minutes of a live view, whose clock runs fast"""
    server = stage.await_fleet()[0]["server_id"]
    other = Browser(stage.server, script=WATCHER + HASTE)
    try:
        other.start(stage.accounts["viewer"], f"#/servers/{server}?range=15m&live=on")
        other.command("Performance.enable")

        def after(ticks):
            for _ in range(ticks):  # Each tick has the whole patience, because a slow server answers less often.
                seen = other.run("return window.fetches")
                other.wait(lambda: other.run("return window.fetches") > seen, "the live view asks for nothing")
            other.command("HeapProfiler.collectGarbage")
            figures = {one["name"]: one["value"] for one in other.command("Performance.getMetrics")["metrics"]}
            return figures["JSHeapUsedSize"], figures["Nodes"], figures["JSEventListeners"]

        before, later = after(TICKS_BEFORE), after(TICKS)
        growth = [late - early for early, late in zip(before, later)]
        expect(growth[0] < MOST_GROWTH_BYTES, f"the heap grew by {growth[0]:,.0f} bytes over {TICKS} answers")
        expect(growth[1] < 0.1 * before[1] + 200, f"{growth[1]} nodes were added to {before[1]}")
        expect(growth[2] < 0.1 * before[2] + 100, f"{growth[2]} listeners were added to {before[2]}")
        other.check_policy()
    finally:
        other.quit()


def restart(stage, browser):
    """while the server is away the page says so, and it goes on when the server is back"""
    browser.go("#/collectors")
    expect(stage.server.stop() == 0, "the server does not end well")
    browser.run("location.hash = '#/collectors?status=active'")
    browser.says("The server does not answer")
    stage.server.start()
    stage.server.await_ready(stage.server.ca)
    browser.press("Try again")
    browser.wait(lambda: browser.all("main tbody tr"), "the list does not come back")


def many(stage, browser):
    """ten thousand servers are listed and scrolled, and only the visible rows exist"""
    stage.sql(f"""WITH made AS (INSERT INTO pganalytics.servers (name, hostname, last_seen_at)
      SELECT 'many-' || lpad(number::text, 5, '0'), 'many', now() FROM generate_series(1, {MANY}) number RETURNING id)
      INSERT INTO pganalytics.server_states (server_id, state, evaluated_at) SELECT id, 'ok', now() FROM made""")
    browser.go("#/fleet?q=many-&sort=name")
    browser.says("many-00001", "main tbody")
    expect(browser.run("return document.querySelector('main table').getAttribute('aria-rowcount')") == str(MANY + 1), "the table has another length")
    last = f"many-{MANY:05}"
    for part in [0.25, 0.5, 0.75, 1]:
        browser.run("const room = document.querySelector('main .tall'); room.scrollTop = room.scrollHeight * arguments[0]", part)
        expected = last if part == 1 else f"many-{int(MANY * part) + 1:05}"
        browser.says(expected, "main tbody")
        rows = browser.run("return document.querySelectorAll('main tbody tr').length")
        expect(rows <= MOST_ROWS, f"{rows} rows exist")
    browser.wait(lambda: int((re.findall(r"row=(\d+)", browser.hash()) or [0])[0]) > MANY - MOST_ROWS, "the place in the list is not in the address")
    browser.driver.refresh()
    browser.says(last, "main tbody")
    browser.go("#/fleet?sort=-name")
    browser.settle()
