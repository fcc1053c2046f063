// The programs that were built with these tests.

import Glibc
import Testing

enum BuiltProgram {
  /// The directory of all of them. Some toolchains run the tests in a program of their own.
  static func directory() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folders = ([own] + CommandLine.arguments).map { String($0[..<($0.lastIndex(of: "/") ?? $0.startIndex)]) }
    let found = folders.first { access($0 + "/pganalytics", X_OK) == 0 }
    return try #require(found, "pganalytics was not built beside the tests")
  }
}
