// The catalog in the form that the decoder uses: flat arrays of small values, with indices instead of names.

/// All metric declarations, compiled once at start. All decoders share one value.
public struct CompiledCatalog: Sendable {
  /// Each table that a push can fill: the metric tables in catalog order, then `unknown_metrics`, `texts`, `objects`.
  public let targets: [CopyTarget]
  /// The index of `unknown_metrics` in `targets`.
  public var unknownMetricsTarget: Int { targets.count - 3 }
  /// The index of `texts` in `targets`.
  public var textsTarget: Int { targets.count - 2 }
  /// The index of `objects` in `targets`.
  public var objectsTarget: Int { targets.count - 1 }
  /// The index of the table that holds log lines; nil if there is none.
  public let logTarget: Int?

  let tables: [TablePlan]
  /// The keys of all tables, one table after the other, in the order of slots: first the keys that name the object,
  /// then the columns.
  let rowKeys: [RowKey]
  let patterns: [KeyPattern]
  /// The slots of the distinct columns of all tables, one table after the other.
  let distinctSlots: [UInt8]
  /// The rules of the tables whose equal rows are added up.
  let additions: [Addition]
  let types: [TypePlan]
  let levels: [LevelPlan]
  let fields: [FieldPlan]
  /// The bytes of all names. Plans hold ranges of this array.
  let names: [UInt8]
  let tableNames: [String]
  let typeNames: [String]

  /// The most slots of a table: one bit each in the 64-bit masks of a row.
  static let mostSlots = 64

  /// Compiles declarations. A declaration that the decoder cannot handle ends the process.
  public init(types: [MetricType] = MetricCatalog.types) {
    var compiler = CatalogCompiler()
    for type in types { compiler.add(type) }
    tables = compiler.tables
    logTarget = compiler.tables.firstIndex { $0.equals == .logLines }
    rowKeys = compiler.rowKeys
    patterns = compiler.rowKeys.map { $0.kind == .made ? KeyPattern() : KeyPattern(compiler.names[$0.name.range]) }
    additions = compiler.additions
    distinctSlots = compiler.distinctSlots
    self.types = compiler.types
    levels = compiler.levels
    fields = compiler.fields
    names = compiler.names
    tableNames = compiler.declared.map(\.name)
    typeNames = types.map(\.name)
    let metric = compiler.declared.enumerated().map { CopyTarget.metric($1, index: $0) }
    targets =
      metric + [
        .unknownMetrics(index: metric.count), .texts(index: metric.count + 1), .objects(index: metric.count + 2),
      ]
  }

  /// The index of the type with this name; nil if there is none.
  func type(named name: Span<UInt8>) -> Int? {
    types.firstIndex { isEqual($0.name, name) }
  }

  /// The index of the field with this key in a level; nil if there is none.
  func field(in level: Int, named name: Span<UInt8>) -> Int? {
    for index in levels[level].fields.range where isEqual(fields[index].name, name) { return index }
    return nil
  }

  /// The slot of the key with this name in a table; nil if a push cannot fill one.
  func slot(in plan: TablePlan, named name: Span<UInt8>) -> Int? {
    let first = plan.firstKey
    for slot in 0..<plan.slotCount where isEqual(rowKeys[first + slot].name, name) {
      return rowKeys[first + slot].kind == .made ? nil : slot
    }
    return nil
  }

  private func isEqual(_ place: Place, _ name: Span<UInt8>) -> Bool {
    guard place.count == name.count else { return false }
    for index in name.indices where names[place.start + index] != name[index] { return false }
    return true
  }

  func text(_ place: Place) -> String { String(decoding: names[place.range], as: UTF8.self) }

  /// The one type that has a container with this key, at metric level or below `databases`. Nil if there is none, or
  /// several.
  func type(withContainer name: Span<UInt8>, inDatabases: Bool) -> Int? {
    var found: Int?
    for (index, type) in types.enumerated() {
      let level = inDatabases ? type.databaseLevel : type.level
      guard level >= 0, let field = field(in: level, named: name) else { continue }
      switch fields[field].rule {
      case .rows, .texts, .nested:
        if found != nil { return nil }
        found = index
      case .type, .timestamp, .database, .ignored, .column, .databases: break
      }
    }
    return found
  }
}

/// A range of `CompiledCatalog.names`, or of another flat array.
struct Place: Sendable {
  var start: Int
  var count: Int
  var range: Range<Int> { start..<start + count }
}

struct TablePlan: Sendable {
  let name: Place
  let hasDatabase: Bool
  /// The table's slots are `rowKeys[firstKey ..< firstKey + slotCount]`. The first `objectCount` of them name the
  /// object.
  let firstKey: Int
  let objectCount: Int
  let slotCount: Int
  let distinct: Place
  /// The slots that identify the subject of a row. A row is rejected if such a value was sent and cannot be stored.
  let identity: UInt64
  let equals: Equals
  /// The slots of texts that are stored once in `texts`.
  let interned: UInt64
  /// The number of fields in a tuple; and the most bytes of a tuple without its texts.
  let fieldCount: Int
  let fixedBytes: Int
  /// The seed of the hashes that give the table's objects their ids.
  let objectSeed: UInt64

  var hasObject: Bool { objectCount > 0 }
  var objectMask: UInt64 { (1 << UInt64(objectCount)) - 1 }

  /// The cases of `MetricTable.Equals`; `addedUp` holds an index in `CompiledCatalog.additions`.
  enum Equals: Sendable, Equatable {
    case each, toldApartByPlace, logLines
    case addedUp(Int)
  }
}

struct RowKey: Sendable {
  enum Kind: UInt8, Sendable { case int8, numeric, float8, bool, text, interned, timestamp, object, made }

  let name: Place
  let kind: Kind
}

struct TypePlan: Sendable {
  let name: Place
  let level: Int
  /// The level below `databases`; -1 if the type has none.
  let databaseLevel: Int
  let hasDatabase: Bool
}

/// The fields of one object, without those of nested objects.
struct LevelPlan: Sendable {
  let fields: Place
}

struct FieldPlan: Sendable {
  enum Rule: UInt8, Sendable { case type, timestamp, database, ignored, column, nested, rows, texts, databases }

  let name: Place
  let rule: Rule
  var table = -1
  var slot = -1
  var level = -1
}

/// The text `"key":` as four words, which are compared with the JSON at once.
struct KeyPattern: Sendable {
  static let width = 32

  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  private var masks: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  /// Bytes of `"key":`; 0 if the text is longer than `width`. Such a key is found by name.
  let count: Int

  /// Makes a pattern that matches nothing.
  init() { count = 0 }

  init(_ name: ArraySlice<UInt8>) {
    let text = [0x22] + name + [0x22, 0x3A]
    guard text.count <= Self.width else {
      count = 0
      return
    }
    count = text.count
    func word(_ index: Int) -> (UInt64, UInt64) {
      var word: UInt64 = 0
      var mask: UInt64 = 0
      for lane in 0..<8 where index * 8 + lane < text.count {
        word |= UInt64(text[index * 8 + lane]) << UInt64(lane * 8)
        mask |= 0xFF << UInt64(lane * 8)
      }
      return (word, mask)
    }
    (words.0, masks.0) = word(0)
    (words.1, masks.1) = word(1)
    (words.2, masks.2) = word(2)
    (words.3, masks.3) = word(3)
  }

  /// Whether the text at `cursor` begins with this pattern.
  /// - Precondition: the text has `width` more bytes.
  @inline(__always)
  func matches(_ cursor: borrowing JSONCursor) -> Bool {
    let start = cursor.position
    var difference = (cursor.uncheckedWord(at: start) ^ words.0) & masks.0
    difference |= (cursor.uncheckedWord(at: start + 8) ^ words.1) & masks.1
    if count > 16 {
      difference |= (cursor.uncheckedWord(at: start + 16) ^ words.2) & masks.2
      difference |= (cursor.uncheckedWord(at: start + 24) ^ words.3) & masks.3
    }
    return difference == 0 && count > 0
  }
}
