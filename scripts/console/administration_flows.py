"""Flows of the administration: users, tokens, sessions, secrets, audit, the server's own health; what a viewer may not do."""

import urllib.error

from browser import Browser, expect


def users(stage, browser):
    """a user is added, changed and deleted, and the last administrator cannot be lost"""
    browser.go("#/admin")
    browser.wait(lambda: browser.hash() == "#/admin/users", "the administration does not begin with the users")
    browser.press("Add a user")
    browser.type("dialog input[name=username]", "grace")
    browser.type("dialog input[name=password]", "short")
    browser.press("Add", "dialog button")
    expect(browser.all("dialog"), "a short password is accepted")
    browser.type("dialog input[name=password]", "correct horse battery staple")
    browser.press("Add", "dialog button")
    browser.says("grace may log in now", ".toasts")
    browser.says("grace", "main tbody")
    browser.press("Change grace")
    browser.click("dialog input[name=is_active]")
    browser.press("Change", "dialog button")
    browser.says("Inactive", "main tbody")
    browser.press("Delete grace")
    browser.press("Delete", "dialog button")
    browser.wait(lambda: "grace" not in browser.text("main tbody"), "the user is still listed")
    # The two administrators are that of the server and that of the test: the first goes, then the other one is the last.
    stage.sql("UPDATE pganalytics.users SET is_active = false WHERE role = 'admin' AND username <> '%s'" % stage.accounts["admin"]["username"])
    browser.press("Change " + stage.accounts["admin"]["username"])
    browser.click("dialog select[name=role] option[value=viewer]")
    browser.press("Change", "dialog button")
    browser.says("This is the last administrator", "dialog")
    browser.press("Cancel", "dialog button")
    stage.sql("UPDATE pganalytics.users SET is_active = true WHERE role = 'admin'")


def tokens(stage, browser):
    """an API token is shown once, works, and is refused as soon as it is revoked"""
    browser.go("#/admin/tokens")
    browser.press("Make a token")
    browser.type("dialog input[name=name]", "console-test")
    browser.press("Make", "dialog button")
    browser.says("Copy the token now", "dialog")
    token = browser.one("dialog code").text
    expect(token.startswith("pgat_"), f"the token is {token}")
    fields = {"Authorization": f"Bearer {token}"}
    expect("data" in stage.server.json("GET", "/api/v1/fleet", **fields), "the token does not work")
    browser.press("Close", "dialog button")
    browser.gone("dialog")
    browser.silent(token)
    browser.press("Revoke console-test")
    browser.press("Revoke", "dialog button")
    browser.says("Revoked", "main tbody")
    try:
        stage.server.json("GET", "/api/v1/fleet", **fields)
        expect(False, "the revoked token still works")
    except urllib.error.HTTPError as refusal:
        expect(refusal.code == 401, f"the revoked token gets {refusal.code}")


def sessions(stage, browser):
    """an administrator sees the sessions of all, and ends one of them"""
    other = Browser(stage.server)
    try:
        other.start(stage.accounts["operator"])
        browser.go("#/admin/sessions")
        name = stage.accounts["operator"]["username"]
        browser.says(name, "main tbody")
        browser.press(f"End the session of {name}")
        browser.says(f"The session of {name} has ended", ".toasts")
        other.go("#/collectors", settles=False)
        other.says("Your session has ended", "#login")
    finally:
        other.quit()


def secrets(stage, browser):
    """registration secrets are listed with their use, and revoked"""
    browser.go("#/admin/secrets")
    browser.says("1 of 1", "main tbody")
    browser.says("Used up", "main tbody")
    stage.api("POST", "registration-secrets", {"name": "to be revoked", "expires_in": "1h"})
    browser.go("#/admin/secrets?status=active")
    browser.press("Revoke to be revoked")
    browser.press("Revoke", "dialog button")
    browser.wait(lambda: "to be revoked" not in browser.text("main tbody"), "the revoked secret is still active")


def audit(stage, browser):
    """the audit trail names people and actions, and its filters are in the address"""
    browser.go("#/admin/audit")
    browser.says("Store a configuration", "main tbody")
    browser.says(stage.accounts["admin"]["username"], "main tbody")
    browser.click("main select[aria-label=Action] option[value='user.create']")
    browser.wait(lambda: "action=user.create" in browser.hash(), "the filter is not in the address")
    browser.settle()
    browser.says("Add a user", "main tbody")
    browser.silent("Store a configuration", "main tbody")
    browser.driver.back()
    browser.says("Store a configuration", "main tbody")


def health(stage, browser):
    """the server shows its own rates, latencies by stage, backlog, budgets and loops, and dates of keys"""
    browser.go("#/admin/server")
    browser.says("Copy into PostgreSQL")
    browser.says("Ready", "[aria-label=Now]")
    browser.wait(lambda: "/s" in browser.text("[aria-label=Now] .numbers"), "there are no rates")
    browser.says("Pushes under way", "[aria-label='Budgets of memory']")
    browser.wait(lambda: "%" in browser.text("[aria-label=Loops] tbody"), "there is no load of the loops")
    expect(browser.all("[aria-label='Connections to PostgreSQL'] tbody tr"), "there are no connections to PostgreSQL")
    browser.go("#/admin/keys")
    browser.says("Authorities")
    browser.says("Signing keys")


def viewer(stage, browser):
    """a viewer is not offered what a viewer may not do"""
    other = Browser(stage.server)
    try:
        other.start(stage.accounts["viewer"], "#/admin")
        other.settle()
        other.wait(lambda: other.hash() == "#/admin/sessions", "the administration of a viewer does not begin with the sessions")
        for text in ["Users", "Registration secrets", "Keys", "Audit"]:
            other.silent(text, ".tabs")
        other.go("#/admin/users")
        other.says("Administrators see this page")
        other.go("#/collectors")
        other.silent("Enrol hosts")
        expect(not other.all("main input[type=checkbox]"), "a viewer can mark collectors")
        collector = stage.collector().identity["collector_id"]
        other.go(f"#/collectors/{collector}")
        for text in ["Revoke", "Label", "Let it enrol again", "Remove its server"]:
            expect(not [node for node in other.all("main button") if node.text == text], f"a viewer is offered “{text}”")
        other.go(f"#/collectors/{collector}/config")
        other.says("Operators and administrators can change it")
        other.silent("Review and store")
        other.go("#/enrol")
        other.says("Operators and administrators enrol hosts")
        other.check_policy()
    finally:
        other.quit()
