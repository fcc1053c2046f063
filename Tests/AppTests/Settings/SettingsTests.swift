import Testing

@testable import App

@Suite struct SettingsTests {
  @Test func `every default prints as a text that reads back to itself`() throws {
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

  @Test func `an override wins over the environment and the environment over the default`() throws {
    #expect(try Settings.read(environment: [:], overrides: []).loops == 0)
    #expect(try Settings.read(environment: ["PGANALYTICS_LOOPS": "3"], overrides: []).loops == 3)
    #expect(try Settings.read(environment: ["PGANALYTICS_LOOPS": "3"], overrides: ["loops=4"]).loops == 4)
  }

  @Test func `all errors are reported at once, each with where it came from`() {
    do {
      _ = try Settings.read(
        environment: ["PGANALYTICS_LOOPS": "many", "PGANALYTICS_IDLE_DEADLINE": "5", "PGANALYTICS_TYPO": "1"],
        overrides: ["body_bytes=1B", "nonsense"])
      Issue.record("nonsense was accepted")
    } catch {
      let sources = error.errors.map(\.source)
      #expect(
        sources == [
          "PGANALYTICS_LOOPS", "PGANALYTICS_IDLE_DEADLINE", "PGANALYTICS_TYPO", "--set body_bytes", "--set nonsense",
        ])
    }
  }

  @Test(arguments: [("64MiB", 67_108_864), ("16KiB", 16384), ("1GiB", 1 << 30), ("7B", 7), ("7", 7)])
  func `sizes have binary units`(text: String, bytes: Int) { #expect(SettingValue.bytes(text) == bytes) }

  @Test(arguments: ["", "MiB", "1MB", "-1x", "1.5GiB", "99999999999999GiB"])
  func `nonsense is no size`(text: String) { #expect(SettingValue.bytes(text) == nil) }

  @Test(arguments: [("10s", 10_000), ("500ms", 500), ("15min", 900_000), ("2h", 7_200_000), ("30d", 2_592_000_000)])
  func `times have units`(text: String, milliseconds: Int64) {
    #expect(SettingValue.time(text) == .milliseconds(milliseconds))
  }

  @Test(arguments: ["", "10", "s", "1y", "1.5s"])
  func `nonsense is no time`(text: String) { #expect(SettingValue.time(text) == nil) }
}
