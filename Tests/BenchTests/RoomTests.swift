// The rooms of bench are its folders. They lie on one another: a room may use those below it and none above it.

import Glibc
import Testing

struct RoomTests {
  /// From the ground up: each room, and the rooms below it that it may use.
  private static let rooms: [(name: String, uses: Set<String>)] = [
    ("Terms", []),
    ("Connection", ["Terms"]),
    ("Payload", ["Terms"]),
    ("Measure", ["Terms"]),
    ("Plan", ["Terms", "Payload", "Measure"]),
    ("Faults", ["Terms", "Connection", "Payload", "Measure", "Plan"]),
    ("Processes", ["Terms", "Measure", "Plan"]),
    ("Read", ["Terms", "Connection", "Measure", "Plan"]),
    ("Watch", ["Terms", "Connection", "Measure", "Plan"]),
    ("Report", ["Terms", "Measure", "Plan", "Read", "Watch"]),
    (
      "Fleet",
      [
        "Terms", "Connection", "Payload", "Measure", "Plan", "Faults", "Processes", "Read", "Watch", "Report",
      ]
    ),
    ("Cost", ["Terms", "Connection", "Watch", "Report", "Fleet"]),
    (
      "CommandLine",
      [
        "Terms", "Connection", "Payload", "Measure", "Plan", "Faults", "Processes", "Read", "Watch", "Report", "Fleet",
        "Cost",
      ]
    ),
  ]
  /// Targets of their own, which the law of modules in TidyTests is about.
  private static let otherTargets: Set<String> = ["micro", "counters", "pushes"]

  private static let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/bench/"

  private struct Source {
    let room: String
    let file: String
    /// Types declared at the left margin.
    let declared: Set<String>
    let words: Set<String>

    init(room: String, file: String, text: String) {
      self.room = room
      self.file = file
      var declared: Set<String> = []
      var words: Set<String> = []
      for line in Self.code(text).split(separator: "\n") {
        let names = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
        words.formUnion(names.filter { $0.first?.isUppercase == true })
        let kinds = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        if line.first != " ", let kind = names.firstIndex(where: kinds.contains), kind + 1 < names.count {
          declared.insert(names[kind + 1])
        }
      }
      self.declared = declared
      self.words = words
    }

    /// The text without comments and without what stands in quotes.
    private static func code(_ text: String) -> String {
      text.replacing(#/"""[\s\S]*?"""/#, with: "\"\"").replacing(#/"(\\.|[^"\\\n])*"/#, with: "\"\"")
        .replacing(#/\/\/[^\n]*/#, with: "")
    }
  }

  private static func names(in path: String) throws -> [String] {
    let directory = try #require(opendir(path), "\(path)")
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      // Safety: d_name is an array of bytes that ends with a NUL.
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  private static func text(_ path: String) throws -> String {
    let file = try #require(fopen(path, "r"), "\(path)")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[0..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func sources() throws -> [Source] {
    try names(in: folder).filter { !otherTargets.contains($0) }.flatMap { room in
      try names(in: folder + room).map { file in
        Source(room: room, file: file, text: try text("\(folder)\(room)/\(file)"))
      }
    }
  }

  @Test func `a room uses only what lies below it, and says so`() throws {
    let sources = try Self.sources()
    #expect(Set(sources.map(\.room)) == Set(Self.rooms.map(\.name)), "each room is in the table, and each is there")
    var homes: [String: Set<String>] = [:]
    for source in sources { for name in source.declared { homes[name, default: []].insert(source.room) } }
    for (name, rooms) in homes where rooms.count > 1 { Issue.record("\(name) is declared in \(rooms.sorted())") }

    var found: [String: Set<String>] = [:]
    for source in sources {
      let permitted = Self.rooms.first { $0.name == source.room }?.uses ?? []
      for word in source.words {
        guard let home = homes[word]?.first, home != source.room else { continue }
        found[source.room, default: []].insert(home)
        #expect(permitted.contains(home), "\(source.room)/\(source.file) uses \(word) of \(home)")
      }
    }
    for (room, used) in found {
      for other in used where room < other && found[other]?.contains(room) == true {
        Issue.record("\(room) and \(other) use one another")
      }
    }
    #expect(found.values.reduce(0) { $0 + $1.count } > 30, "the arrows were found")
  }

  @Test func `the table permits no circle`() {
    var below: Set<String> = []
    for (name, uses) in Self.rooms {
      #expect(uses.isSubset(of: below), "\(name) lies below \(uses.subtracting(below).sorted())")
      below.insert(name)
    }
  }
}
