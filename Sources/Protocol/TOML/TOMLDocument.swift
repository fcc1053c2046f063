// A strict reader of TOML 1.0.0 (https://toml.io/en/v1.0.0, grammar: toml.abnf of the same version). The reader repairs
// nothing: all rules against double definitions hold, and each defect has a line and a column. Only a byte order mark
// at the start is skipped, because the conformance suite (toml-lang/toml-test) demands it of readers of 1.0.

/// The limits of one document. Each size is checked before memory is taken for it.
public struct TOMLLimits: Sendable, Equatable {
  /// The most bytes of the whole text.
  public var documentBytes: Int
  /// The most tables and arrays inside one another. A table of the root counts 1, an element of an array of tables 2.
  /// The limit bounds the recursion of the reader, and of callers that walk the result.
  public var depth: Int
  /// The most keys of all tables. Tables that a header or a dotted key creates on its way count, and so do
  /// `[[elements]]`.
  public var keys: Int

  /// Makes limits; by default the server's.
  public init(documentBytes: Int = 64 << 10, depth: Int = 16, keys: Int = 2000) {
    self.documentBytes = documentBytes
    self.depth = depth
    self.keys = keys
  }
}

/// Reads documents.
public enum TOMLDocument {
  /// Reads one whole document, in linear time.
  /// - Returns: the root table, in the order of the text.
  /// - Throws: the first defect. Invalid UTF-8 is found before any other.
  public static func parse(
    _ bytes: Span<UInt8>, limits: TOMLLimits = TOMLLimits()
  ) throws(TOMLError) -> TOMLTable {
    do throws(TOMLFault) {
      guard bytes.count <= limits.documentBytes else {
        throw TOMLFault(reason: .documentTooLarge(limitBytes: limits.documentBytes), offset: limits.documentBytes)
      }
      try checkUTF8(bytes)
      var parser = TOMLParser(bytes, limits: limits)
      return try parser.document()
    } catch {
      throw TOMLError(error, in: bytes)
    }
  }

  private static func checkUTF8(_ bytes: Span<UInt8>) throws(TOMLFault) {
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: bytes)
    } catch {
      throw TOMLFault(reason: .invalidUTF8, offset: error.byteOffsets.lowerBound)
    }
  }
}
