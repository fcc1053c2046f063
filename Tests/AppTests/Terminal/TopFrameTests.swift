import Protocol
import Testing

@testable import App

/// The pictures of the live view.
@Suite struct TopFrameTests {
  private static let hostile =
    "a\u{1B}]0;x\u{7}\u{9B}31m\u{202E}b\r\n\tc\u{0}\u{7F}\u{E0041}👨‍👩‍👧👍🏽日本e\u{301}\u{301}\u{301}\u{301}\u{301}"

  private func frame(_ model: TopModel) -> TopFrame { TopFrame(model, schemas: TopSchemas()) }

  private func fleet(_ names: [String], columns: Int, rows: Int) -> TopModel {
    var model = TopModelTests.model(columns, rows)
    model.data[.fleet] = TopData(value: TopModelTests.fleet(names), receivedAt: model.now)
    return model
  }

  @Test(arguments: [(40, 10), (80, 24), (200, 50), (1, 1), (20, 3)])
  func `every picture fits the screen, whatever the texts are`(_ columns: Int, _ rows: Int) throws {
    for view in TopView.allCases {
      var model = fleet((0..<60).map { "\(Self.hostile)\($0)" }, columns: columns, rows: rows)
      model.server = TopServer(id: 1, name: Self.hostile)
      model.view = view
      let row: JSONValue = [
        "text": .string(Self.hostile), "query": .string(Self.hostile), "pid": 7, "depth": 3,
        "state": .string(Self.hostile),
      ]
      if view != .fleet {
        model.data[view] = TopData(
          value: ["data": [row, row], "findings": [["message": .string(Self.hostile), "severity": "critical"]]],
          receivedAt: model.now)
      }
      for overlay in [nil, TopModel.Overlay.help, .row(row)] {
        model.overlay = overlay
        let lines = frame(model).lines
        #expect(lines.count == rows, "\(view)")
        for line in lines {
          #expect(line.width <= columns && DisplayWidth.of(line.text) <= columns, "\(view): \(line.text)")
          for scalar in line.text.unicodeScalars {
            #expect(
              scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value) && scalar != "\u{202E}"
                && scalar != "\u{200D}",
              "\(scalar.value)")
          }
        }
      }
    }
  }

  @Test func `a name of wide characters does not move the columns behind it`() throws {
    let lines = frame(fleet(["日本語", "plain", "👨‍👩‍👧👍🏽"], columns: 80, rows: 10)).lines
    let rows = lines[3...5].map { line in line.spans.map(\.column) }
    #expect(Set(rows.map { $0.suffix(2) }).count == 1, "\(rows)")
    #expect(lines[4].text.contains("plain"))
  }

  @Test func `the chosen row is in sight and marked, also without colours`() {
    var model = fleet((0..<60).map { "server-\($0)" }, columns: 80, rows: 10)
    for _ in 0..<33 { _ = model.handle(.key(.down)) }
    let lines = frame(model).lines
    let marked = lines.filter(\.isMarked)
    #expect(marked.count == 1 && marked[0].text.hasPrefix("> ") && marked[0].text.contains("server-33"))
  }

  @Test func `a failure is told whole on a narrow screen, and the figures stay`() {
    var model = fleet(["db1"], columns: 40, rows: 10)
    model.failure = (
      ClientFailure(
        .refused, "The session has ended. Log in again: pganalytics login https://metrics.example.com:8443"),
      model.now
    )
    let text = frame(model).lines.map(\.text).joined(separator: " ")
    #expect(text.contains("db1"))
    #expect(text.contains("pganalytics login"))
    #expect(text.contains("https://metrics.example.com:8443"))
  }

  @Test func `the rates of the server are the growth between two answers, and there are none after a restart`() throws {
    func answer(_ at: String, _ uptime: Int64, _ pushes: Int64) -> JSONValue {
      ["at": .string(at), "uptime_seconds": .integer(uptime), "pushes_received": .integer(pushes), "is_ready": true]
    }
    func text(_ before: JSONValue?, _ now: JSONValue) -> String {
      TopIngestText(now, before: before).lines(80).map(\.text).joined(separator: "\n")
    }
    let first = answer("2026-01-01T00:00:00Z", 100, 1000)
    #expect(text(nil, first).contains("–"))
    let grown = text(first, answer("2026-01-01T00:00:04Z", 104, 1100))
    #expect(grown.contains("25/s"), "\(grown)")
    #expect(!text(first, answer("2026-01-01T00:00:04Z", 1, 3)).contains("/s"))
  }

  @Test func `only lines that changed are written, and a new size writes all`() {
    var canvas = TopCanvas(usesColour: false)
    let size = TopSize(columns: 20, rows: 3)
    let first = canvas.bytes([TopLine("one"), TopLine("two"), TopLine("three")], size)
    #expect(first.contains("one") && first.contains("three"))
    #expect(canvas.bytes([TopLine("one"), TopLine("two"), TopLine("three")], size) == "")
    let second = canvas.bytes([TopLine("one"), TopLine("TWO"), TopLine("three")], size)
    #expect(second.contains("TWO") && !second.contains("one") && !second.contains("three"))
    #expect(second.contains("\u{1B}[2;1H"))
    #expect(canvas.bytes([TopLine("one")], size).contains("\u{1B}[3;1H"), "a line that is gone is emptied")
    let wider = canvas.bytes([TopLine("one")], TopSize(columns: 30, rows: 3))
    #expect(wider.contains("one"))
    canvas.forget()
    #expect(canvas.bytes([TopLine("one")], TopSize(columns: 30, rows: 3)).contains("one"))
  }

  @Test func `small bars follow the values, whatever these are`() {
    #expect(TopText.spark([0, 3.5, nil, 7], width: 9) == "▁▅ █")
    #expect(TopText.spark([1, 2, 3], width: 2) == "▁█")
    #expect(TopText.spark([5, 5], width: 9) == "▁▁")
    #expect(TopText.spark([], width: 9) == "")
    #expect(TopText.spark([-1.7e308, 1.7e308], width: 9).count == 2)
    #expect(TopText.bar(0.5, width: 4) == "██░░" && TopText.bar(7, width: 2) == "██")
  }

  @Test func `without colours no style is written`() {
    var line = TopLine("a", .bad)
    line.isMarked = true
    var plain = TopCanvas(usesColour: false)
    #expect(!plain.bytes([line], TopSize(columns: 9, rows: 1)).contains("[31m"))
    var coloured = TopCanvas(usesColour: true)
    let text = coloured.bytes([line], TopSize(columns: 9, rows: 1))
    #expect(text.contains("\u{1B}[31m") && text.contains("\u{1B}[7m"))
  }

  @Test func `a wait tree shows who waits below whom`() {
    var model = TopModelTests.model(100, 10)
    model.server = TopServer(id: 1, name: "db1")
    model.view = .locks
    model.data[.locks] = TopData(
      value: [
        "data": [
          ["pid": 10, "depth": 0, "query": "UPDATE a"],
          ["pid": 11, "depth": 1, "wait_seconds": 12.5, "query": "UPDATE b"],
        ]
      ], receivedAt: model.now)
    let lines = frame(model).lines
    #expect(lines[1].text.contains("1 of 2 sessions wait"))
    #expect(lines[3].text.contains("10") && lines[4].text.contains("└ 11"))
    #expect(lines[4].text.contains("12.5"))
  }
}
