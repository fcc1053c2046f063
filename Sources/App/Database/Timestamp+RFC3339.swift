// Times of the database as texts, and from texts.

import Protocol

extension Timestamp {
  /// As `RFC3339.unixMicroseconds` reads it; nil for any other text.
  init?(rfc3339 text: String) {
    guard let unixMicroseconds = RFC3339.unixMicroseconds(text) else { return nil }
    self.init(unixMicroseconds: unixMicroseconds)
  }

  /// In UTC, with six digits of fraction unless they are zero.
  var rfc3339: String { RFC3339.text(unixMicroseconds: unixMicroseconds) }
}
