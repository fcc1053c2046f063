import Ground
import Testing

@testable import App

@Suite struct CheckTests {
  @Test func `names of checks and of their thresholds are words that never clash`() {
    #expect(Checks.byName.count == Checks.all.count)
    for check in Checks.all {
      #expect(check.name.wholeMatch(of: /[a-z][a-z0-9_]{2,40}/) != nil, "\(check.name)")
      #expect(Set(check.thresholds.map(\.name)).count == check.thresholds.count, "\(check.name)")
      for threshold in check.thresholds {
        #expect(threshold.name.wholeMatch(of: /[a-z][a-z_]{1,40}/) != nil, "\(check.name): \(threshold.name)")
      }
    }
  }

  @Test func `what people read of a check are whole sentences`() {
    for check in Checks.all {
      for text in [check.ends, check.advice] + check.thresholds.map(\.prose) {
        #expect(text.hasSuffix("."), "\(check.name): \(text)")
      }
      #expect(!check.title.hasSuffix(".") && check.title.first?.isUppercase == true, "\(check.name)")
    }
  }

  @Test func `a check names the tables that its statement reads`() {
    for check in Checks.all {
      let sql = check.statement.description.sql
      let named = Set(sql.matches(of: /\b(?:metrics\.)([a-z_]+)/).map { String($0.1) })
      let known = Set(check.tables.filter { !$0.hasPrefix("pganalytics.") })
      #expect(named.subtracting(["pg_replication_wraparound"]).isSubset(of: known), "\(check.name): \(named)")
      #expect(known.isSubset(of: named), "\(check.name) names \(known), and reads \(named)")
    }
  }

  @Test func `the path of the read names the server`() {
    let check = Checks.byName["disk_full"]
    #expect(check?.place(of: 7) == "/api/v1/servers/7/space")
  }

  @Test func `changed thresholds replace the defaults in their declared order`() throws {
    let check = try #require(Checks.byName["disk_full"])
    #expect(check.values() == [95, 93])
    #expect(check.values(["percent_end": 80]) == [95, 80])
    #expect(
      try ThresholdChange(["percent": 97]).applied(to: ["percent_end": 80], of: check) == [
        "percent": 97, "percent_end": 80,
      ])
    #expect(try ThresholdChange(["percent_end": nil]).applied(to: ["percent_end": 80], of: check) == [:])
    #expect(throws: Problem(.validationFailed, "thresholds.percent must be a number from 0.0 to 100.0")) {
      try ThresholdChange(["percent": 100.5]).applied(to: [:], of: check)
    }
    #expect(throws: Problem.self) { try ThresholdChange(["speed": 1]).applied(to: [:], of: check) }
  }

  @Test func `a check with a period is due once in each stretch of it, at different times for different servers`()
    throws
  {
    let check = Check(
      "x", "X", .warning, every: .seconds(600), reads: [], ends: "", advice: "", look: "", sql: "SELECT 1")
    let active = try #require(CheckSetup([check], []).active.first)
    var borders: Set<Int> = []
    for server in Int32(1)...20 {
      var last: Timestamp?
      var due: [Int] = []
      for minute in 0..<60 {
        let at = Timestamp(unixSeconds: 1_790_000_000 + Int64(minute) * 60)
        if active.isDue(at, server: server, after: last) { due.append(minute) }
        last = at
      }
      #expect(due.count == 6 || due.count == 7, "server \(server): \(due)")
      #expect(zip(due.dropFirst(), due.dropFirst(2)).allSatisfy { $1 - $0 == 10 }, "server \(server): \(due)")
      borders.insert(due[1])
    }
    #expect(borders.count > 3, "the servers' stretches begin at different times")
  }
}
