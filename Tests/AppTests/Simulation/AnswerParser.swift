// Reads HTTP answers as a client does: just enough, and strictly.

struct Answer {
  let status: Int
  let retryAfter: Int?
  let isLast: Bool
  let body: String

  /// The value of a member of the JSON body that is text or a number.
  func member(_ name: String) -> Substring? {
    let key = Array("\"\(name)\":".utf8)
    let bytes = Array(body.utf8)
    guard bytes.count > key.count else { return nil }
    for start in 0..<bytes.count - key.count
    where bytes[start] == key[0] && bytes[start..<start + key.count].elementsEqual(key) {
      let value = String(decoding: bytes[(start + key.count)...], as: UTF8.self)
      return value.first == "\""
        ? Substring(value.dropFirst().prefix { $0 != "\"" }.description)
        : Substring(value.prefix { $0 != "," && $0 != "}" }.description)
    }
    return nil
  }
}

struct AnswerParser {
  private var bytes: [UInt8] = []
  private(set) var isBroken = false

  /// Whether part of an answer has come.
  var isInAnswer: Bool { !bytes.isEmpty }

  mutating func append(_ more: [UInt8]) { bytes += more }

  /// The next whole answer. A `100 Continue` counts as an answer.
  mutating func next() -> Answer? {
    guard !isBroken, let headEnd = headEnd() else { return nil }
    let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n")
    guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3)) else {
      isBroken = true
      return nil
    }
    var (length, retryAfter, isLast): (Int, Int?, Bool) = (0, nil, false)
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else {
        isBroken = true
        return nil
      }
      let value = parts[1].drop { $0 == " " }
      switch parts[0].lowercased() {
      case "content-length": length = Int(value) ?? -1
      case "retry-after": retryAfter = Int(value)
      case "connection": isLast = value == "close"
      default: break
      }
    }
    if length < 0 { isBroken = true }
    guard length >= 0, bytes.count >= headEnd + 4 + length else { return nil }
    let body = String(decoding: bytes[(headEnd + 4)..<(headEnd + 4 + length)], as: UTF8.self)
    bytes.removeFirst(headEnd + 4 + length)
    return Answer(status: status, retryAfter: retryAfter, isLast: isLast, body: body)
  }

  private func headEnd() -> Int? {
    guard bytes.count >= 4 else { return nil }
    for index in 0...bytes.count - 4
    where bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 {
      return index
    }
    return nil
  }
}
