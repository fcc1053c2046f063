// A row that does not fit the window, kept without the ends of its long texts, so that one statement of two megabytes does not
// cost its neighbours. A row within the window never comes here, and what comes out of here is what the same row would have
// given in a larger window: a text is kept a little longer than the limit, and then cut as any other.

/// Which bytes of a value are kept, resumable at any byte. The value's syntax is checked by who walks over it.
struct OversizedRow: BitwiseCopyable {
  private let stringBytes: Int
  private let rowBytes: Int
  private var isInString = false
  /// Bytes of the escape that is open, its backslash not included; -1: the next byte says.
  private var escapeLeft = 0
  /// Bytes of the string so far; and whether its end is left out.
  private var length = 0
  private var isCut = false
  /// More was to be kept than a row may have.
  private(set) var isTooLarge = false

  init(limits: PushLimits) {
    stringBytes = limits.stringBytes
    // Texts of the usual size beside as many long ones as a row has.
    rowBytes = limits.windowBytes + 4 * limits.stringBytes
  }

  /// Appends of the next bytes of the value those that are kept.
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

  /// Passes bytes of a string to its end, to the first character that is too many, or as far as there are any.
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
        // The bytes of one character or escape stay together, whatever the limit says.
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
