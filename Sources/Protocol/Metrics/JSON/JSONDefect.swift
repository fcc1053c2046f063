// The reasons that stop the decoding of a push: the text is not JSON, or it is JSON that cannot be stored.

/// The reason that a text is not JSON (RFC 8259). Counters and answers use the raw value as a name.
public enum JSONDefect: String, Sendable, Hashable {
  case unexpectedByte = "unexpected_byte"
  case unexpectedEnd = "unexpected_end"
  case controlCharacter = "control_character"
  case badEscape = "bad_escape"
  case badNumber = "bad_number"
  case tooDeep = "too_deep"
  case trailingBytes = "trailing_bytes"
}

/// The errors inside the decoder. The type is small, so that it travels in registers.
enum DecodeFault: Error, Equatable {
  /// Refuses the whole push. `at` is an offset from the start of the window.
  case malformed(JSONDefect, at: Int)
  /// Refuses the whole push, because its envelope breaks a rule.
  case envelope(PushError.Envelope)
  /// Rejects the metric that is being read. The rest of the push goes on.
  case reject(RejectCode)
}
