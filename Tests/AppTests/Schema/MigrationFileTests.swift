import Glibc
import Testing

@testable import App

@Suite struct MigrationFileTests {
  @Test func `the migration list names the files of the folder in order and without a gap`() throws {
    let folder = "\(#filePath)".split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
    let directory = try #require(opendir(folder + "/Sources/App/Schema/Migrations"))
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasSuffix(".sql") { names.append(name) }
    }
    let listed = MigrationFile.all.map { file in
      let digits = String(file.version)
      return "V" + String(repeating: "0", count: 4 - digits.count) + digits + "__" + file.name + ".sql"
    }
    #expect(names.sorted() == listed)
    #expect(MigrationFile.all.map(\.version) == Array(1...Int32(listed.count)))
  }

  @Test func `a migration file has the SHA-256 of its text as checksum`() {
    #expect(MigrationFile(1, "x", Array("abc".utf8)).checksum.prefix(4) == [0xBA, 0x78, 0x16, 0xBF])
  }
}
