// Checks which folder of a module uses which other folder. In these tests such a folder is a room, and it uses another
// room if it names a type of it. The compiler knows only modules, so it accepts rooms that use each other in a circle.
// No room of such a circle can be read, tested or built separately.

import Testing

@Suite struct ArrowTests {
  /// The rooms of a folder from the bottom up, each with the rooms that it may use.
  struct Floors: Sendable, CustomTestStringConvertible {
    let folder: String
    /// Folders that are modules of their own. The compiler checks their arrows.
    var otherModules: Set<String> = []
    let rooms: [(name: String, uses: Set<String>)]

    var testDescription: String { folder }
  }

  static let all = [
    Floors(
      folder: "Sources/Protocol",
      rooms: [
        ("Bytes", []),
        ("Calendar", ["Bytes"]),
        ("Gzip", ["Bytes"]),
        ("HTTP", ["Bytes", "Calendar"]),
        ("JSON", ["Bytes"]),
        ("Credentials", ["Bytes", "JSON"]),
        ("Certificates", ["Bytes", "Credentials"]),
        ("TLS", ["Bytes", "Certificates"]),
        ("Postgres", ["Calendar"]),
        ("SMTP", ["Bytes", "Credentials", "HTTP"]),
        ("Metrics", ["Bytes", "Credentials", "Postgres"]),
        ("Proxy", []),
        ("TOML", []),
      ]),
    Floors(
      folder: "Sources/App",
      rooms: [
        // The lowest rooms. Ground and Client are modules of their own.
        ("Ground", []),
        ("Client", ["Ground"]),
        ("Counters", []),
        ("Log", ["Ground"]),
        ("Loop", []),
        ("Settings", ["Ground", "Log"]),
        ("Database", ["Ground", "Settings"]),
        ("Embedded", ["Database", "Ground"]),
        ("Schema", ["Database", "Ground", "Settings"]),
        ("Backup", ["Database", "Embedded", "Ground", "Schema"]),
        // The declaration of endpoints.
        ("API", ["Database", "Settings"]),
        ("Audit", ["API", "Database", "Ground"]),
        ("Pages", ["API", "Ground"]),
        ("Labels", ["API", "Database"]),
        // The domains.
        ("Identity", ["API", "Audit", "Database", "Ground", "Log", "Settings"]),
        ("Accounts", ["API", "Audit", "Database", "Ground", "Identity", "Labels", "Settings"]),
        ("Configs", ["API", "Audit", "Database"]),
        ("MonitoredServers", ["API", "Audit", "Database", "Ground", "Labels", "Log", "Schema", "Settings"]),
        ("Rollups", ["Database", "Ground", "Schema"]),
        ("Queries", ["API", "Database", "MonitoredServers", "Rollups", "Schema"]),
        ("Reads", ["API", "Database", "Labels", "MonitoredServers", "Queries", "Rollups", "Schema"]),
        ("Collectors", ["API", "Audit", "Database", "Ground", "Identity", "Labels", "Log", "Settings"]),
        ("Findings", ["API", "Audit", "Database", "Ground", "Labels", "Log", "Schema", "Settings"]),
        ("Notifications", ["API", "Audit", "Client", "Database", "Findings", "Ground", "Labels", "Log", "Settings"]),
        ("Ingest", ["API", "Collectors", "Counters", "Database", "Ground", "Log", "Loop", "Schema", "Settings"]),
        // Connections, and the code that watches them.
        ("Gate", ["API", "Audit", "Collectors", "Database", "Identity", "Loop", "Settings"]),
        (
          "HTTP",
          [
            "API", "Audit", "Collectors", "Counters", "Database", "Gate", "Ground", "Ingest", "Log", "Loop", "Settings",
          ]
        ),
        (
          "Observability",
          [
            "API", "Collectors", "Counters", "Database", "Findings", "Gate", "Ground", "HTTP", "Identity", "Ingest",
            "Log", "Notifications", "Rollups", "Schema", "Settings",
          ]
        ),
        ("System", ["API", "Counters", "Database", "Ground", "Observability"]),
        // The client of the API.
        ("Terminal", ["API", "Client", "Configs", "Database", "Ground"]),
        // The composition, and the program.
        (
          "Server",
          [
            "API", "Accounts", "Audit", "Client", "Collectors", "Configs", "Database", "Findings",
            "Gate", "Ground", "HTTP", "Identity", "Ingest", "Log", "Loop", "MonitoredServers", "Notifications",
            "Observability", "Pages", "Queries", "Reads", "Rollups", "Schema", "Settings", "System",
          ]
        ),
        (
          "Commands",
          [
            "API", "Accounts", "Audit", "Backup", "Collectors", "Database", "Embedded", "Ground", "Identity", "Ingest",
            "Labels", "Log", "Notifications", "Observability", "Rollups", "Schema", "Server", "Settings", "Terminal",
          ]
        ),
      ]),
    Floors(
      folder: "bench", otherModules: ["micro", "counters", "pushes"],
      rooms: [
        ("Terms", []),
        ("Connection", []),
        ("Payload", ["Terms"]),
        ("Measure", ["Terms"]),
        ("Plan", ["Terms", "Payload", "Measure"]),
        ("Faults", ["Terms", "Payload", "Measure", "Plan"]),
        ("Processes", ["Measure", "Plan"]),
        ("Read", ["Measure", "Plan"]),
        ("Watch", ["Terms", "Measure", "Plan"]),
        ("Report", ["Terms", "Measure", "Plan", "Read", "Watch"]),
        ("Fleet", ["Terms", "Payload", "Measure", "Plan", "Faults", "Processes", "Read", "Watch", "Report"]),
        ("Cost", ["Terms", "Watch", "Report", "Fleet"]),
        ("CommandLine", ["Terms", "Payload", "Plan", "Read", "Watch", "Report", "Fleet", "Cost"]),
      ]),
  ]

  /// One room that uses another.
  private struct Arrow: Hashable, Comparable, CustomStringConvertible {
    let from: String
    let to: String
    /// The type that is used, and the file that names it.
    let type: String
    let file: String

    var description: String { "\(from) -> \(to): \(file) uses \(type)" }
    static func < (left: Arrow, right: Arrow) -> Bool { left.description < right.description }
  }

  @Test(arguments: all) func `the table is written from the ground up`(_ floors: Floors) {
    var below: Set<String> = []
    for room in floors.rooms {
      #expect(room.uses.isSubset(of: below), "\(room.name) uses \(room.uses.subtracting(below)), above it or unknown")
      below.insert(room.name)
    }
  }

  @Test(arguments: all) func `a room uses only the rooms that the table names`(_ floors: Floors) throws {
    let arrows = try Self.arrows(floors)
    let permitted = Dictionary(uniqueKeysWithValues: floors.rooms.map { ($0.name, $0.uses) })
    #expect(arrows.rooms == Set(permitted.keys), "every room stands in the table, and no other")
    for arrow in arrows.found.sorted() where permitted[arrow.from]?.contains(arrow.to) != true {
      Issue.record("\(arrow)")
    }
    let used = Set(arrows.found.map { [$0.from, $0.to] })
    for room in floors.rooms {
      for other in room.uses where !used.contains([room.name, other]) {
        Issue.record("\(room.name) does not use \(other): the table may forbid it")
      }
    }
  }

  private static func arrows(_ floors: Floors) throws -> (rooms: Set<String>, found: Set<Arrow>) {
    var files: [(room: String, path: String, words: SwiftWords)] = []
    for room in try Checkout.names(in: floors.folder) where !floors.otherModules.contains(room) {
      for path in try Checkout.files(below: "\(floors.folder)/\(room)") {
        files.append((room, path, SwiftWords(try Checkout.text(path))))
      }
    }
    var homes: [String: String] = [:]
    for file in files {
      for type in file.words.declared {
        if let other = homes.updateValue(file.room, forKey: type), other != file.room {
          Issue.record("\(type) is declared in \(other) and in \(file.room)")
        }
      }
    }
    var found: Set<Arrow> = []
    for file in files {
      for type in file.words.used {
        guard let home = homes[type], home != file.room else { continue }
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        found.insert(Arrow(from: file.room, to: home, type: type, file: name))
      }
    }
    return (Set(files.map(\.room)), found)
  }
}
