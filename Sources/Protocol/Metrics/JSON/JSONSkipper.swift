// Skips a value whose bytes are dropped as they come: after a rejected metric, and under unknown keys. The skip checks
// all of RFC 8259 except the UTF-8 of strings, so broken JSON is refused wherever it stands.

/// A checking skip over one value, or over the rest of one. It can stop and resume at any byte.
struct JSONSkipper {
  private enum State: Equatable {
    case value  // → any below
    case elementOrEnd, memberOrEnd, member, colon, next
    case string(isKey: Bool)
    case escape(isKey: Bool)
    case hexDigits(left: Int, isKey: Bool)
    case minus, zero, integer, point, fraction, exponentSign, exponent0, exponent
    case literal(Literal, next: Int)
    case done
  }

  private enum Literal: Equatable {
    case `true`, `false`, null

    func byte(_ index: Int) -> UInt8? {
      let word: StaticString =
        switch self {
        case .true: "true"
        case .false: "false"
        case .null: "null"
        }
      return index < word.utf8CodeUnitCount ? word.withUTF8Buffer { $0[index] } : nil
    }
  }

  /// The place in the innermost open container at which the skip begins.
  enum Entry {
    case value, elementOrEnd, memberOrEnd, member, colon, next
  }

  private var state: State
  private var open = 0
  private var objects: UInt64 = 0  // bit n: open container n is an object
  private let outerDepth: Int
  private let maximumDepth: Int

  var isDone: Bool { state == .done }

  /// Begins a skip.
  /// - Parameters:
  ///   - outerDepth: the number of containers that are open around the value.
  ///   - maximumDepth: the most containers that may be open in total.
  ///   - entry: the place at which the skip begins.
  init(outerDepth: Int, maximumDepth: Int, at entry: Entry = .value) {
    self.outerDepth = outerDepth
    self.maximumDepth = min(maximumDepth, outerDepth + 64)
    state =
      switch entry {
      case .value: .value
      case .elementOrEnd: .elementOrEnd
      case .memberOrEnd: .memberOrEnd
      case .member: .member
      case .colon: .colon
      case .next: .next
      }
  }

  /// Adds a container that is already open inside the value. Call it before `advance`, the outermost container first.
  mutating func enter(isObject: Bool) {
    let bit: UInt64 = 1 << UInt64(open)
    objects = isObject ? objects | bit : objects & ~bit
    open += 1
  }

  private var isInObject: Bool { objects & (1 << UInt64(open - 1)) != 0 }

  /// Skips as much of the value as `bytes` hold.
  /// - Returns: the index of the first byte that does not belong to the value.
  mutating func advance(_ bytes: Span<UInt8>, from start: Int) throws(DecodeFault) -> Int {
    let cursor = JSONCursor(bytes)
    var index = start
    while index < bytes.count, state != .done {
      if case .string = state, index + 8 <= bytes.count,
        ByteLanes.stringStops(cursor.uncheckedWord(at: index)) == 0
      {
        index += 8
        continue
      }
      if try step(bytes[index], index) { index += 1 }
    }
    return index
  }

  /// - Returns: whether the byte was used. If not, the next call gets it again in the new state.
  private mutating func step(_ byte: UInt8, _ index: Int) throws(DecodeFault) -> Bool {
    switch state {
    case .value: try beginValue(byte, index)
    case .elementOrEnd:
      if byte == 0x5D { close() } else { try beginValue(byte, index) }
    case .memberOrEnd:
      if byte == 0x7D { close() } else { try beginMember(byte, index) }
    case .member: try beginMember(byte, index)
    case .colon:
      if byte == 0x3A { state = .value } else { try space(byte, index) }
    case .next:
      if byte == 0x2C {
        state = isInObject ? .member : .value
      } else if byte == (isInObject ? 0x7D : 0x5D) {
        close()
      } else {
        try space(byte, index)
      }
    case .string(let isKey):
      if byte == 0x22 {
        if isKey { state = .colon } else { valueEnded() }
      } else if byte == 0x5C {
        state = .escape(isKey: isKey)
      } else if byte < 0x20 {
        throw .malformed(.controlCharacter, at: index)
      }
    case .escape(let isKey):
      switch byte {
      case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: state = .string(isKey: isKey)
      case 0x75: state = .hexDigits(left: 4, isKey: isKey)
      default: throw .malformed(.badEscape, at: index)
      }
    case .hexDigits(let left, let isKey):
      guard byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 6 else { throw .malformed(.badEscape, at: index) }
      state = left == 1 ? .string(isKey: isKey) : .hexDigits(left: left - 1, isKey: isKey)
    case .minus, .zero, .integer, .point, .fraction, .exponentSign, .exponent0, .exponent:
      return try number(byte, index)
    case .literal(let literal, let next):
      guard literal.byte(next) == byte else { throw .malformed(.unexpectedByte, at: index) }
      if literal.byte(next + 1) == nil { valueEnded() } else { state = .literal(literal, next: next + 1) }
    case .done: return false
    }
    return true
  }

  private mutating func number(_ byte: UInt8, _ index: Int) throws(DecodeFault) -> Bool {
    let isDigit = byte &- 0x30 < 10
    switch state {
    case .minus where isDigit: state = byte == 0x30 ? .zero : .integer
    case .integer where isDigit, .fraction where isDigit, .exponent where isDigit: break
    case .point where isDigit: state = .fraction
    case .exponentSign where byte == 0x2B || byte == 0x2D: state = .exponent0
    case .exponentSign where isDigit, .exponent0 where isDigit: state = .exponent
    case .zero where byte == 0x2E, .integer where byte == 0x2E: state = .point
    case .zero where byte | 0x20 == 0x65, .integer where byte | 0x20 == 0x65, .fraction where byte | 0x20 == 0x65:
      state = .exponentSign
    case .integer, .fraction, .exponent:
      valueEnded()
      return false
    case .zero where !isDigit:
      valueEnded()
      return false
    case .value, .elementOrEnd, .memberOrEnd, .member, .colon, .next, .string, .escape, .hexDigits, .minus, .zero,
      .point, .exponentSign, .exponent0, .literal, .done:
      throw .malformed(.badNumber, at: index)
    }
    return true
  }

  private func space(_ byte: UInt8, _ index: Int) throws(DecodeFault) {
    guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
      throw .malformed(.unexpectedByte, at: index)
    }
  }

  private mutating func beginMember(_ byte: UInt8, _ index: Int) throws(DecodeFault) {
    if byte == 0x22 { state = .string(isKey: true) } else { try space(byte, index) }
  }

  private mutating func beginValue(_ byte: UInt8, _ index: Int) throws(DecodeFault) {
    switch byte {
    case 0x22: state = .string(isKey: false)
    case 0x7B, 0x5B:
      guard outerDepth + open < maximumDepth else { throw .malformed(.tooDeep, at: index) }
      enter(isObject: byte == 0x7B)
      state = byte == 0x7B ? .memberOrEnd : .elementOrEnd
    case 0x2D: state = .minus
    case 0x30: state = .zero
    case 0x31...0x39: state = .integer
    case 0x74: state = .literal(.true, next: 1)
    case 0x66: state = .literal(.false, next: 1)
    case 0x6E: state = .literal(.null, next: 1)
    default: try space(byte, index)
    }
  }

  private mutating func close() {
    open -= 1
    valueEnded()
  }

  private mutating func valueEnded() {
    state = open == 0 ? .done : .next
  }
}
