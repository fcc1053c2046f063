import Glibc
import Ground
import Testing

@testable import App

@Suite struct SettingsTests {
  @Test func `every default prints as a text that reads back to the same value`() throws {
    for declaration in Settings.declarations {
      var settings = Settings()
      let text = declaration.print(settings)
      try declaration.read(text, from: declaration.name, into: &settings)
      #expect(declaration.print(settings) == text)
    }
  }

  @Test func `names are unique and environment variables follow from them`() {
    #expect(Set(Settings.declarations.map(\.name)).count == Settings.declarations.count)
    #expect(Settings.declarations.first { $0.name == "body_bytes" }?.environmentVariable == "PGANALYTICS_BODY_BYTES")
  }

  private func read(
    _ file: String? = nil, environment: [String: String] = [:], overrides: [String] = []
  ) throws -> ReadSettings {
    var path: String?
    if let file {
      var template = Array("/tmp/pga-settings-XXXXXX".utf8CString)
      let descriptor = mkstemp(&template)
      try #require(descriptor >= 0)
      close(descriptor)
      path = String(decoding: template.dropLast().map(UInt8.init), as: UTF8.self)
      try LocalFile.replace(path!, with: Array(file.utf8))
    }
    defer { if let path { unlink(path) } }
    do throws(SettingErrors) {
      return try SettingSources(file: path, environment: environment, overrides: overrides).read()
    } catch {
      // The tests do not know the path of the file.
      throw SettingErrors(
        errors: error.errors.map {
          SettingError(source: $0.source.replacing(path ?? "\0", with: "file"), problem: $0.problem)
        })
    }
  }

  private func errors(
    _ file: String? = nil, environment: [String: String] = [:], overrides: [String] = []
  ) throws -> [String] {
    do {
      _ = try read(file, environment: environment, overrides: overrides)
      return []
    } catch let error as SettingErrors {
      return error.errors.map(\.description)
    }
  }

  @Test func `the command line wins over the environment, then the file, then the default`() throws {
    let variable = ["PGANALYTICS_LOOPS": "3"]
    #expect(try read().settings.loops == 0)
    let file = try read("loops = 2\nbody_bytes = \"1MiB\"\n")
    #expect(file.settings.loops == 2)
    #expect(file.settings.bodyBytes == 1 << 20)
    #expect(file.sources["body_bytes"]?.hasSuffix(":2") == true)
    #expect(try read("loops = 2", environment: variable).settings.loops == 3)
    let all = try read("loops = 2", environment: variable, overrides: ["loops=4", "loops=5"])
    #expect(all.settings.loops == 5)
    #expect(all.sources == ["loops": "--set loops"])
  }

  @Test func `all errors are reported at once, each with its source`() throws {
    let found = try errors(
      "loops = \"many\"\n\nidle_deadline = 5\ntypo = 1\nhead_bytes = 1.5\n[section]\nx = 1\n",
      environment: ["PGANALYTICS_LOOPS": "many", "PGANALYTICS_TYPO": "1", "HOME": "/"],
      overrides: ["body_bytes=1B", "nonsense"])
    #expect(
      found == [
        "file:1: loops: \"many\" is not a whole number",
        "file:3: idle_deadline: \"5\" is not a time such as 500ms, 10s, 15min, 12h or 30d",
        "file:4: typo: there is no such setting", "file:5: head_bytes: a text or a whole number is wanted",
        "file:6: section: there is no such setting", "PGANALYTICS_LOOPS: \"many\" is not a whole number",
        "PGANALYTICS_TYPO: there is no such setting", "--set body_bytes: 1B is not in 1KiB...1024GiB",
        "--set nonsense: there is no such setting",
      ])
    #expect(try errors("loops = 1\nloops = 2\n") == ["file:2:1: a key is defined twice"])
    #expect(
      try errors(environment: ["PGANALYTICS_CONFIG": "/nowhere/x.toml"]) == ["/nowhere/x.toml: there is no such file"])
  }

  @Test func `a removed setting stops nothing, and a notice names its replacement`() throws {
    let read = try read(
      "query_rest = 0\nloops = 2\n", environment: ["PGANALYTICS_QUERY_REST_MAXIMUM": "1s"],
      overrides: ["query_rest_owed=1s"])
    #expect(read.settings.loops == 2)
    #expect(read.sources.count == 1)
    #expect(read.notices.count == 3)
    for (notice, name) in zip(
      read.notices, [":1: query_rest: ", "PGANALYTICS_QUERY_REST_MAXIMUM: ", "--set query_rest_owed: "])
    {
      #expect(notice.contains(name + "this setting is gone"))
      #expect(notice.contains("query_put_off_maximum"))
    }
    // Every setting that replaces another must exist.
    let names = Set(Settings.declarations.map(\.name))
    #expect(names.isDisjoint(with: Settings.gone.keys))
    #expect(names.isSuperset(of: ["query_push_slowdown", "query_push_delay", "query_put_off_maximum"]))
  }

  @Test func `each name has a time of its own, and a fault in one of them is reported`() throws {
    let declaration = try #require(Settings.declarations.first { $0.name == "type_retention" })
    func ages(_ text: String) throws(SettingError) -> [String: Duration] {
      var settings = Settings()
      try declaration.read(text, from: "here", into: &settings)
      return settings.typeRetention
    }
    #expect(try ages("") == [:])
    let read = try ages(" pg_log=7d , disk_usage=36h")
    #expect(read == ["pg_log": .seconds(7 * 86_400), "disk_usage": .seconds(36 * 3600)])
    for (text, problem) in [
      ("pg_log", "is not a name and a time"), ("pg_log=7", "is not a name and a time"), ("pg_lag=7d", "is none of"),
      ("pg_log=1h", "is not in 1d"), ("pg_log=7d,pg_log=8d", "is given twice"),
    ] {
      #expect {
        var settings = Settings()
        try declaration.read(text, from: "here", into: &settings)
      } throws: { "\($0)".contains(problem) }
    }
  }

  @Test func `the shown settings read back to the same values and hide secrets`() throws {
    let given = try read(
      "loops = 2\nmetrics_token = \"geheim\"\n",
      overrides: ["database_url=postgresql://me:pass@host/db", "idle_deadline=7s"])
    let text = given.text()
    #expect(!text.contains("geheim") && !text.contains("pass"))
    #expect(text.contains("database_url = \"postgresql://me:•••@host/db\"  # --set database_url, restart"))
    #expect(text.contains("idle_deadline = \"7s\"  # --set idle_deadline, live"))
    #expect(text.contains("head_bytes = \"16KiB\"  # default, live"))
    let again = try read(text)
    for declaration in Settings.declarations where !declaration.isSecret {
      #expect(declaration.print(again.settings) == declaration.print(given.settings))
    }
    let other = try read(overrides: ["database_url=host=x password=geheim"]).text()
    #expect(!other.contains("geheim"))
  }

  @Test(arguments: [("64MiB", 67_108_864), ("16KiB", 16384), ("1GiB", 1 << 30), ("7B", 7), ("7", 7)])
  func `sizes have binary units`(text: String, bytes: Int) { #expect(SettingValue.bytes(text) == bytes) }

  @Test(arguments: ["", "MiB", "1MB", "-1x", "1.5GiB", "99999999999999GiB"])
  func `a malformed size is refused`(text: String) { #expect(SettingValue.bytes(text) == nil) }

  @Test(arguments: [("10s", 10_000), ("500ms", 500), ("15min", 900_000), ("2h", 7_200_000), ("30d", 2_592_000_000)])
  func `times have units`(text: String, milliseconds: Int64) {
    #expect(SettingValue.time(text) == .milliseconds(milliseconds))
  }

  @Test(arguments: ["", "10", "s", "1y", "1.5s"])
  func `a malformed time is refused`(text: String) { #expect(SettingValue.time(text) == nil) }
}
