// The reasons that a whole push is refused, and that one of its metrics is rejected.

/// The reason that a whole push is refused. Nothing of the push may then be stored.
public struct PushError: Error, Sendable, Hashable {
  /// The kind of fault.
  public enum Kind: Sendable, Hashable {
    /// The body is not JSON.
    case malformed(JSONDefect)
    /// The body is JSON but not a push.
    case envelope(Envelope)
  }

  /// The fault of the envelope. The raw values are part of the API.
  public enum Envelope: String, Sendable, Hashable {
    case notAnObject = "not_an_object"
    case missingCollectorID = "missing_collector_id"
    case missingMetrics = "missing_metrics"
    case duplicateKey = "duplicate_key"
    case wrongType = "wrong_type"
    case badText = "bad_text"
    case tooLong = "too_long"
    /// The push has more encoded bytes than `PushLimits.encodedBytes`.
    case tooManyRows = "too_many_rows"
    /// The push has more elements of `metrics` than `PushLimits.metrics`.
    case tooManyMetrics = "too_many_metrics"
  }

  /// The kind of fault.
  public let kind: Kind
  /// The offset in the inflated body: the wrong byte, or the start of the wrong value.
  public let offset: Int
  /// The member that was being read, as a JSON path: `collector_id`, `metrics[3]`; "" for the body itself.
  public let path: String

  /// Makes an error.
  public init(kind: Kind, offset: Int, path: String = "") {
    self.kind = kind
    self.offset = offset
    self.path = path
  }
}

/// The reason that a metric or row is rejected, or that a value is altered. The raw values are part of the API.
public enum RejectCode: String, Sendable, Hashable, CaseIterable {
  case notAnObject = "not_an_object"
  case missingType = "missing_type"
  case missingTimestamp = "missing_timestamp"
  case badTimestamp = "bad_timestamp"
  case tooOld = "too_old"
  case tooNew = "too_new"
  case wrongType = "wrong_type"
  case outOfRange = "out_of_range"
  case missingField = "missing_field"
  case duplicateKey = "duplicate_key"
  case badUTF8 = "bad_utf8"
  case nulCharacter = "nul_character"
  case badUnicode = "bad_unicode"
  case stringTooLong = "string_too_long"
  case metricTooLarge = "metric_too_large"
  case rowTooLarge = "row_too_large"
  case valueTooLarge = "value_too_large"
}

/// A metric, or a row of a metric, that was not stored.
public struct RejectedMetric: Sendable, Hashable {
  /// The position in `metrics`, from 0.
  public let index: Int
  /// The position of the row in its list, from 0; nil if the whole metric was not stored.
  public let row: Int?
  /// The metric's `type`, cut to 64 bytes; "" if it is not known.
  public let type: String
  /// The reason.
  public let code: RejectCode
  /// The place in the metric: a JSON path such as `tables[3].live_tuples`; "" for the metric itself.
  public let path: String

  /// The path and the reason, as the answer shows them.
  public var message: String { path.isEmpty ? code.fact : "\(path): \(code.fact)" }
}

/// A value that was not stored as it was sent. Its row was stored.
public struct AlteredValue: Sendable, Hashable {
  /// What happened to the value.
  public enum Action: String, Sendable, Hashable, CaseIterable {
    /// The value is a text. Invalid characters became U+FFFD, and the part beyond the limit was cut off.
    case mended
    /// NULL was stored instead.
    case null
  }

  /// What happened to a value, and the reason.
  public struct Kind: Sendable, Hashable {
    /// The reason.
    public let code: RejectCode
    /// What happened to the value.
    public let action: Action

    /// Makes a kind.
    public init(_ code: RejectCode, _ action: Action) {
      self.code = code
      self.action = action
    }
  }

  /// The position of the metric in `metrics`, from 0.
  public let index: Int
  /// The position of the row in its list, from 0; nil if the value belongs to the metric itself.
  public let row: Int?
  /// The place in the metric: a JSON path such as `queries[51].text`.
  public let path: String
  /// What happened, and the reason.
  public let kind: Kind
}

extension RejectCode {
  /// The reason in words, after "<path>: ".
  public var fact: String {
    switch self {
    case .notAnObject: "not an object"
    case .missingType: "no type"
    case .missingTimestamp: "no timestamp"
    case .badTimestamp: "not a timestamp"
    case .tooOld: "before the time window"
    case .tooNew: "after the time window"
    case .wrongType: "not of the declared type"
    case .outOfRange: "out of range"
    case .missingField: "missing"
    case .duplicateKey: "given twice"
    case .badUTF8: "not UTF-8"
    case .nulCharacter: "contains U+0000"
    case .badUnicode: "contains a lone surrogate"
    case .stringTooLong: "too long"
    case .metricTooLarge: "too large to be decoded in this order of keys"
    case .rowTooLarge: "a row that is too large"
    case .valueTooLarge: "a value that is too large"
    }
  }
}

/// The result of a push so far.
public struct PushSummary: Sendable, Hashable {
  /// The envelope's `collector_id`.
  public internal(set) var collectorID: String?
  /// The envelope's `hostname`.
  public internal(set) var hostname: String?
  /// The envelope's `timestamp`, as text.
  public internal(set) var timestamp: String?
  /// The envelope's `version`.
  public internal(set) var version: String?
  /// The number of elements of `metrics`.
  public internal(set) var metricsReceived = 0
  /// The number of metrics that were stored.
  public internal(set) var metricsStored = 0
  /// The time of the first metric whose time can be read, stored or not, in PostgreSQL's microseconds. If two pushes
  /// begin with the same metrics and one of these has such a time, both pushes have the same value.
  public internal(set) var firstTime: Int64?
  /// Rows of metrics. Rows of `texts` and `objects` are not counted.
  public internal(set) var rows = 0
  /// Rows that were left out because they repeat an earlier row of the push.
  public internal(set) var rowsRepeated = 0
  /// Rows that were added to an earlier row of their list.
  public internal(set) var rowsAddedUp = 0
  /// The first `PushLimits.reportedRejects` metrics and rows that were not stored.
  public internal(set) var rejected: [RejectedMetric] = []
  /// The number of metrics that were not stored.
  public internal(set) var rejectedTotal = 0
  /// The same number for each reason.
  public internal(set) var rejectedByCode: [RejectCode: Int] = [:]
  /// The number of rows that were not stored, in metrics that were stored.
  public internal(set) var rowsRejected = 0
  /// The same number for each reason.
  public internal(set) var rowsRejectedByCode: [RejectCode: Int] = [:]
  /// The first `PushLimits.reportedRejects` altered values.
  public internal(set) var altered: [AlteredValue] = []
  /// The number of mended texts.
  public internal(set) var valuesMended = 0
  /// The number of values for which NULL was stored.
  public internal(set) var valuesNull = 0
  /// The number of altered values of each kind.
  public internal(set) var alteredByKind: [AlteredValue.Kind: Int] = [:]

  /// Whether a metric or a row was not stored. Altered values do not count.
  public var isPartial: Bool { rejectedTotal > 0 || rowsRejected > 0 }

  /// The result before anything is read.
  public init() {}
}
