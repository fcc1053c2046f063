// Validators of what a client has cached (RFC 9110 §8.8.3, §13.1).

import Protocol

/// A strong entity tag: equal tags mean equal bytes.
struct EntityTag: Equatable, Sendable {
  /// Between the quotes: visible ASCII without quotes and commas.
  let opaque: String

  init(_ opaque: String) {
    precondition(
      opaque.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: ",") })
    self.opaque = opaque
  }

  var field: HTTPField { HTTPField("ETag", "\"\(opaque)\"") }

  /// Whether If-None-Match names it, so that 304 is the answer. Weak comparison: `W/"a"` names `"a"` (§13.1.2).
  func isKnown(to head: HTTPRequestHead) -> Bool {
    isNamed(by: head.all(named: "if-none-match"), allowsWeak: true)
  }

  /// Whether If-Match permits a change of what has this tag; so does its absence. Strong comparison (§13.1.1).
  func isMatched(by head: HTTPRequestHead) -> Bool {
    let values = head.all(named: "if-match")
    return values.isEmpty || isNamed(by: values, allowsWeak: false)
  }

  private func isNamed(by values: [ArraySlice<UInt8>], allowsWeak: Bool) -> Bool {
    // Our tags hold no comma, so an element that was cut at one cannot equal them.
    for element in values.flatMap({ $0.split(separator: UInt8(ascii: ",")) }) {
      let text = String(decoding: element, as: UTF8.self).filter { $0 != " " && $0 != "\t" }
      if text == "*" || text == "\"\(opaque)\"" || (allowsWeak && text == "W/\"\(opaque)\"") { return true }
    }
    return false
  }
}

extension EntityTag? {
  /// The same for what may not exist yet: nothing fulfils an If-Match then, not even `*` (§13.1.1).
  func isMatched(by head: HTTPRequestHead) -> Bool {
    self?.isMatched(by: head) ?? head.all(named: "if-match").isEmpty
  }
}

extension Endpoint.RequestField {
  static let ifMatch = Endpoint.RequestField(
    name: "If-Match", schema: .string, prose: "The ETag of what is to be changed; 412 if it was changed since.")
}
