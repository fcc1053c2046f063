// How a collector's certificate names it: one URI among the subject's alternative names, `urn:pganalytics:collector:<uuid>`.

public enum CollectorURN {
  static let prefix = "urn:pganalytics:collector:"

  public static func encode(_ collector: UUID) -> String { prefix + collector.description }

  /// - Returns: nil if `text` names no collector.
  public static func decode(_ text: String) -> UUID? {
    guard text.hasPrefix(prefix) else { return nil }
    return UUID(String(text.dropFirst(prefix.count)))
  }

  /// The collector that `names` name; nil for none, and for more than one: an identity is not a choice.
  static func collector(among names: [String]) -> UUID? {
    let collectors = names.filter { $0.hasPrefix(prefix) }
    return collectors.count == 1 ? decode(collectors[0]) : nil
  }
}
