// The words of a Swift source: without comments and without the texts in quotes, but with the code that is interpolated
// into them.

/// The types that a file declares, and the names that it uses.
struct SwiftWords {
  struct Word {
    let text: String
    /// Whether a dot stands before the word, which is then a member.
    let followsDot: Bool
    /// The number of open braces around the word.
    let depth: Int
  }

  private(set) var words: [Word] = []
  private let bytes: [UInt8]
  private var at = 0
  private var depth = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
    readCode(isInterpolated: false)
  }

  private static let kinds: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias"]
  private static let modifiers: Set<String> = ["final", "indirect", "public", "package", "internal"]

  /// The types that other files can name: declared outside every other type, and not private.
  var declared: Set<String> {
    var names: Set<String> = []
    for (index, word) in words.enumerated().dropFirst() where word.depth == 0 && isType(word) {
      guard Self.kinds.contains(words[index - 1].text) else { continue }
      let modifier = words[..<(index - 1)].last { !Self.modifiers.contains($0.text) }
      if modifier?.text != "private", modifier?.text != "fileprivate" { names.insert(word.text) }
    }
    return names
  }

  /// The types that the file names, without members of others and without types that the file declares itself at any
  /// depth.
  var used: Set<String> {
    var own: Set<String> = []
    for (index, word) in words.enumerated().dropFirst() where Self.kinds.contains(words[index - 1].text) {
      own.insert(word.text)
    }
    return Set(words.filter { isType($0) && !$0.followsDot }.map(\.text)).subtracting(own)
  }

  private func isType(_ word: Word) -> Bool { word.text.first?.isUppercase ?? false }

  // MARK: Reading

  private func peek(_ offset: Int = 0) -> UInt8 { at + offset < bytes.count ? bytes[at + offset] : 0 }

  private func isNext(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { text in
      at + text.count <= bytes.count && text.indices.allSatisfy { bytes[at + $0] == text[$0] }
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
      || byte >= 0x80
  }

  /// Reads to the end of the text or, in an interpolation, to its closing parenthesis.
  private mutating func readCode(isInterpolated: Bool) {
    var parentheses = 0
    while at < bytes.count {
      if isNext("//") {
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { at += 1 }
      } else if isNext("/*") {
        while at < bytes.count, !isNext("*/") { at += 1 }
        at += 2
      } else if let hashes = quote() {
        readText(hashes)
      } else if isWord(bytes[at]) {
        let start = at
        while isWord(peek()) { at += 1 }
        let followsDot = start > 0 && bytes[start - 1] == UInt8(ascii: ".")
        words.append(
          Word(text: String(decoding: bytes[start..<at], as: UTF8.self), followsDot: followsDot, depth: depth))
      } else {
        switch bytes[at] {
        case UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "}"): depth -= 1
        case UInt8(ascii: "("): parentheses += 1
        case UInt8(ascii: ")"):
          if isInterpolated, parentheses == 0 {
            at += 1
            return
          }
          parentheses -= 1
        default: break
        }
        at += 1
      }
    }
  }

  /// The number of # before the next quote; nil if no quote is next.
  private func quote() -> Int? {
    var hashes = 0
    while peek(hashes) == UInt8(ascii: "#") { hashes += 1 }
    return peek(hashes) == UInt8(ascii: "\"") ? hashes : nil
  }

  private mutating func readText(_ hashes: Int) {
    at += hashes
    let quotes = isNext("\"\"\"") ? 3 : 1
    at += quotes
    while at < bytes.count {
      if peek() == UInt8(ascii: "\\"), (1..<(hashes + 1)).allSatisfy({ peek($0) == UInt8(ascii: "#") }) {
        at += 1 + hashes
        if peek() == UInt8(ascii: "(") {
          at += 1
          readCode(isInterpolated: true)
        } else {
          at += 1
        }
      } else if (0..<quotes).allSatisfy({ peek($0) == UInt8(ascii: "\"") }),
        (quotes..<(quotes + hashes)).allSatisfy({ peek($0) == UInt8(ascii: "#") })
      {
        at += quotes + hashes
        return
      } else {
        at += 1
      }
    }
  }
}
