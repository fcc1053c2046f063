"""Flows of sessions: login, reload, tabs, an end of the session in the middle of work, logout."""

from browser import Browser, expect

REFRESH = """
window.outcome = null;
import(new URL('session.js', document.querySelector('script[type=module]').src)).then(async ({ accessToken, refresh }) => {
  window.outcome = String(await refresh(await accessToken()));
}).catch((failure) => { window.outcome = `failed: ${failure}`; });
"""


def login(stage, browser):
    """a wrong password is told, a right one opens the fleet, and a reload keeps the session"""
    account = stage.accounts["admin"]
    browser.open()
    browser.log_in({**account, "password": "a wrong password"})
    browser.says("password", "#login .notice-problem")
    browser.log_in(account)
    browser.gone("#login")
    browser.settle()
    expect(browser.hash().startswith("#/fleet"), f"the first page is {browser.hash()}")
    browser.says(account["username"], ".side")
    cookie = next(one for one in browser.command("Network.getCookies", urls=[browser.url + "/"])["cookies"])
    expect(cookie["name"] == "__Host-pganalytics-session", f"the cookie is {cookie['name']}")
    expect(cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/", f"the cookie is {cookie}")
    stored = browser.run("return [Object.keys(localStorage), Object.keys(sessionStorage), document.cookie]")
    expect(not any("token" in key for key in stored[0] + stored[1]) and stored[2] == "", f"scripts can read a token: {stored}")
    browser.driver.refresh()
    browser.settle()
    expect(not browser.all("#login"), "a reload asks for the password again")


def tabs(stage, browser):
    """two tabs refresh at once, and both go on"""
    first = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    second = browser.driver.current_window_handle
    browser.open("#/collectors")
    browser.settle()
    expect(not browser.all("#login"), "a second tab asks for the password")
    for tab in (first, second):
        browser.driver.switch_to.window(tab)
        browser.run(REFRESH)
    for tab in (first, second):
        browser.driver.switch_to.window(tab)
        browser.wait(lambda: browser.run("return window.outcome"), "a refresh does not end")
        expect(browser.run("return window.outcome") == "true", f"a refresh ended: {browser.run('return window.outcome')}")
    # Without the lock of the page, as when a reload interrupts a refresh.
    statuses = browser.driver.execute_async_script(
        "const done = arguments[0]; const one = () => fetch('/api/v1/auth/refresh', { method: 'POST' }).then(({ status }) => status);"
        "Promise.all([one(), one(), one()]).then(done, (failure) => done(String(failure)))")
    expect(statuses == [200, 200, 200], f"three refreshes at once got {statuses}")
    for tab, hash in [(first, "#/fleet"), (second, "#/collectors")]:
        browser.driver.switch_to.window(tab)
        browser.driver.refresh()
        browser.settle()
        expect(not browser.all("#login"), "a tab lost its session")
        browser.go(hash)
    browser.driver.close()
    browser.driver.switch_to.window(first)


def expiry(stage, browser):
    """a session that ends asks for the password in place, and what was typed stays and is sent"""
    collector = stage.collector(1).identity["collector_id"]
    browser.go(f"#/collectors/{collector}/config")
    browser.type(".editor textarea", "# typed before the end\n[collector]\ninterval = 30\n")
    stage.end_sessions(stage.accounts["admin"])
    browser.press("Review and store")
    browser.press("Store")
    browser.says("Your session has ended", "#login")
    browser.type("#login input[name=password]", stage.accounts["admin"]["password"])
    browser.one("#login button").click()
    browser.gone("#login")
    browser.says("Version 1 is stored", ".toasts")
    expect("typed before the end" in browser.run("return document.querySelector('.editor textarea').value"), "the typed text is lost")


def logout(stage, browser):
    """a logout everywhere ends every tab and every other browser"""
    other = Browser(stage.server)
    try:
        other.start(stage.accounts["admin"])
        browser.go("#/fleet")
        browser.one(".person button").click()
        browser.press("Log out everywhere", "[role=menuitem]")
        browser.one("#login")
        expect(not browser.all("main table"), "the page of the ended session is still there")
        other.go("#/collectors", settles=False)
        other.says("Your session has ended", "#login")
        other.check_policy()
    finally:
        other.quit()
    browser.log_in(stage.accounts["admin"])
    browser.gone("#login")
    browser.settle()
