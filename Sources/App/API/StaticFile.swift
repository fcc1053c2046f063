// A file that is served unchanged. It is held in memory, compressed once, and revalidated by its digest.

import Protocol

struct StaticFile: Sendable {
  private let contentType: HTTPField
  private let bytes: [UInt8]
  /// Nil if compression would save nothing.
  private let compressed: [UInt8]?
  private let tag: EntityTag

  private static let smallestCompressed = 1024

  init(_ type: MediaType, _ bytes: [UInt8]) {
    // JSON has one encoding and no charset parameter (RFC 8259 §11).
    contentType = HTTPField("Content-Type", type == .json ? "\(type)" : "\(type); charset=utf-8")
    self.bytes = bytes
    compressed = bytes.count >= Self.smallestCompressed ? GzipDeflater.gzip(bytes, level: 9) : nil
    tag = EntityTag(Hex.encode(Digest.sha256(bytes)))
  }

  /// SHA-256 of the content, hex.
  var digest: String { tag.opaque }

  /// The file, or 304 if the client has it.
  /// - Parameters:
  ///   - fields: additional header fields.
  ///   - isLasting: whether the address never gets another content, so that the client need not ask for it again.
  func response(to head: HTTPRequestHead, _ fields: [HTTPField] = [], isLasting: Bool = false) -> HTTPResponse {
    // no-cache: the client may keep the file but has to ask again, which costs a 304.
    let caching = isLasting ? "public, max-age=31536000, immutable" : "no-cache"
    let fields = fields + [tag.field, HTTPField("Cache-Control", caching), HTTPField("Vary", "Accept-Encoding")]
    if tag.isKnown(to: head) { return HTTPResponse(status: .notModified, fields: fields) }
    var response = HTTPResponse(status: .ok, fields: fields + [contentType], body: bytes)
    response.isBodyShared = true
    if let compressed, head.acceptsGzip {
      response.fields.append(HTTPField("Content-Encoding", "gzip"))
      response.body = compressed
    }
    return response
  }
}

extension HTTPRequestHead {
  /// Whether Accept-Encoding contains gzip with a weight other than 0 (RFC 9110 §12.5.3).
  var acceptsGzip: Bool {
    all(named: "accept-encoding").flatMap { $0.split(separator: UInt8(ascii: ",")) }.contains { element in
      let parts = String(decoding: element, as: UTF8.self).lowercased().filter { !$0.isWhitespace }
        .split(separator: ";")
      return parts.first == "gzip"
        && !parts.dropFirst().contains { $0.hasPrefix("q=0") && Double($0.dropFirst(2)) == 0 }
    }
  }
}
