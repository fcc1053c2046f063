import Testing

@testable import App

@Suite struct FindingMachineTests {
  /// What a row says of a subject.
  private enum Verdict { case opens, holds, neither }

  private func row(_ server: Int32, _ subject: String?, _ verdict: Verdict = .neither, _ value: Double? = nil)
    -> CheckRow
  {
    CheckRow(
      serverID: server, subject: subject, value: value, threshold: nil, opens: verdict == .opens,
      holds: verdict == .holds, message: nil, details: JSONText("{}"))
  }

  private func marker(_ server: Int32) -> CheckRow { row(server, nil) }
  private func key(_ server: Int32, _ subject: String) -> FindingKey { FindingKey(serverID: server, subject: subject) }

  /// One line of the table: whether a finding is open, the rows of its server, and what becomes of it.
  struct Case: Sendable, CustomTestStringConvertible {
    enum Fate: Sendable { case opens, staysOpen, recovers, isGone, staysClosed }
    let name: String
    let isOpen: Bool
    let rows: [CheckRow]
    let hasData: Bool
    let fate: Fate
    var testDescription: String { name }
  }

  static let cases: [Case] = {
    let marker = CheckRow(
      serverID: 1, subject: nil, value: nil, threshold: nil, opens: false, holds: false, message: nil,
      details: JSONText("{}"))
    func row(opens: Bool, holds: Bool) -> CheckRow {
      CheckRow(
        serverID: 1, subject: "slot", value: 1, threshold: 2, opens: opens, holds: holds, message: "m",
        details: JSONText("{}"))
    }
    let (opens, holds, neither) = (
      row(opens: true, holds: true), row(opens: false, holds: true), row(opens: false, holds: false)
    )
    let alone = row(opens: true, holds: false)
    return [
      Case(name: "closed, no data", isOpen: false, rows: [], hasData: false, fate: .staysClosed),
      Case(name: "closed, marker", isOpen: false, rows: [marker], hasData: true, fate: .staysClosed),
      Case(name: "closed, neither", isOpen: false, rows: [marker, neither], hasData: true, fate: .staysClosed),
      Case(name: "closed, holds", isOpen: false, rows: [marker, holds], hasData: true, fate: .staysClosed),
      Case(name: "closed, opens", isOpen: false, rows: [marker, opens], hasData: true, fate: .opens),
      Case(name: "closed, opens without marker", isOpen: false, rows: [opens], hasData: true, fate: .opens),
      Case(name: "closed, opens twice", isOpen: false, rows: [opens, opens, marker], hasData: true, fate: .opens),
      Case(name: "open, no data", isOpen: true, rows: [], hasData: false, fate: .staysOpen),
      Case(name: "open, opens", isOpen: true, rows: [opens, marker], hasData: true, fate: .staysOpen),
      Case(name: "open, opens and does not say holds", isOpen: true, rows: [alone], hasData: true, fate: .staysOpen),
      Case(name: "open, holds", isOpen: true, rows: [marker, holds], hasData: true, fate: .staysOpen),
      Case(name: "open, holds without marker", isOpen: true, rows: [holds], hasData: true, fate: .staysOpen),
      Case(name: "open, neither", isOpen: true, rows: [marker, neither], hasData: true, fate: .recovers),
      Case(name: "open, neither without marker", isOpen: true, rows: [neither], hasData: true, fate: .recovers),
      Case(name: "open, marker only", isOpen: true, rows: [marker], hasData: true, fate: .isGone),
    ]
  }()

  @Test(arguments: cases) func `a finding follows the table`(_ one: Case) {
    let key = key(1, "slot")
    var machine = FindingMachine(absence: .gone, open: one.isOpen ? [key] : [])
    let evaluation = machine.evaluate(one.rows, of: [1])
    #expect(evaluation.opened.count == (one.fate == .opens ? 1 : 0))
    #expect(evaluation.kept.count == (one.fate == .staysOpen && one.hasData ? 1 : 0))
    let reason: EndReason? = one.fate == .recovers ? .recovered : one.fate == .isGone ? .gone : nil
    #expect(evaluation.ended == (reason.map { [.init(key: key, reason: $0)] } ?? []))
    #expect(evaluation.withoutData == (one.hasData ? [] : [1]))
    #expect(machine.open.contains(key) == [.opens, .staysOpen].contains(one.fate))
    // The next evaluation without data changes nothing.
    let open = machine.open
    #expect(machine.evaluate([], of: [1]).isQuiet)
    #expect(machine.open == open)
  }

  @Test func `a check without objects calls the end of an absent subject a recovery`() {
    var machine = FindingMachine(absence: .recovered, open: [key(1, "")])
    #expect(machine.evaluate([marker(1)], of: [1]).ended == [.init(key: key(1, ""), reason: .recovered)])
  }

  @Test func `servers that were not evaluated keep their findings, and their rows are ignored`() {
    var machine = FindingMachine(absence: .gone, open: [key(1, "a"), key(2, "b")])
    let evaluation = machine.evaluate([marker(1), marker(2), row(3, "c", .opens)], of: [1])
    #expect(evaluation.ended == [.init(key: key(1, "a"), reason: .gone)])
    #expect(evaluation.opened.isEmpty)
    #expect(machine.open == [key(2, "b")])
  }

  @Test func `a server has at most so many open findings of a check, and an end makes room`() {
    let most = FindingMachine.mostSubjects
    let rows = (0...most).map { row(1, "\($0)", .opens) }
    var machine = FindingMachine(absence: .gone)
    let first = machine.evaluate(Array(rows.prefix(most)) + [row(2, "x", .opens)], of: [1, 2])
    #expect(first.opened.count == most + 1 && first.suppressed == 0)
    let second = machine.evaluate(rows + [marker(2)], of: [1, 2])
    #expect(second.opened.isEmpty && second.suppressed == 1)
    #expect(second.kept.count == most)
    let third = machine.evaluate(Array(rows.dropFirst()) + [marker(1)], of: [1])
    #expect(third.ended.map(\.key.subject) == ["0"])
    #expect(third.opened.map(\.subject) == ["\(most)"] && third.suppressed == 0)
  }

  @Test func `hysteresis: a value between the thresholds neither opens nor ends`() {
    var machine = FindingMachine(absence: .gone)
    var events: [String] = []
    for value in [80.0, 92, 94, 96, 94, 96, 92.9, 94, 95] {
      let verdict: Verdict = value >= 95 ? .opens : value >= 93 ? .holds : .neither
      let evaluation = machine.evaluate([row(1, "disk", verdict, value), marker(1)], of: [1])
      events += evaluation.opened.map { "opens at \($0.value ?? 0)" } + evaluation.ended.map { _ in "ends at \(value)" }
    }
    #expect(events == ["opens at 96.0", "ends at 92.9", "opens at 95.0"])
  }

  @Test func `a list without a marker ends no finding of a subject that it lacks`() {
    var machine = FindingMachine(absence: .gone, open: [key(1, "table"), key(2, "table")])
    let evaluation = machine.evaluate([row(1, "other"), row(2, "other"), marker(2)], of: [1, 2])
    #expect(evaluation.ended == [.init(key: key(2, "table"), reason: .gone)])
    #expect(machine.open == [key(1, "table")])
    #expect(evaluation.withoutData.isEmpty)
  }
}
