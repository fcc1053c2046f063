// Request targets (RFC 9112 §3.2, RFC 3986 §3.3-3.4). They are checked with the head and decoded on demand. A path that
// two readers could take for two resources is refused, never normalised: dot segments, an encoded slash, NUL and other
// control bytes, invalid UTF-8, raw bytes outside the grammar. Empty segments are kept; they match no route.

/// A checked request target. It holds positions in the bytes of its head, so a copy costs one retain.
public struct RequestTarget: Sendable, Equatable {
  /// The form of a target (RFC 9112 §3.2).
  public enum Form: Sendable, Equatable {
    /// `/path?query`
    case origin
    /// `http://authority/path?query`, or with `https:`. The path may be missing.
    case absolute
    /// `*`, for OPTIONS only.
    case asterisk
  }

  /// One item of a query.
  public struct QueryItem: Sendable, Equatable {
    /// The decoded name.
    public let name: String
    /// The decoded value; empty if the item has no `=`.
    public let value: String

    /// Makes an item.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  private static let root = [HTTPGrammar.slash][...]

  /// The form in which the target was received.
  public let form: Form
  private let bytes: [UInt8]
  private let place: Range<Int>
  private let path: Range<Int>
  private let query: Range<Int>?
  private let host: Range<Int>?

  /// The target as received.
  public var raw: ArraySlice<UInt8> { bytes[place] }
  /// The path as received, still encoded. It begins with `/`, also for `http://host`. It is empty for the asterisk
  /// form.
  public var rawPath: ArraySlice<UInt8> { path.isEmpty && form == .absolute ? Self.root : bytes[path] }
  /// The query as received, without `?`; nil if there is no `?`.
  public var rawQuery: ArraySlice<UInt8>? { query.map { bytes[$0] } }
  /// The host and port of the absolute form; nil for the other forms.
  var authority: ArraySlice<UInt8>? { host.map { bytes[$0] } }

  /// Reads and checks a target.
  /// - Parameter text: an origin-form, absolute-form or asterisk-form target.
  /// - Throws: `.invalidTarget`, `.invalidPercentEncoding`, `.encodedSlash`, `.encodedControl`, `.invalidUTF8`,
  ///   `.dotSegment`.
  public init(_ text: String) throws(HTTPError) {
    let bytes = Array(text.utf8)
    try self.init(parsing: bytes, bytes.indices)
  }

  /// Reads and checks a target.
  /// - Parameter place: the range of the target in `bytes`.
  init(parsing bytes: [UInt8], _ place: Range<Int>) throws(HTTPError) {
    self.bytes = bytes
    self.place = place
    let raw = bytes[place]
    if raw.count == 1, raw.first == UInt8(ascii: "*") {
      form = .asterisk
      host = nil
      path = raw.endIndex..<raw.endIndex
      query = nil
      return
    }
    var rest = raw
    if raw.first == HTTPGrammar.slash {
      form = .origin
      host = nil
    } else {
      form = .absolute
      rest = try Self.afterScheme(raw)
      let end = rest.firstIndex { $0 == HTTPGrammar.slash || $0 == UInt8(ascii: "?") } ?? rest.endIndex
      host = rest.startIndex..<end
      rest = rest[end...]
    }
    let mark = rest.firstIndex(of: UInt8(ascii: "?"))
    path = rest.startIndex..<(mark ?? rest.endIndex)
    query = mark.map { ($0 + 1)..<rest.endIndex }
    try Self.validatePath(bytes[path])
    if let query, !bytes[query].allSatisfy(HTTPGrammar.isQueryCharacter) { throw HTTPError(.invalidTarget) }
  }

  private static func afterScheme(_ raw: ArraySlice<UInt8>) throws(HTTPError) -> ArraySlice<UInt8> {
    for scheme in ["http://", "https://"] as [StaticString] {
      let prefix = raw.prefix(scheme.utf8CodeUnitCount)
      if HTTPGrammar.equal(prefix.span, lowercase: scheme) { return raw[prefix.endIndex...] }
    }
    throw HTTPError(.invalidTarget)
  }

  /// Whether both targets have the same bytes.
  public static func == (left: Self, right: Self) -> Bool { left.raw == right.raw }

  /// The decoded path segments: `/a/b%20c` gives `["a", "b c"]`, `/` gives `[""]`, `/a/` gives `["a", ""]`, `*` gives
  /// none.
  public var segments: [String] {
    if rawPath.isEmpty { return [] }
    return rawPath.dropFirst().split(separator: HTTPGrammar.slash, omittingEmptySubsequences: false).map { segment in
      guard segment.contains(HTTPGrammar.percent) else { return String(decoding: segment, as: UTF8.self) }
      var decoded: [UInt8] = []
      decoded.reserveCapacity(segment.count)
      Self.decode(segment, plusIsSpace: false) { decoded.append($0) }
      return String(decoding: decoded, as: UTF8.self)
    }
  }

  /// The items of the query, in order, with duplicates. The encoding is that of forms: `+` is a space, `%2B` a plus. An
  /// empty item (as in `a=1&&b=2`) is skipped.
  /// A value may hold control characters, because names of database objects may hold them. A parameter that must be one
  /// line has its own rule.
  /// - Throws: `.invalidQuery` for a broken percent-encoding, a NUL, a control byte in a name, an empty name, or
  ///   invalid UTF-8.
  public func queryItems() throws(HTTPError) -> [QueryItem] {
    guard let rawQuery else { return [] }
    var items: [QueryItem] = []
    for item in rawQuery.split(separator: UInt8(ascii: "&")) {
      let mark = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
      let name = try Self.queryText(item[..<mark], isOneLine: true)
      if name.isEmpty { throw HTTPError(.invalidQuery) }
      items.append(QueryItem(name: name, value: try Self.queryText(item[mark...].dropFirst(), isOneLine: false)))
    }
    return items
  }

  private static func queryText(_ raw: ArraySlice<UInt8>, isOneLine: Bool) throws(HTTPError) -> String {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(raw.count)
    var isClean = true
    let isComplete = decode(raw, plusIsSpace: true) { byte in
      if byte == 0 || isOneLine && (byte < 0x20 || byte == 0x7F) { isClean = false }
      decoded.append(byte)
    }
    guard isComplete, isClean, let text = String(validating: decoded, as: UTF8.self) else {
      throw HTTPError(.invalidQuery)
    }
    return text
  }

  private static func validatePath(_ path: ArraySlice<UInt8>) throws(HTTPError) {
    var hasPercent = false
    for byte in path {
      if byte == HTTPGrammar.percent {
        hasPercent = true
      } else if byte != HTTPGrammar.slash, !HTTPGrammar.isPathCharacter(byte) {
        throw HTTPError(.invalidTarget)
      }
    }
    var segment = SegmentCheck()
    guard hasPercent else {
      for byte in path.dropFirst() { try segment.take(byte, isSeparator: byte == HTTPGrammar.slash) }
      return try segment.take(HTTPGrammar.slash, isSeparator: true)
    }
    var decoded: [UInt8] = []
    decoded.reserveCapacity(path.count)
    for piece in path.dropFirst().split(separator: HTTPGrammar.slash, omittingEmptySubsequences: false) {
      decoded.removeAll(keepingCapacity: true)
      guard decode(piece, plusIsSpace: false, { decoded.append($0) }) else {
        throw HTTPError(.invalidPercentEncoding)
      }
      for byte in decoded {
        if byte == HTTPGrammar.slash { throw HTTPError(.encodedSlash) }
        if byte < 0x20 || byte == 0x7F { throw HTTPError(.encodedControl) }
        try segment.take(byte, isSeparator: false)
      }
      try segment.take(HTTPGrammar.slash, isSeparator: true)
      if String(validating: decoded, as: UTF8.self) == nil { throw HTTPError(.invalidUTF8) }
    }
  }

  /// Finds the segments `.` and `..`, byte by byte.
  private struct SegmentCheck {
    private var length = 0
    private var isDotsOnly = true

    mutating func take(_ byte: UInt8, isSeparator: Bool) throws(HTTPError) {
      if isSeparator {
        if isDotsOnly, length == 1 || length == 2 { throw HTTPError(.dotSegment) }
        length = 0
        isDotsOnly = true
      } else {
        length += 1
        if byte != UInt8(ascii: ".") { isDotsOnly = false }
      }
    }
  }

  /// Decodes percent-encoding once.
  /// - Returns: false at the first broken escape.
  @discardableResult
  private static func decode(_ raw: ArraySlice<UInt8>, plusIsSpace: Bool, _ put: (UInt8) -> Void) -> Bool {
    var index = raw.startIndex
    while index < raw.endIndex {
      let byte = raw[index]
      index += 1
      if byte == HTTPGrammar.percent {
        guard raw.endIndex - index >= 2, let high = HTTPGrammar.hexValue(raw[index]),
          let low = HTTPGrammar.hexValue(raw[index + 1])
        else { return false }
        put(UInt8(high << 4 | low))
        index += 2
      } else {
        put(plusIsSpace && byte == UInt8(ascii: "+") ? HTTPGrammar.space : byte)
      }
    }
    return true
  }
}
