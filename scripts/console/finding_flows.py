"""Flows of findings: acknowledge, silence, thresholds, channels."""

from browser import expect


def findings(stage, browser):
    """a finding shows its figures, is acknowledged and silenced, and the silence ends"""
    stage.await_fleet()
    browser.go("#/findings?check=disk_full")
    browser.says("disk", "main tbody")
    browser.one("main tbody a[data-key]").click()
    browser.wait(lambda: browser.hash().startswith("#/findings/"), "a finding leads nowhere")
    browser.settle()
    browser.says("The figures that show it")
    browser.picture("finding")
    browser.press("Acknowledge")
    browser.type("dialog input[name=note]", "a larger disk <b>comes</b>")
    browser.press("Acknowledge", "dialog button")
    browser.says("The finding is acknowledged", ".toasts")
    browser.says("a larger disk <b>comes</b>", "[aria-label=Finding]")
    browser.press("Silence")
    browser.type("dialog input[name=reason]", "until the disk comes")
    browser.press("Silence", "dialog button")
    browser.says("The finding is silenced", ".toasts")
    browser.go("#/silences")
    browser.says("until the disk comes", "main tbody")
    browser.press("End now")
    browser.says("The silence has ended", ".toasts")
    browser.go("#/findings?check=disk_full&acknowledged=true")
    browser.says(stage.accounts["admin"]["username"], "main tbody")


def checks(stage, browser):
    """a check shows its thresholds and what others would have found"""
    browser.go("#/checks")
    browser.one("main tbody a[data-key]").click()
    browser.wait(lambda: browser.hash().startswith("#/checks/"), "a check leads nowhere")
    browser.settle()
    expect(not browser.all(".notice-problem"), browser.text("main")[:500])
    browser.go("#/checks/disk_full")
    browser.press("Backtest")
    browser.says("Would have opened")
    browser.picture("backtest")


def channels(stage, browser):
    """a channel is made, and the page says why a test did not reach it"""
    browser.go("#/channels")
    browser.says("Nobody is told of findings yet")
    browser.press("New channel")
    browser.type("dialog input[name=name]", "ops")
    browser.type("dialog input[name=url]", "https://127.0.0.1:1/nobody")
    browser.press("Make the channel", "dialog button")
    browser.says("The channel is made", ".toasts")
    browser.wait(lambda: browser.hash().startswith("#/channels/"), "the channel is not opened")
    browser.settle()
    browser.says("ops", "h1")
