// How the decoding of a push stops: the text is no JSON, or it is JSON that cannot be stored.

/// What makes a text no JSON (RFC 8259).
public enum JSONDefect: String, Sendable, Hashable {
  case unexpectedByte = "unexpected_byte"
  case unexpectedEnd = "unexpected_end"
  case controlCharacter = "control_character"
  case badEscape = "bad_escape"
  case badNumber = "bad_number"
  case tooDeep = "too_deep"
  case trailingBytes = "trailing_bytes"
}

/// Thrown inside the decoder only; small, so that it travels in registers.
enum DecodeFault: Error, Equatable {
  /// Refuses the whole push. `at` counts from the start of the window.
  case malformed(JSONDefect, at: Int)
  /// Refuses the whole push: its envelope is not what it must be.
  case envelope(PushError.Envelope)
  /// Refuses the metric that is being read; the rest of the push goes on.
  case reject(RejectCode)
}
