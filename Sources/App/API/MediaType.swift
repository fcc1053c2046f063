// Content negotiation (RFC 9110 §8.3, §12.5.1), as far as a server with few representations needs it.

import Protocol

/// `type/subtype`, in lower case, without parameters.
struct MediaType: Hashable, Sendable, CustomStringConvertible {
  let type: String
  let subtype: String

  static let json = MediaType("application", "json")
  static let csv = MediaType("text", "csv")
  static let jsonLines = MediaType("application", "x-ndjson")
  static let plainText = MediaType("text", "plain")
  static let toml = MediaType("application", "toml")
  static let html = MediaType("text", "html")
  static let css = MediaType("text", "css")
  static let javascript = MediaType("text", "javascript")
  static let sql = MediaType("application", "sql")
  static let svg = MediaType("image", "svg+xml")

  init(_ type: String, _ subtype: String) {
    self.type = type
    self.subtype = subtype
  }

  /// Reads the value of Content-Type, or an element of Accept, up to the first parameter.
  init?(_ text: some StringProtocol) {
    let bare = text.prefix { $0 != ";" }
    let parts = bare.split(separator: "/", omittingEmptySubsequences: false).map { Self.trimmed(String($0)) }
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isToken) }) else { return nil }
    self.init(parts[0].lowercased(), parts[1].lowercased())
  }

  var description: String { "\(type)/\(subtype)" }

  /// Whether the type is `application/json`, `text/json`, or another format based on JSON
  /// (`application/vnd.example+json`, RFC 6839 §3.1).
  var isJSON: Bool { (type == "application" || type == "text") && subtype == "json" || subtype.hasSuffix("+json") }

  /// Whether the type equals `range`, or lies within `range` if that is `type/*` or `*/*`.
  func isWithin(_ range: MediaType) -> Bool {
    (range.type == "*" || range.type == type) && (range.subtype == "*" || range.subtype == subtype)
  }

  /// RFC 9110 §5.6.2, limited to the characters that media types use.
  private static func isToken(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "!#$%&'*+-.^_`|~".contains(character))
  }

  fileprivate static func trimmed(_ text: String) -> String {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}

extension MediaType {
  /// The offer that the client prefers; among equals, the first. Nil if the client accepts none.
  /// - Parameter accept: the values of the Accept fields. Without any valid value, everything is accepted.
  static func negotiate(_ offers: [MediaType], accept: [String]) -> MediaType? {
    let ranges = accept.flatMap { $0.split(separator: ",") }.compactMap { AcceptedRange(String($0)) }
    if ranges.isEmpty { return offers.first }
    var best: (offer: MediaType, weight: Int)?
    for offer in offers {
      // The most specific matching range decides, even if another range has a higher weight.
      let matches = ranges.filter { offer.isWithin($0.range) }
      guard let match = matches.max(by: { $0.precision < $1.precision }), match.weight > (best?.weight ?? 0) else {
        continue
      }
      best = (offer, match.weight)
    }
    return best?.offer
  }

  /// An element of Accept.
  private struct AcceptedRange {
    let range: MediaType
    /// The weight in thousandths; 0 means "not acceptable".
    let weight: Int

    var precision: Int { (range.type == "*" ? 0 : 1) + (range.subtype == "*" ? 0 : 1) }

    init?(_ element: String) {
      guard let range = MediaType(element) else { return nil }
      self.range = range
      var weight = 1000
      for parameter in element.split(separator: ";").dropFirst() {
        let pair = parameter.split(separator: "=", maxSplits: 1).map { MediaType.trimmed(String($0)) }
        guard pair.count == 2, pair[0].lowercased() == "q" else { continue }
        guard let quality = Double(pair[1]), (0...1).contains(quality) else { return nil }
        weight = Int(quality * 1000)
      }
      self.weight = weight
    }
  }
}

extension HTTPRequestHead {
  /// Chooses one of `offers` by the Accept fields. - Throws: `.notAcceptable`
  func negotiate(_ offers: [MediaType]) throws(Problem) -> MediaType {
    let accept = all(named: "accept").map { String(decoding: $0, as: UTF8.self) }
    if let choice = MediaType.negotiate(offers, accept: accept) { return choice }
    throw Problem(.notAcceptable, "there is \(offers.map(\.description).joined(separator: ", "))")
  }

  /// Checks that the body's media type is one of `accepted`. A body without Content-Type is accepted: users of `curl
  /// --data-binary` and hand-made clients forget it, and a wrong body fails when it is read.
  /// - Throws: `.unsupportedMediaType`, `.unsupportedContentCoding`
  func requireBody(_ accepted: [MediaType]) throws(Problem) {
    if contentCoding != .identity {
      throw Problem(.unsupportedContentCoding, "send it as it is", fields: [HTTPField("Accept-Encoding", "identity")])
    }
    guard let text = string(named: "content-type") else { return }
    if let type = MediaType(text), accepted.contains(type) { return }
    throw .unsupportedMediaType(accepted)
  }

  /// Checks that the body is labelled as JSON or has no label.
  /// - Throws: `.unsupportedMediaType`
  func requireJSON() throws(Problem) {
    guard let label = first(named: "content-type"), !label.elementsEqual("application/json".utf8) else { return }
    if let type = MediaType(String(decoding: label, as: UTF8.self)), type.isJSON { return }
    throw .unsupportedMediaType([.json])
  }
}

extension Problem {
  /// The problem with the field `Accept`, which lists the accepted types (RFC 9110 §15.5.16).
  static func unsupportedMediaType(_ accepted: [MediaType]) -> Problem {
    let names = accepted.map(\.description)
    return Problem(
      .unsupportedMediaType, "send \(names.joined(separator: " or "))",
      fields: [HTTPField("Accept", names.joined(separator: ", "))])
  }
}
