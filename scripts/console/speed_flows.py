"""Flows of speed: what the first screen of a large fleet costs, and how long it takes."""

from browser import WATCHER, Browser, expect

SERVERS = 1000
# As wide as the column with the lines needs.
SCREEN = (1800, 900)
# What a browser asks for until the fleet is there, without anything in its cache. Each counts, whatever the machine does meanwhile.
MOST_REQUESTS, MOST_BYTES = 50, 175_000
TRIES = 3
# Notes when the first row of the fleet is on the page, in milliseconds since the navigation began, and when the login was sent.
CLOCK = WATCHER + """
window.firstData = null;
window.sentAt = null;
addEventListener('submit', () => { window.sentAt = performance.now(); window.firstData = null; }, true);
new MutationObserver(() => {
  if (window.firstData === null && document.querySelector('main tbody a[data-key]')) window.firstData = performance.now();
}).observe(document, { childList: true, subtree: true });
"""
RESOURCES = """return performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
  .map(({ name, transferSize, encodedBodySize }) => [new URL(name).pathname, transferSize, encodedBodySize])"""


def first_data(browser):
    """Waits for the first row. - Returns: milliseconds since the navigation began."""
    return browser.wait(lambda: browser.run("return window.firstData"), "there is no row")


def speed(stage, browser):
    """the first screen of a fleet of 1,000 servers needs few requests and bytes, and its rows are there at once"""
    stage.sql(f"""WITH made AS (INSERT INTO pganalytics.servers (name, hostname, last_seen_at)
      SELECT 'speed-' || number, 'speed-' || number || '.example.org', now() FROM generate_series(1, {SERVERS}) number RETURNING id)
      INSERT INTO pganalytics.server_states (server_id, state, evaluated_at, connections, transactions_per_second, cache_hit,
        disk_used_percent) SELECT id, 'ok', now(), id % 90, id % 700, 99, id % 80 FROM made""")
    other = Browser(stage.server, script=CLOCK)
    try:
        other.show(*SCREEN, "light")
        other.open("#/fleet")
        other.log_in(stage.accounts["viewer"])
        after_login = first_data(other) - other.run("return window.sentAt")
        times = []
        for _ in range(TRIES):
            other.command("Network.clearBrowserCache")
            other.open("#/fleet")
            times.append(first_data(other))
        resources = other.run(RESOURCES)
        kilobytes = sum(size for _, size, _ in resources) / 1000
        other.open("#/fleet")
        again = first_data(other)
        asked = [path for path, size, _ in other.run(RESOURCES) if path.startswith("/console/") and size]
        print(f"     the first row of {SERVERS} servers: {min(times):.0f} ms after the navigation with an empty cache ({len(resources)} requests,"
              f" {kilobytes:.0f} kB), {again:.0f} ms with a full one, {after_login:.0f} ms after the password", flush=True)
        expect(len(resources) <= MOST_REQUESTS, f"{len(resources)} requests: {[path for path, _, _ in resources]}")
        expect(kilobytes * 1000 <= MOST_BYTES, f"{kilobytes:.0f} kB: {sorted((size, path) for path, size, _ in resources)[-10:]}")
        expect(not asked, f"a browser asks again for files that it has: {asked}")
        # One request has the lines of all rows that are visible.
        other.wait(lambda: other.run("return performance.getEntriesByType('resource').some(({ name }) => name.includes('/fleet/load'))"),
                   "the lines are not asked for")
        lines = [path for path, _, _ in other.run(RESOURCES) if path.endswith(("/fleet/load", "/metrics"))]
        expect(len(lines) == 1, f"the lines of a page need {len(lines)} requests")
        other.check_policy()
    finally:
        other.quit()
