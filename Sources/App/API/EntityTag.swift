// Entity tags, which tell whether a client's copy is current (RFC 9110 §8.8.3, §13.1).

import Protocol

/// A strong entity tag: equal tags mean equal bytes.
struct EntityTag: Equatable, Sendable {
  /// The text between the quotes: visible ASCII without quotes and commas.
  let opaque: String
  /// The text that If-Match compares: all of the tag, or its beginning.
  private let decisive: String

  init(_ opaque: String) {
    self.init(opaque: opaque, decisive: opaque)
  }

  /// A tag for something that people change and that also changes by itself, such as a collector, whose `last_seen_at`
  /// changes every minute. If-None-Match compares the whole tag. If-Match compares only the part that people decide,
  /// because the rest may change before a client sends the tag back. This is safe: a change by a client overwrites
  /// nothing that changes by itself.
  init(decided: String, shown: String) {
    self.init(opaque: "\(decided).\(shown)", decisive: "\(decided).")
  }

  private init(opaque: String, decisive: String) {
    precondition(
      opaque.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: ",") })
    self.opaque = opaque
    self.decisive = decisive
  }

  var field: HTTPField { HTTPField("ETag", "\"\(opaque)\"") }

  /// Whether If-None-Match contains the tag, so that the answer is 304. Weak comparison: `W/"a"` matches `"a"`
  /// (§13.1.2).
  func isKnown(to head: HTTPRequestHead) -> Bool {
    // Our tags contain no comma, so a part of another tag that was split at a comma cannot equal them.
    Self.elements(head.all(named: "if-none-match")).contains {
      $0 == "*" || $0 == "\"\(opaque)\"" || $0 == "W/\"\(opaque)\""
    }
  }

  /// Whether If-Match permits a change of the resource with this tag. It does if the field is absent. Strong comparison
  /// (§13.1.1).
  func isMatched(by head: HTTPRequestHead) -> Bool {
    let values = head.all(named: "if-match")
    return values.isEmpty
      || Self.elements(values).contains {
        $0 == "*" || $0 == "\"\(opaque)\"" || (decisive != opaque && $0.hasPrefix("\"\(decisive)"))
      }
  }

  private static func elements(_ values: [ArraySlice<UInt8>]) -> [String] {
    values.flatMap { $0.split(separator: UInt8(ascii: ",")) }.map { element in
      String(decoding: element, as: UTF8.self).filter { $0 != " " && $0 != "\t" }
    }
  }
}

extension EntityTag? {
  /// The same for a resource that may not exist yet. If it does not exist, nothing fulfils an If-Match, not even `*`
  /// (§13.1.1).
  func isMatched(by head: HTTPRequestHead) -> Bool {
    self?.isMatched(by: head) ?? head.all(named: "if-match").isEmpty
  }
}

extension Endpoint.RequestField {
  static let ifNoneMatch = Endpoint.RequestField(
    name: "If-None-Match", schema: .string,
    prose: "The ETag of the client's copy; the answer is 304 if the copy is current.")
  static let ifMatch = Endpoint.RequestField(
    name: "If-Match", schema: .string, prose: "The ETag of the version to change; 412 if it has changed since.")
}
