"""What holds on every page of pages.js: no barrier, nothing wider than the window, no violation, in both sizes and schemes."""

import re

from browser import NARROW, ROOT, WIDE, expect, fetch_axe

# What depends on the scheme, and what depends on the width of the window. All rules are checked once, on the wide and light page.
CONTRAST = ["color-contrast"]
ROOM = [*CONTRAST, "scrollable-region-focusable", "aria-hidden-focus", "target-size"]


def addresses(stage):
    """An address for each page of the console. A page that this function does not know fails."""
    server = stage.await_fleet()[0]["server_id"]
    collector = stage.collector().identity["collector_id"]
    statements = stage.api("GET", "queries?start_time=15m")["data"]
    examples = {
        "servers/:id": f"servers/{server}", "queries/:id": f"queries/{statements[0]['text_id']}", "collectors/:id": f"collectors/{collector}",
        "findings/:id": lambda: f"findings/{stage.api('GET', 'findings?state=all')['data'][0]['id']}", "checks/:name": "checks/disk_full",
        "channels/:id": lambda: f"channels/{channel(stage)['id']}",
    }
    paths = re.findall(r"'([^']+)': \(\) => import", (ROOT / "Sources/App/Console/Pages/pages.js").read_text())
    for path in paths:
        head = next((head for head in examples if path.startswith(head)), None)
        if head:
            example = examples[head]
            path = (example() if callable(example) else example) + path.removeprefix(head)
        expect(":" not in path, f"scripts/console/page_rules.py has no example for the page {path}")
        if path != "admin":  # It leads to another page.
            yield "#/" + path


def channel(stage):
    """A channel that delivers nothing."""
    target = {"url": "https://hooks.example.org/"}
    return stage.api("POST", "channels", {"name": "For the pages", "kind": "webhook", "target": target, "is_on": False})


def pages(stage, browser):
    """every page has no barrier for axe-core, is as wide as its window, and keeps the policy: 1280 and 390, light and dark"""
    axe, found, count = fetch_axe(), [], 0
    for address in addresses(stage):
        browser.show(*WIDE, "light")
        browser.go(address)
        name = address.removeprefix("#/").replace("/", "-")
        for size, scheme, rules in [(WIDE, "light", None), (WIDE, "dark", CONTRAST), (NARROW, "dark", ROOM), (NARROW, "light", CONTRAST)]:
            browser.show(*size, scheme)
            where = f"{address} ({size[0]}, {scheme})"
            browser.picture(f"{name}-{size[0]}-{scheme}")
            for check in [lambda: browser.check_width(where), lambda: browser.check_axe(axe, where, rules)]:
                try:
                    check()
                except AssertionError as failure:  # All pages are looked at before the flow fails.
                    found.append(str(failure))
        browser.check_policy()
        count += 1
    browser.show(*WIDE, "light")
    expect(not found, "\n".join(found))
    expect(count > 15, f"only {count} pages were looked at")


def dialogs(stage, browser):
    """the login and the dialogs have no barrier either, and the keys work"""
    axe = fetch_axe()
    browser.go("#/fleet")
    browser.one("body").send_keys("?")
    browser.says("Search on this page", "dialog")
    browser.check_axe(axe, "the dialog of the keys")
    from selenium.webdriver.common.keys import Keys

    browser.one("dialog").send_keys(Keys.ESCAPE)
    browser.gone("dialog")
    browser.one("body").send_keys("gc")
    browser.wait(lambda: browser.hash() == "#/collectors", "g c does not go to the collectors")
    browser.settle()
    browser.one("body").send_keys("/")
    expect(browser.run("return document.activeElement.matches('main input[type=search]')"), "/ does not go to the search")
    browser.one("main input[type=search]").send_keys(Keys.ESCAPE)
    browser.one("main tbody a[data-key]").send_keys(Keys.ARROW_DOWN)
    expect(browser.run("return document.activeElement === document.querySelectorAll('main tbody a[data-key]')[1]"), "the arrow does not move to the next row")
    browser.go("#/admin/users")
    browser.press("Add a user")
    browser.one("dialog input[name=username]")
    for size, scheme in [(WIDE, "light"), (NARROW, "dark")]:
        browser.show(*size, scheme)
        browser.check_width("the dialog of a user")
        browser.check_axe(axe, f"the dialog of a user ({scheme})")
    browser.show(*WIDE, "light")
    browser.press("Cancel", "dialog button")
