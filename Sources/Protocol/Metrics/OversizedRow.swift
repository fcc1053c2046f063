// A row that does not fit the window is kept without the ends of its long texts, so that one statement of two megabytes
// does not affect the rows beside it. A row that fits never comes here. The result is the same as in a larger window: a
// text is kept a little longer than the limit, and is then cut as any other text.

/// Decides which bytes of a row are kept. It can stop and resume at any byte. The caller checks the row's syntax.
struct OversizedRow: BitwiseCopyable {
  private let stringBytes: Int
  private let rowBytes: Int
  private var isInString = false
  /// The number of bytes left in the open escape, without its backslash; -1 if the next byte decides.
  private var escapeLeft = 0
  /// The bytes of the string so far, and whether its end is left out.
  private var length = 0
  private var isCut = false
  /// Whether the bytes to keep exceed the limit for a row.
  private(set) var isTooLarge = false

  init(limits: PushLimits) {
    stringBytes = limits.stringBytes
    // The limit allows for texts of the usual size, and for as many long texts as a row has.
    rowBytes = limits.windowBytes + 4 * limits.stringBytes
  }

  /// Appends those of the next bytes that are kept.
  mutating func keep(_ bytes: Span<UInt8>, in target: inout ByteBuffer) {
    var index = 0
    while index < bytes.count, !isTooLarge {
      let start = index
      if !isInString {
        while index < bytes.count, bytes[index] != 0x22 { index += 1 }
        if index < bytes.count {
          index += 1
          isInString = true
          length = 0
          isCut = false
        }
        target.append(bytes.extracting(start..<index))
      } else {
        let isKept = !isCut
        index = passString(bytes, from: index)
        if isKept {
          target.append(bytes.extracting(start..<index))
        } else if !isInString {
          target.append(0x22 as UInt8)
        }
      }
      if target.count > rowBytes { isTooLarge = true }
    }
  }

  /// Passes bytes of a string up to its end, up to the first character that is left out, or up to the end of `bytes`.
  private mutating func passString(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      if escapeLeft == -1 {
        escapeLeft = byte == 0x75 ? 4 : 0
      } else if escapeLeft > 0 {
        escapeLeft -= 1
      } else if byte == 0x22 {
        isInString = false
        return index + 1
      } else {
        // The bytes of one character or escape stay together, even beyond the limit.
        let isContinuation = byte & 0xC0 == 0x80 && length <= stringBytes + 4
        if !isCut, length > stringBytes, !isContinuation {
          isCut = true
          return index
        }
        if byte == 0x5C { escapeLeft = -1 }
      }
      length += 1
      index += 1
    }
    return index
  }
}
