// Finds the end of a value without reading the value: only quotes, backslashes and brackets matter for that. The scan
// remembers where it stopped, so it examines each byte once, however small the pieces are. It does not check the
// syntax: in a text that is not JSON it may find a wrong end, or none. The reader of the value then finds the defect at
// or before that end.

/// A scan over one value. It can stop and resume at any byte.
struct JSONScan {
  /// A string member of the outermost object. Its positions count from the value's first byte.
  struct Member {
    fileprivate(set) var text: JSONText?
  }

  /// The number of bytes examined so far. After the end was found it is the length of the value.
  private(set) var length = 0
  private(set) var type = Member()
  private(set) var timestamp = Member()
  private(set) var database = Member()

  private enum Name { case type, timestamp, database, other }

  /// Whether the scan also looks for the members above. It then walks over the outermost level byte by byte.
  private let findsMembers: Bool
  private var depth = 0
  private var isInString = false
  private var isAfterBackslash = false
  /// The latest string on the outermost level.
  private var latest = JSONText(start: 0, end: 0, isEscaped: false, isWide: true)
  /// The key whose value the scan is passing; nil before a colon.
  private var key: Name?

  init(findsMembers: Bool) {
    self.findsMembers = findsMembers
  }

  /// Scans `bytes[start + length ..< limit]`.
  /// - Returns: whether the scan found the end. `length` is then the length of the value.
  mutating func advance(_ bytes: Span<UInt8>, from start: Int, to limit: Int) -> Bool {
    precondition(limit <= bytes.count)
    let cursor = JSONCursor(bytes)
    let fastDepth = findsMembers ? 2 : 1
    var index = start + length
    while index < limit {
      if depth >= fastDepth, index + 8 <= limit {
        skipInside(cursor, &index, limit, fastDepth)
        if index >= limit { break }
      }
      // Eight bytes, one by one: `skipInside` stops near the limit, and at a word that may lead out of the levels that
      // it may pass.
      let last = min(index + 8, limit)
      repeat {
        let byte = cursor.byte(at: index)
        switch step(byte, at: index - start, cursor, start) {
        case .more: index += 1
        case .endedBefore:
          length = index - start
          return true
        case .endedWith:
          length = index - start + 1
          return true
        }
      } while index < last || (index < limit && depth < fastDepth)
    }
    length = index - start
    return false
  }

  /// Passes words of eight bytes as long as at least `fastDepth` containers stay open. It takes about 4 instructions a
  /// byte. Nearly every byte of a push passes here before it is read, so the code is written without calls.
  @inline(__always)
  private mutating func skipInside(_ cursor: JSONCursor, _ index: inout Int, _ limit: Int, _ fastDepth: Int) {
    let high = ByteLanes.highBits
    let low = ~high
    // `inside` is all ones inside a string. `escaped` marks the first lane if the next byte is escaped.
    var inside: UInt64 = isInString ? .max : 0
    var escaped: UInt64 = isAfterBackslash ? 0x80 : 0
    var depth = depth
    var place = index
    let last = limit - 8
    while place <= last {
      var word = cursor.uncheckedWord(at: place)
      if word & high != 0 { word &= ~((word & high) >> 7 &* 0xFF) }  // bytes outside ASCII don't matter
      // In lanes below 0x80, adding 0x7F sets the high bit of each lane that is not zero.
      let backslashes = ~((word ^ (ByteLanes.ones &* 0x5C)) &+ low) & high
      var hidden = backslashes << 8 | escaped
      var nextEscaped = backslashes >> 56
      if backslashes & hidden != 0 { (hidden, nextEscaped) = Self.escapes(backslashes, escaped) }
      let quotes = ~((word ^ (ByteLanes.ones &* 0x22)) &+ low) & high & ~hidden
      let strings = ByteLanes.runningParity(quotes) ^ inside
      // The bits 0x59 are set in `[` and `{`, which also have bit 1, and in `]` and `}`, which also have bit 2. The
      // mask leaves out bit 5, in which brackets and braces differ.
      let candidates = ~((word & (ByteLanes.ones &* 0x59)) ^ (ByteLanes.ones &* 0x59) &+ low) & high & ~strings
      if candidates != 0 {
        let opening = candidates & (word << 6) & ~(word << 5)
        let closing = candidates & (word << 5) & ~(word << 6)
        let closed = ByteLanes.count(closing)
        if depth - closed < fastDepth { break }
        depth += ByteLanes.count(opening) - closed
      }
      inside = UInt64(bitPattern: Int64(bitPattern: strings) >> 63)
      escaped = nextEscaped
      place += 8
    }
    index = place
    self.depth = depth
    isInString = inside != 0
    isAfterBackslash = escaped != 0
  }

  /// The escaped lanes in a word with adjacent backslashes.
  /// - Returns: these lanes, and whether the first lane of the next word is escaped.
  private static func escapes(_ backslashes: UInt64, _ escaped: UInt64) -> (hidden: UInt64, next: UInt64) {
    var rest = backslashes & ~escaped
    var hidden = escaped
    var next: UInt64 = 0
    while rest != 0 {
      let first = rest & (0 &- rest)
      hidden |= first << 8
      next = first >> 56
      rest &= ~(first | first << 8)
    }
    return (hidden, next)
  }

  private enum Step { case more, endedBefore, endedWith }

  private mutating func step(_ byte: UInt8, at offset: Int, _ cursor: JSONCursor, _ start: Int) -> Step {
    if isInString {
      if isAfterBackslash {
        isAfterBackslash = false
      } else if byte == 0x5C {
        isAfterBackslash = true
        latest.isEscaped = true
      } else if byte == 0x22 {
        isInString = false
        if depth == 0 { return .endedWith }
        if depth == 1, findsMembers { stringEnded(at: offset) }
      }
      return .more
    }
    switch byte {
    case 0x22:
      isInString = true
      latest = JSONText(start: offset + 1, end: offset + 1, isEscaped: false, isWide: true)
    case 0x7B, 0x5B: depth += 1
    case 0x7D, 0x5D:
      if depth == 0 { return .endedBefore }
      depth -= 1
      if depth == 0 { return .endedWith }
    case 0x2C:
      if depth == 0 { return .endedBefore }
      if depth == 1 { key = nil }
    case 0x3A:
      if depth == 1, findsMembers { key = name(cursor, start) }
    case 0x20, 0x09, 0x0A, 0x0D:
      if depth == 0 { return .endedBefore }
    default: break
    }
    return .more
  }

  private mutating func stringEnded(at offset: Int) {
    latest.end = offset
    switch key {
    case .type: if type.text == nil { type.text = latest }
    case .timestamp: if timestamp.text == nil { timestamp.text = latest }
    case .database: if database.text == nil { database.text = latest }
    case .other, nil: break
    }
  }

  /// The wanted member, if any, that the string before a colon names.
  private func name(_ cursor: JSONCursor, _ start: Int) -> Name {
    var text = latest
    text.start += start
    text.end += start
    if cursor.equals(text, "type") { return .type }
    if cursor.equals(text, "timestamp") { return .timestamp }
    if cursor.equals(text, "database") { return .database }
    return .other
  }
}

extension JSONScan.Member {
  /// The string's range in a window in which the value begins at `start`.
  func text(from start: Int) -> JSONText? {
    guard var text else { return nil }
    text.start += start
    text.end += start
    return text
  }
}
