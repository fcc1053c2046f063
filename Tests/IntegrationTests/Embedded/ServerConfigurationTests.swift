import Ground
import Testing

@testable import App

struct ServerConfigurationTests {
  private func settings(
    memory: Int = 8 << 30, disk: Int = 100 << 30, socket: String = "/s", timescale: Bool = false
  ) throws -> [String] {
    let layout = ClusterLayout(
      dataDirectory: "/d", home: "/d/postgres", socketDirectory: socket, owner: try SystemUser(userID: 0),
      isForeign: false)
    let resources = MachineResources(memoryBytes: memory, freeDiskBytes: disk)
    return ServerConfiguration(
      layout: layout, resources: resources, preloadsTimescaleDB: timescale, systemUsers: ["root"]
    ).postgresql.split(separator: "\n").map(String.init)
  }

  @Test(arguments: [(1 << 30, "256MB"), (4 << 30, "1024MB"), ((4 << 30) - 4, "1023MB"), (64 << 30, "1024MB")])
  func `shared_buffers is a quarter of the memory, and never more than 1 GB`(memory: Int, expected: String) throws {
    #expect(try settings(memory: memory).contains("shared_buffers = \(expected)"))
  }

  @Test(arguments: [(100 << 30, "8192MB"), (32 << 30, "8192MB"), (31 << 30, "7936MB"), (0, "256MB")])
  func `max_wal_size is 8 GB, or a quarter of a smaller disk`(disk: Int, expected: String) throws {
    #expect(try settings(disk: disk).contains("max_wal_size = \(expected)"))
  }

  @Test func `a quote, a comma or a backslash in a path stays a part of the path`() throws {
    #expect(try settings(socket: #"/a'b,"c\"#).contains(#"unix_socket_directories = '"/a''b,""c\\"'"#))
  }

  @Test func `TimescaleDB is preloaded only where its library exists`() throws {
    let line = "shared_preload_libraries = 'timescaledb'"
    #expect(try settings(timescale: true).contains(line))
    #expect(try !settings(timescale: false).contains(line))
  }

  @Test func `the URL percent-encodes the socket's directory`() throws {
    let layout = ClusterLayout(
      dataDirectory: "/d", home: "/d", socketDirectory: "/a b/%&'ü", owner: try SystemUser(userID: 0), isForeign: false)
    #expect(
      layout.databaseURL == "postgresql://pganalytics@/pganalytics?host=/a%20b/%25%26%27%C3%BC&port=5432")
  }
}

struct PostgresBinariesTests {
  @Test func `Debian's newest installation is found when PATH has none`() throws {
    let found = try PostgresBinaries.find(searchPath: "", majorVersion: nil)
    #expect(found.majorVersion >= 12)
    #expect(LocalFile.isExecutable(found.initdb) && LocalFile.isExecutable(found.postgres))
    #expect(try PostgresBinaries.find(searchPath: "/nowhere:\(found.directory)", majorVersion: nil) == found)
    #expect(try PostgresBinaries.find(searchPath: "", majorVersion: found.majorVersion) == found)
  }

  @Test func `the Debian package is named when an installation or the cluster's version is missing`() {
    let none = #expect(throws: EmbeddedPostgresError.self) {
      try PostgresBinaries.find(searchPath: "", majorVersion: nil, versionedRoot: "/nowhere")
    }
    #expect(none?.description.contains("apt-get install postgresql.") == true)
    let other = #expect(throws: EmbeddedPostgresError.self) {
      try PostgresBinaries.find(searchPath: "", majorVersion: 9)
    }
    #expect(other?.description.contains("apt-get install postgresql-9") == true)
  }
}
