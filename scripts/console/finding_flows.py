"""Flows of findings: what was found and who takes care of it, silences, checks with a backtest, channels, many servers at once."""

from browser import Browser, expect

NOTE = "the storage is being enlarged <b>now</b>"
CHANNEL = "ops & \"night\" <script>"


def findings(stage, browser):
    """a finding has its figures and advice, can be acknowledged with a note, and the acknowledgement can be taken back"""
    # The disks of the simulated hosts are half full.
    stage.api("PATCH", "checks/disk_full", {"thresholds": {"percent": 20, "percent_end": 10}})
    stage.await_finding("disk_full")
    browser.go("#/findings")
    browser.click("select[aria-label=Severity] option[value=critical]")
    browser.wait(lambda: "severity=critical" in browser.hash(), "the severity is not in the address")
    browser.settle()
    browser.go("#/findings?check=disk_full")
    browser.picture("findings")
    browser.click("main tbody a[data-key]")
    browser.wait(lambda: browser.hash().startswith("#/findings/"), "a finding leads nowhere")
    browser.one(".chart canvas")
    browser.says("Threshold", ".legend")
    browser.says("Free space or enlarge the file system")
    browser.says("a finding opens at 20 %")
    browser.wait(lambda: "from=" in browser.hash() and "to=" in browser.hash(), "the time of the finding is not in the address")
    browser.press("Acknowledge")
    browser.type("dialog input[name=note]", NOTE)
    browser.press("Acknowledge", "dialog button[type=submit]")
    browser.says(NOTE, "main")
    browser.picture("finding")
    browser.press("Take the acknowledgement back")
    browser.wait(lambda: NOTE not in browser.text("main"), "the acknowledgement stays")


def silences(stage, browser):
    """a silence is made with its reason, is listed with its end, and can be ended"""
    browser.go("#/silences")
    browser.press("New silence")
    browser.click("dialog select[name=check] option[value=disk_full]")
    browser.type("dialog input[name=labels]", "no label")
    browser.type("dialog input[name=reason]", NOTE)
    browser.press("Silence", "dialog button[type=submit]")
    browser.says("“no label” is no label", "dialog")
    browser.type("dialog input[name=labels]", "env=test")
    browser.press("Silence", "dialog button[type=submit]")
    browser.gone("dialog")
    browser.says(NOTE, "main tbody")
    browser.says("env=test", "main tbody")
    browser.press("End now")
    browser.says("Nothing is silenced")


def checks(stage, browser):
    """a threshold that a person moves is backtested over history, and counts after saving; a viewer can only look"""
    browser.go("#/checks")
    browser.click("main tbody a[data-key=disk_full]")
    browser.one("main input[type=range]")
    browser.press("Backtest")
    browser.says("Would have opened", "main")
    browser.one(".spans rect")
    browser.picture("backtest")
    browser.run("""const slider = document.querySelector('main input[type=range]');
      slider.value = 0; slider.dispatchEvent(new Event('input')); slider.dispatchEvent(new Event('change'));""")
    browser.wait(lambda: browser.run("return document.querySelector('main input[type=number]').value") == "0", "the number does not follow the slider")
    browser.settle()
    browser.press("Defaults")
    browser.run("""const [number] = document.querySelectorAll('main input[type=number]');
      number.value = 96; number.dispatchEvent(new Event('change'));""")
    browser.press("Use these thresholds")
    browser.says("The thresholds count from the next run on")
    stored = next(check for check in stage.api("GET", "checks")["data"] if check["name"] == "disk_full")
    expect(stored["thresholds"][0]["value"] == 96, f"the stored thresholds are {stored['thresholds']}")
    stage.api("PATCH", "checks/disk_full", {"thresholds": {"percent": None, "percent_end": None}})
    other = Browser(stage.server)
    try:
        other.start(stage.accounts["viewer"], "#/checks/disk_full")
        other.one("main input[type=range]")
        other.silent("Use these thresholds")
        other.silent("Switch off")
        other.check_policy()
    finally:
        other.quit()


def channels(stage, browser):
    """a channel is made and changed with all its fields, a test says why a target does not answer, and the channel is deleted"""
    browser.go("#/channels")
    browser.press("New channel")
    browser.type("dialog input[name=name]", CHANNEL)
    browser.type("dialog input[name=url]", "https://127.0.0.1:9/hook")
    browser.press("Make the channel")
    browser.wait(lambda: browser.hash().startswith("#/channels/"), "the new channel does not open")
    browser.wait(lambda: browser.text("h1") == CHANNEL, "the title is not the name")
    browser.press("Send a test")
    browser.says("Not delivered", "main")
    browser.press("Change")
    browser.click("dialog select[name=severity] option[value=critical]")
    browser.click("dialog summary")
    browser.type("dialog input[name=secret_file]", "hook.secret")
    browser.type("dialog input[name=ca_file]", "hook-ca.pem")
    browser.type("dialog textarea[name=template]", '{"content": "{{title}}"}')
    browser.picture("channel-form")
    browser.press("Save", "dialog button[type=submit]")
    browser.wait(lambda: stage.api("GET", "channels")["data"][0]["severities"] == ["critical"], "the change is not stored")
    stored = stage.api("GET", "channels")["data"][0]
    files = (stored["target"]["secret_file"], stored["target"]["ca_file"], stored["template"])
    expect(files == ("hook.secret", "hook-ca.pem", '{"content": "{{title}}"}'), f"files and template are {files}")
    browser.says("file hook-ca.pem", "main")
    browser.settle()
    browser.press("Delete")
    browser.press("Delete", "dialog button[type=submit]")
    browser.wait(lambda: browser.hash() == "#/channels", "the page of a deleted channel stays")
    browser.says("Nobody is told of findings yet")


def bulk(stage, browser):
    """marked servers get a label, their findings are acknowledged, and they are silenced; all servers can be marked at once"""
    rows = stage.await_fleet()
    browser.go("#/fleet?sort=name")
    browser.click("main tbody input[type=checkbox]")
    browser.says("1 server marked")
    browser.press("Label")
    browser.type("dialog input[name=labels]", "wave=first")
    browser.press("Set labels")
    browser.says("The labels of 1 servers have changed")
    browser.wait(lambda: "marked" not in browser.text("main"), "the mark stays after the work")
    browser.click("thead input[type=checkbox]")
    browser.says(f"{stage.api('GET', 'fleet')['total']} servers marked")
    browser.press("Silence")
    browser.type("dialog input[name=reason]", NOTE)
    browser.press("Silence", "dialog button[type=submit]")
    browser.says("servers are silenced")
    expect(stage.api("GET", "silences")["total"] >= len(rows), "there are fewer silences than servers")
    changes = stage.api("GET", "audit?action=silence.add_many")["total"]
    expect(changes == 1, f"{changes} requests silenced the servers")
    browser.go("#/fleet?label=wave%3Dfirst")
    browser.click("thead input[type=checkbox]")
    browser.says("1 server marked")
    browser.press("Acknowledge findings")
    browser.press("Acknowledge", "dialog button[type=submit]")
    browser.says("findings are acknowledged")
    open_ones = stage.api("GET", "findings?label=wave%3Dfirst&acknowledged=false")["total"]
    expect(open_ones == 0, f"{open_ones} findings are not acknowledged")
