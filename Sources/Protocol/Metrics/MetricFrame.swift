// Where the decoder is in a push: the containers that are open, and what each expects next.

/// One open container.
struct MetricFrame: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case root, metrics, metric, nested
    case databasesObject, databasesArray, database
    case rows, texts

    var isObject: Bool {
      switch self {
      case .root, .metric, .nested, .databasesObject, .database: true
      case .metrics, .databasesArray, .rows, .texts: false
      }
    }
  }

  /// What comes next. An object goes first → colon → value → next → key → colon ...; an array first → next → value ...
  enum Phase: BitwiseCopyable {
    /// A first key or element, or the end.
    case first
    case key, colon, value
    /// A comma, or the end.
    case next
  }

  /// The key whose value is being read.
  enum Field: Equatable, BitwiseCopyable {
    case none
    case known(Int)
    case unknown
  }

  let kind: Kind
  var phase = Phase.first
  /// Index in the catalog's levels, of an object with declared fields.
  var level = -1
  /// Index in the catalog's tables, of an array.
  var table = -1
  var field = Field.none
  /// Of an array: the element that is being read.
  var index = 0
  /// Bit n: the n-th field of the level was there.
  var seen: UInt64 = 0
  /// Whether this object was begun in the metric's leftovers.
  var isInLeftovers = false

  init(_ kind: Kind, level: Int = -1, table: Int = -1) {
    self.kind = kind
    self.level = level
    self.table = table
  }
}

/// The open containers, the outermost first. The catalog's nesting bounds their number.
struct MetricFrames: ~Copyable {
  static let capacity = 16

  private var frames = FixedStorage(repeating: MetricFrame(.root), count: capacity)
  private(set) var count = 0

  subscript(index: Int) -> MetricFrame {
    get { frames[index] }
    set { frames[index] = newValue }
  }

  var top: MetricFrame {
    get { frames[count - 1] }
    set { frames[count - 1] = newValue }
  }

  mutating func push(_ frame: MetricFrame) {
    frames[count] = frame
    count += 1
  }

  mutating func pop() { count -= 1 }
  mutating func truncate(to newCount: Int) { count = newCount }

  /// The value under the current key, or the current element, was read.
  mutating func valueEnded() {
    if count == 0 { return }
    frames[count - 1].phase = .next
    frames[count - 1].field = .none
  }
}
