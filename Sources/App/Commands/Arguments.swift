// Hides passwords in the arguments of the process, which ps(1) shows to every user of the machine.

import Glibc

enum Arguments {
  /// Overwrites the passwords of connection URLs in the process's arguments. `CommandLine.arguments`, which this call
  /// reads first, keeps the original texts.
  static func hidePasswords() {
    let arguments = CommandLine.arguments
    for (index, argument) in arguments.enumerated() {
      // Safety: the kernel wrote `argc` terminated texts and nothing else changes them; the range lies within this
      // text.
      guard let text = CommandLine.unsafeArgv[index] else { continue }
      for range in passwords(in: Array(argument.utf8)) where range.upperBound <= strlen(text) {
        memset(text + range.lowerBound, CInt(UInt8(ascii: "*")), range.count)
      }
    }
  }

  /// The text with asterisks in place of passwords.
  static func hidden(_ argument: String) -> String {
    var bytes = Array(argument.utf8)
    for range in passwords(in: bytes) {
      for index in range { bytes[index] = UInt8(ascii: "*") }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The ranges of passwords in an argument: `postgresql://user:PASSWORD@host`, `?password=PASSWORD` and the keyword
  /// form `password=PASSWORD` (PostgreSQL manual, "Connection Strings").
  static func passwords(in argument: [UInt8]) -> [Range<Int>] {
    var found: [Range<Int>] = []
    if let scheme = argument.firstRange(of: Array("://".utf8)) {
      // The user's part ends at the last @ before path and parameters.
      let authority = argument[scheme.upperBound...].prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
      if let at = authority.lastIndex(of: UInt8(ascii: "@")),
        let colon = authority[..<at].firstIndex(of: UInt8(ascii: ":")), colon + 1 < at
      {
        found.append(colon + 1..<at)
      }
    }
    var position = 0
    let keyword = Array("password=".utf8)
    while let match = argument[position...].firstRange(of: keyword) {
      position = end(ofValueAt: match.upperBound, in: argument)
      if position > match.upperBound { found.append(match.upperBound..<position) }
    }
    return found
  }

  /// The end of a value: a quoted value ends with its quote, another one at a space or an ampersand.
  private static func end(ofValueAt start: Int, in argument: [UInt8]) -> Int {
    guard start < argument.count, argument[start] == UInt8(ascii: "'") else {
      return argument[start...].firstIndex { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "&") } ?? argument.count
    }
    var position = start + 1
    while position < argument.count, argument[position] != UInt8(ascii: "'") {
      position += argument[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(position + 1, argument.count)
  }
}
