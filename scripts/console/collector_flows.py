"""Flows of collectors: the list, a host that enrols, a configuration."""

import json
import os
import subprocess
import time

from browser import ROOT, Browser, expect
from collector import Collector


def collectors(stage, browser):
    """the list of collectors has filters in the address, labels many at once, and leads to one with its certificates"""
    browser.go("#/collectors")
    browser.type("main input[type=search]", "bench")
    browser.wait(lambda: "q=bench" in browser.hash(), "the filter is not in the address")
    browser.settle()
    browser.click("thead input[type=checkbox]")
    browser.press("Label")
    browser.type("dialog input[name=labels]", "team=console-test")
    browser.press("Set labels")
    browser.says("servers have changed", ".toasts")
    browser.go("#/collectors?label=team%3Dconsole-test&status=active")
    browser.says("team=console-test ×")
    browser.click("tbody a[data-key]")
    browser.settle()
    browser.says("Certificates")
    browser.says("team=console-test")
    browser.driver.back()
    browser.wait(lambda: browser.hash().startswith("#/collectors?"), "the button back does not go to the list")
    browser.settle()


def enrolment(stage, browser):
    """a secret is shown once, a host enrols with the example script, and the page shows the host as it arrives"""
    browser.go("#/collectors")
    browser.press("Enrol hosts")
    browser.wait(lambda: browser.hash() == "#/enrol", "the button leads elsewhere")
    browser.type("main input[name=name]", "by the console")
    browser.type("main input[name=labels]", "env=from-console")
    browser.press("Make the secret")
    browser.says("Copy the secret now")
    secret = browser.one("[aria-label='The secret'] code").text
    browser.says("No host has enrolled since")
    browser.says(f"REGISTRATION_SECRET='{secret}' pganalytics register")
    browser.picture("enrolment")
    directory = stage.server.directory / "enrolled"
    run = subprocess.run(
        ["sh", ROOT / "examples/push.sh", directory], capture_output=True, text=True,
        env={**os.environ, "BASE_URL": stage.server.url, "CA_FILE": stage.server.ca, "REGISTRATION_SECRET": secret},
    )
    expect(run.returncode == 0 and '"rows_inserted":1' in run.stdout, f"the example fails: {run.stdout} {run.stderr}")
    browser.says("push-sh has enrolled", ".toasts")
    browser.says("used 1 of 1", "[aria-label='Hosts that arrive']")
    browser.says("is used up", "[aria-label='Hosts that arrive']")
    browser.wait(lambda: "waiting for its first push" not in browser.text("[aria-label='Hosts that arrive']"), "its first push does not arrive")
    browser.driver.refresh()
    browser.says("push-sh", "[aria-label='Hosts that arrive']")
    browser.silent(secret)
    browser.click("[aria-label='Hosts that arrive'] tbody a")
    browser.says("push-sh", "h1")


def configuration(stage, browser):
    """an error is shown at its line, a diff comes before storing, and a conflict is explained and resolved"""
    collector = stage.collector(2).identity["collector_id"]
    browser.go(f"#/collectors/{collector}/config")
    browser.says("It has no configuration yet")
    browser.type(".editor textarea", "[collector]\ninterval = \n")
    browser.press("Review and store")
    browser.says("+interval =", "dialog .diff")
    browser.press("Store")
    browser.says("line 2", ".editor-complaint")
    expect(browser.one(".editor-numbers .wrong").text == "2", "the mark is at another line")
    browser.type(".editor textarea", "[collector]\ninterval = 60\n")
    browser.press("Review and store")
    browser.press("Store")
    browser.says("Version 1 is stored", ".toasts")
    stage.api("PUT", f"config/{collector}", b"[collector]\ninterval = 90\n", Content_Type="text/plain")
    browser.type(".editor textarea", "[collector]\ninterval = 120\n")
    browser.press("Review and store")
    browser.says("-interval = 60", "dialog .diff")
    browser.press("Store")
    browser.says("Nothing was stored: somebody has stored version 2")
    browser.says("+interval = 90", ".notice-problem .diff")
    browser.picture("conflict")
    browser.press("Keep my text, and compare it with version 2")
    browser.says("-interval = 90", "dialog .diff")
    browser.says("+interval = 120", "dialog .diff")
    browser.press("Store")
    browser.says("Version 3 is stored", ".toasts")
    browser.press("Changes of version 3", "a")
    browser.says("+interval = 120", "[role=main], main .diff")
    browser.press("Text of version 1", "a")
    browser.says("interval = 60", "main .statement")


def revocation(stage, browser):
    """a collector is revoked, a viewer sees why it is refused, it may enrol again, and a certificate alone can be revoked"""
    identity = stage.register("to-be-revoked")
    browser.go(f"#/collectors/{identity['collector_id']}")
    browser.click("[aria-label=Certificates] tbody button")
    browser.press("Revoke", "dialog button")
    browser.says("The certificate is revoked", ".toasts")
    browser.press("Revoke")
    browser.says("refuses the collector and all its certificates", "dialog")
    browser.press("Revoke", "dialog button")
    browser.says("Revoked", "[aria-label=Collector]")
    refused(stage, identity)
    browser.press("Let it enrol again")
    browser.says("May enrol again", "[aria-label=Collector]")
    browser.press("Remove its server")
    browser.press("Remove with all data", "dialog button")
    expect(browser.all("dialog"), "it is removed although its name was not typed")
    browser.press("Cancel", "dialog button")
    browser.gone("dialog")


def refused(stage, identity):
    """A push of a revoked collector is refused, and a viewer reads the reason on its page."""
    (stage.server.directory / "revoked.identities").write_text(json.dumps({"hostname": "to-be-revoked", **identity}))
    collector = Collector(stage.server, "revoked")
    status, _, body = collector.push(collector.connect(), 0, ["/dev/vda"])
    expect(status == 403 and body["error"] in ("collector_revoked", "certificate_revoked"), f"the push got {status} {body}")
    deadline = time.monotonic() + 30
    while not (shown := stage.api("GET", f"collectors/{identity['collector_id']}")["refusals"]):
        expect(time.monotonic() < deadline, "the refusal is not in the answer")
        time.sleep(0.2)
    other = Browser(stage.server)
    try:
        other.start(stage.accounts["viewer"], f"#/collectors/{identity['collector_id']}")
        other.says(shown[0]["message"], "[aria-label=Refused]")
        other.check_policy()
    finally:
        other.quit()
