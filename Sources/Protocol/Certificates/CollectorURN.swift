// A collector's certificate names the collector by one URI among the subject's alternative names:
// `urn:pganalytics:collector:<uuid>`.

/// The URI form of a collector's id.
public enum CollectorURN {
  static let prefix = "urn:pganalytics:collector:"

  /// The URI of a collector.
  public static func encode(_ collector: UUID) -> String { prefix + collector.description }

  /// The collector that a URI names.
  /// - Returns: nil if `text` is not such a URI.
  public static func decode(_ text: String) -> UUID? {
    guard text.hasPrefix(prefix) else { return nil }
    return UUID(String(text.dropFirst(prefix.count)))
  }

  /// The collector among a certificate's URIs. Nil if there is none; also nil if there are several, because nothing
  /// says which of them is meant.
  static func collector(among names: [String]) -> UUID? {
    let collectors = names.filter { $0.hasPrefix(prefix) }
    return collectors.count == 1 ? decode(collectors[0]) : nil
  }
}
