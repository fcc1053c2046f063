"""A headless Chromium that uses the console as a person does, and checks what holds on every page."""

import json
import pathlib
import re
import subprocess
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 30
POLL_SECONDS = 0.05
WIDE, NARROW = (1280, 900), (390, 844)
# Begins before the scripts of each document: keeps violations of the Content-Security-Policy, and counts requests.
WATCHER = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
window.fetches = 0;
const fetchReally = window.fetch;
window.fetch = (...all) => { window.fetches += 1; return fetchReally(...all); };
"""
# Lets each timer that waits for seconds run fifty times as fast, so that minutes of a live view take seconds.
HASTE = """
const waitReally = window.setInterval;
window.setInterval = (act, wait, ...all) => waitReally(act, wait >= 5000 ? wait / 50 : wait, ...all);
"""


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def fetch_axe():
    """Returns the source of axe-core, from a wheel whose digest is checked."""
    directory = ROOT / ".build" / "test-console"
    wheels = list(directory.glob("*.whl"))
    if not wheels:
        subprocess.run(
            ["python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
             "--require-hashes", "--dest", directory, "--requirement", ROOT / "scripts/console/requirements.txt"], check=True,
        )
        wheels = list(directory.glob("*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        return wheel.read("axe_playwright_python/axe.min.js").decode()


class Browser:
    def __init__(self, server, screenshots=None, script=WATCHER):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self.server, self.url, self.screenshots = server, server.url, screenshots
        options = webdriver.ChromeOptions()
        # The server's authority is new in each run, and Chromium has no sandbox as root.
        for flag in ["--headless=new", "--no-sandbox", "--ignore-certificate-errors", "--disable-dev-shm-usage", "--disable-gpu",
                     "--hide-scrollbars"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(PATIENCE_SECONDS)
        self.command("Page.addScriptToEvaluateOnNewDocument", source=script)
        self.show(*WIDE, "light")

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def show(self, width, height, scheme):
        """Sets the size of the window, and whether the browser prefers light or dark."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    # Waiting and finding

    def wait(self, condition, what):
        """Waits until the condition is true and returns its value. A page that draws itself anew meanwhile is asked again."""
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                value = condition()
            except (NoSuchElementException, StaleElementReferenceException):
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}; the page shows: {self.text()[:1500]}")
            time.sleep(POLL_SECONDS)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def one(self, selector, text=None):
        """The first visible element that fits and contains the text. Waits for it."""
        def found():
            return next((node for node in self.all(selector) if node.is_displayed() and (text is None or text in node.text)), None)
        return self.wait(found, f"there is no {selector}" + (f" with “{text}”" if text else ""))

    def gone(self, selector):
        self.wait(lambda: not self.all(selector), f"{selector} stays")

    def text(self, selector="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def texts(self, selector):
        """The texts of all elements that fit, read at one moment."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector)

    def says(self, text, selector="body"):
        """Waits until the page shows a text."""
        self.wait(lambda: text in self.text(selector), f"“{text}” is not in {selector}")

    def silent(self, text, selector="body"):
        expect(text not in self.text(selector), f"“{text}” is in {selector}")

    # Acting

    def open(self, hash=""):
        """Loads the console anew at an address."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/{hash}")

    def go(self, hash, settles=True):
        """Goes to an address of the console, as a link does, and waits until everything is there."""
        if hash.split("?")[0] != self.hash().split("?")[0]:
            self.run("document.querySelector('main > *')?.setAttribute('data-left', '')")
        self.driver.execute_async_script(
            """const [hash, done] = arguments;
            if (hash === location.hash) return done();
            addEventListener('hashchange', () => setTimeout(done), { once: true });
            location.hash = hash;""", hash)
        self.gone("main > [data-left]")
        if settles:
            self.settle()

    def hash(self):
        return self.run("return location.hash")

    def settle(self):
        self.wait(lambda: self.run("return Boolean(document.querySelector('main > *')) && !document.querySelector('.skeleton, [aria-busy=true]')"),
                  f"{self.hash()} is never complete")

    def press(self, text, selector="button, a.button"):
        """Presses the button or link that has exactly this text, or this name for screen readers."""
        def found():
            nodes = [node for node in self.all(selector) if node.is_displayed() and node.is_enabled()]
            return next((node for node in nodes if node.text.strip() == text or node.get_attribute("aria-label") == text), None)
        self.wait(found, f"there is no button “{text}”").click()

    def click(self, selector, text=None):
        """Clicks the first visible element that fits, also if the page draws it anew at that moment."""
        self.wait(lambda: self.one(selector, text).click() or True, f"{selector} cannot be clicked")

    def type(self, selector, text, clears=True):
        field = self.one(selector)
        if clears:
            field.clear()
        field.send_keys(text)

    def log_in(self, account):
        self.one("#login input[name=username]")
        self.type("#login input[name=username]", account["username"])
        self.type("#login input[name=password]", account["password"])
        self.one("#login button").click()

    def start(self, account, hash="#/fleet"):
        """Loads the console and logs in."""
        self.open(hash)
        self.log_in(account)
        self.gone("#login")
        self.settle()

    def picture(self, name):
        if self.screenshots:
            self.driver.save_screenshot(str(self.screenshots / f"{name}.png"))

    # What holds on every page

    def check_width(self, what):
        width, room = self.run("return [document.documentElement.scrollWidth, innerWidth]")
        expect(width <= room, f"{what} is {width} wide in a window of {room}")

    def check_axe(self, axe, what, rules=None):
        """Fails if axe-core finds a barrier."""
        if not self.run("return Boolean(window.axe)"):
            self.run(axe)
        options = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
        found = self.driver.execute_async_script(
            """const [options, done] = arguments;
            axe.run(document, { ...options, resultTypes: ['violations'] }).then(
              ({ violations }) => done(violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 300)} ${failureSummary}`))),
              (failure) => done([String(failure)]));""", options)
        expect(not found, f"axe-core has {len(found)} findings on {what}:\n" + "\n".join(found[:8]))

    def check_policy(self):
        """Fails if something broke the Content-Security-Policy, or a script failed. A refused request is an ordinary answer."""
        violations = self.run("return window.violations ?? []")
        expect(not violations, f"the Content-Security-Policy was violated: {violations}")
        complaints = [
            entry["message"] for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and not re.search(r"responded with a status of|net::ERR_(CONNECTION|EMPTY_RESPONSE|BLOCKED_BY_CLIENT)", entry["message"])
        ]
        expect(not complaints, f"the browser reports errors: {complaints}")

    def check_hosts(self):
        """Fails if the browser asked another host for anything."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        strangers = [url for url in urls if not url.startswith((self.url + "/", "data:", "blob:" + self.url, "about:"))]
        expect(not strangers, f"the browser asked other hosts: {strangers}")
        return len(urls)

    def quit(self):
        self.driver.quit()
