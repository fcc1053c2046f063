import Protocol
import Reactor
import Testing

@testable import App

/// The live view without a terminal: events in, actions out.
@Suite struct TopModelTests {
  static func time(_ seconds: Int) -> TopTime {
    TopTime(monotonic: MonotonicTime(nanoseconds: UInt64(seconds + 100) * 1_000_000_000), unixSeconds: Int64(seconds))
  }

  static func model(_ columns: Int = 100, _ rows: Int = 12) -> TopModel {
    TopModel(host: "metrics.example.com:8443", size: TopSize(columns: columns, rows: rows), now: time(0))
  }

  static func fleet(_ names: [String], pages: Int64 = 1) -> JSONValue {
    let rows = names.enumerated().map { index, name -> JSONValue in
      [
        "server_id": .integer(Int64(index + 1)), "name": .string(name), "state": "ok",
        "connections": .integer(Int64(index)),
      ]
    }
    return ["data": .array(rows), "total": .integer(Int64(names.count)), "total_pages": .integer(pages)]
  }

  /// The questions among actions.
  private func targets(_ actions: [TopAction]) -> [String] {
    actions.compactMap { action in
      switch action {
      case .ask(let question): question.target
      case .draw, .suspend, .quit: nil
      }
    }
  }

  /// A model that has the answer to its first question.
  private func started(_ names: [String] = ["a", "b", "c"], pages: Int64 = 1) throws -> TopModel {
    var model = Self.model()
    _ = model.handle(.tick(Self.time(0)))
    let question = try #require(model.pending)
    _ = model.handle(.answer(question, .success(Self.fleet(names, pages: pages))))
    return model
  }

  @Test func `it asks at once, waits for the answer, and asks again after the interval`() throws {
    var model = Self.model()
    #expect(targets(model.handle(.tick(Self.time(0)))) == ["/api/v1/fleet?page=1&page_size=100"])
    let question = try #require(model.pending)
    #expect(targets(model.handle(.tick(Self.time(60)))) == [], "one question at a time")
    _ = model.handle(.answer(question, .success(Self.fleet(["a"]))))
    _ = model.handle(.tick(Self.time(60)))
    #expect(model.pending != nil)
    _ = model.handle(.answer(question, .success(Self.fleet(["a"]))))
    #expect(targets(model.handle(.tick(Self.time(61)))) == [])
    #expect(targets(model.handle(.tick(Self.time(62)))).count == 1)
  }

  @Test func `a pause asks nothing, and its end asks at once`() throws {
    var model = try started()
    #expect(targets(model.handle(.key(.character(" ")))) == [])
    #expect(targets(model.handle(.tick(Self.time(500)))) == [])
    #expect(targets(model.handle(.key(.character(" ")))).count == 1)
  }

  @Test func `Enter opens the chosen server, and Esc goes back to the fleet`() throws {
    var model = try started()
    _ = model.handle(.key(.character("j")))
    #expect(targets(model.handle(.key(.enter))) == ["/api/v1/servers/2/overview?start_time=1h"])
    #expect(model.view == .server && model.server == TopServer(id: 2, name: "b"))
    // The question of the server is under way, so the next view waits for its answer.
    #expect(targets(model.handle(.key(.character("3")))) == [])
    let pending = try #require(model.pending)
    #expect(
      targets(model.handle(.answer(pending, .success(["data": []]))))
        == ["/api/v1/queries?page=1&page_size=100&server=2&start_time=1h"])
    _ = model.handle(.key(.escape))
    #expect(model.view == .server)
    _ = model.handle(.key(.escape))
    #expect(model.view == .fleet && model.server == nil)
    #expect(model.list.selection == 1, "the row is still chosen")
  }

  @Test func `a row stays chosen when the rows move`() throws {
    var model = try started(["a", "b", "c"])
    _ = model.handle(.key(.down))
    _ = model.handle(.tick(Self.time(10)))
    let question = try #require(model.pending)
    let moved: JSONValue = ["data": [["server_id": 3], ["server_id": 1], ["server_id": 2]], "total_pages": 1]
    _ = model.handle(.answer(question, .success(moved)))
    #expect(model.list.selection == 2)
    _ = model.handle(.tick(Self.time(20)))
    _ = model.handle(.answer(try #require(model.pending), .success(["data": [["server_id": 9]], "total_pages": 1])))
    #expect(model.list.selection == 0, "its server has gone")
  }

  @Test func `the order is asked of the server, and the rows at hand are sorted at once`() throws {
    var model = try started(["a", "c", "b"])
    #expect(targets(model.handle(.key(.character(">")))) == ["/api/v1/fleet?page=1&page_size=100&sort=-name"])
    #expect(model.rows.compactMap { $0[member: "name"]?.string } == ["c", "b", "a"])
    _ = model.handle(.key(.character("r")))
    #expect(model.rows.compactMap { $0[member: "name"]?.string } == ["a", "b", "c"])
    _ = model.handle(.key(.character("<")))
    #expect(model.list.sort == "urgency")
  }

  @Test func `a filter is typed, sent percent-encoded, and removed by Esc`() throws {
    var model = try started()
    for key in "/d q&ß" { _ = model.handle(.key(.character(key))) }
    #expect(model.prompt == "d q&ß")
    _ = model.handle(.key(.backspace))
    #expect(
      targets(model.handle(.key(.enter))) == ["/api/v1/fleet?page=1&page_size=100&q=d%20q%26"],
      "q is no key while typing")
    let pending = try #require(model.pending)
    _ = model.handle(.answer(pending, .success(Self.fleet([]))))
    #expect(targets(model.handle(.key(.escape))) == ["/api/v1/fleet?page=1&page_size=100"])
  }

  @Test func `moving beyond the last row turns the page`() throws {
    var model = try started(["a", "b"], pages: 2)
    _ = model.handle(.key(.down))
    #expect(targets(model.handle(.key(.down))) == ["/api/v1/fleet?page=2&page_size=100"])
    _ = model.handle(.answer(try #require(model.pending), .success(Self.fleet(["c"], pages: 2))))
    #expect(model.list.selection == 0)
    #expect(targets(model.handle(.key(.down))) == [], "there is no page 3")
    #expect(targets(model.handle(.key(.up))) == ["/api/v1/fleet?page=1&page_size=100"])
  }

  @Test func `a failure keeps the last figures, says why, and ends with the next answer`() throws {
    var model = try started()
    _ = model.handle(.tick(Self.time(10)))
    let question = try #require(model.pending)
    _ = model.handle(.answer(question, .failure(ClientFailure(.unreachable, "Nobody listens."))))
    #expect(model.rows.count == 3)
    #expect(model.failure?.reason.description == "Nobody listens." && model.failure?.since == Self.time(10))
    _ = model.handle(.tick(Self.time(20)))
    _ = model.handle(.answer(question, .failure(ClientFailure(.unreachable, "Still nobody."))))
    #expect(model.failure?.since == Self.time(10), "the begin of the failure stays")
    _ = model.handle(.tick(Self.time(30)))
    _ = model.handle(.answer(question, .success(Self.fleet(["a"]))))
    #expect(model.failure == nil && model.rows.count == 1)
  }

  @Test func `an answer about another server is not shown`() throws {
    var model = try started()
    _ = model.handle(.key(.enter))
    let old = try #require(model.pending)
    _ = model.handle(.key(.escape))
    _ = model.handle(.key(.down))
    _ = model.handle(.key(.enter))
    #expect(model.server?.id == 2)
    _ = model.handle(.answer(old, .success(["data": [["connections": 77]]])))
    #expect(model.data[.server] == nil)
    #expect(model.pending?.target == "/api/v1/servers/2/overview?start_time=1h")
  }

  @Test func `q, Ctrl-C and Ctrl-Z leave, and only Ctrl-C and Ctrl-Z while a filter is typed`() throws {
    var model = try started()
    #expect(model.handle(.key(.character("q"))).contains(.quit))
    #expect(model.handle(.key(.control("c"))).contains(.quit))
    #expect(model.handle(.key(.control("z"))).contains(.suspend))
    _ = model.handle(.key(.character("/")))
    #expect(!model.handle(.key(.character("q"))).contains(.quit))
    #expect(model.handle(.key(.control("c"))).contains(.quit))
  }

  @Test func `every key of the help does something in some view`() throws {
    let written = TopKeyMeaning.all.map(\.keys).joined(separator: " ")
    for key in ["1", "5", "j", "k", "Enter", "Esc", "/", "s", "<", ">", "r", "t", "+", "-", "i", "Space", "?", "q"] {
      #expect(written.contains(key), "\(key)")
    }
    var model = try started()
    _ = model.handle(.key(.character("?")))
    #expect(model.overlay != nil)
    _ = model.handle(.key(.escape))
    #expect(model.overlay == nil)
    _ = model.handle(.key(.character("+")))
    #expect(model.interval == 5)
    _ = model.handle(.key(.character("-")))
    _ = model.handle(.key(.character("-")))
    #expect(model.interval == 1)
    _ = model.handle(.key(.character("i")))
    #expect(model.interval == 2)
    _ = model.handle(.key(.character("t")))
    #expect(model.range == "6h")
  }
}
