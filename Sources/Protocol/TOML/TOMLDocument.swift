// A strict reader of TOML 1.0.0 (https://toml.io/en/v1.0.0, grammar: toml.abnf of the same version).
// It reads what people write and a server must judge, so it repairs nothing: every rule against defining a thing twice
// holds, and each defect has a line and a column. Only a byte order mark at the start is passed over, as the
// conformance suite (toml-lang/toml-test) demands of 1.0 readers.

/// What a document may cost. Every size is checked before it is paid for.
public struct TOMLLimits: Sendable, Equatable {
  /// Bytes of the whole text.
  public var documentBytes: Int
  /// Tables and arrays inside one another; a table of the root counts 1, an element of an array of tables 2.
  /// It bounds the recursion of the reader, and of whoever walks the result.
  public var depth: Int
  /// Keys of all tables, those that a header or a dotted key creates on its way included, and `[[elements]]`.
  public var keys: Int

  public init(documentBytes: Int = 64 << 10, depth: Int = 16, keys: Int = 2000) {
    self.documentBytes = documentBytes
    self.depth = depth
    self.keys = keys
  }
}

public enum TOMLDocument {
  /// Reads one whole document. Linear in its bytes.
  /// - Returns: the root table, in the order of the text.
  /// - Throws: the first defect; invalid UTF-8 is found before any other.
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
