// Validators of what a client has cached (RFC 9110 §8.8.3, §13.1).

import Protocol

/// A strong entity tag: equal tags mean equal bytes.
struct EntityTag: Equatable, Sendable {
  /// Between the quotes: visible ASCII without quotes and commas.
  let opaque: String
  /// What If-Match compares: all of it, or what it begins with.
  private let decisive: String

  init(_ opaque: String) {
    self.init(opaque: opaque, decisive: opaque)
  }

  /// A tag of what is changed by people and changes by itself as well, such as a collector that is seen every minute.
  /// If-None-Match wants all of it to be the same, If-Match only what people decided: nobody could send back in time what
  /// changes by itself, and nothing of it is overwritten.
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

  /// Whether If-None-Match names it, so that 304 is the answer. Weak comparison: `W/"a"` names `"a"` (§13.1.2).
  func isKnown(to head: HTTPRequestHead) -> Bool {
    // Our tags hold no comma, so an element that was cut at one cannot equal them.
    Self.elements(head.all(named: "if-none-match")).contains {
      $0 == "*" || $0 == "\"\(opaque)\"" || $0 == "W/\"\(opaque)\""
    }
  }

  /// Whether If-Match permits a change of what has this tag; so does its absence. Strong comparison (§13.1.1).
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
  /// The same for what may not exist yet: nothing fulfils an If-Match then, not even `*` (§13.1.1).
  func isMatched(by head: HTTPRequestHead) -> Bool {
    self?.isMatched(by: head) ?? head.all(named: "if-match").isEmpty
  }
}

extension Endpoint.RequestField {
  static let ifNoneMatch = Endpoint.RequestField(
    name: "If-None-Match", schema: .string,
    prose: "The ETag of a copy that the client has; 304 if it is still the same.")
  static let ifMatch = Endpoint.RequestField(
    name: "If-Match", schema: .string, prose: "The ETag of what is to be changed; 412 if it was changed since.")
}
