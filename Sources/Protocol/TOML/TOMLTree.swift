// The tables of a document while it is read, and the rules about adding to them. The tables are stored flat and refer
// to one another by number. So a header finds its table with one look-up for each part, however large the document is,
// and nothing is copied when a table grows.

struct TOMLTree {
  struct TableID: Hashable {
    fileprivate let index: Int
  }

  /// The way in which a table was created. It decides who may define it or add to it.
  private enum Origin {
    /// A header named it on the way to a sub-table. → header, dotted
    case implicit
    /// Its own header, the root, or an element of an array of tables: it can't be defined again.
    case header
    /// A dotted key: only dotted keys may add keys, and headers may add sub-tables.
    case dotted
  }

  private enum Content {
    /// A complete value: a scalar, a static array or an inline table.
    case value(TOMLValue)
    case table(TableID)
    /// An array of tables, as an index into `arrays`.
    case elements(Int)
  }

  private struct Table {
    var origin: Origin
    let depth: Int
    var entries: [(key: String, offset: Int, content: Content)] = []
  }

  /// The key is bytes and not a String, because equality of strings ignores differences of normalisation.
  private struct Place: Hashable {
    let table: TableID
    let key: [UInt8]
  }

  let limits: TOMLLimits
  private var tables: [Table] = []
  private var arrays: [[TableID]] = []
  private var places: [Place: Int] = [:]
  private var keyCount = 0

  let root: TableID

  init(limits: TOMLLimits) {
    self.limits = limits
    root = TableID(index: 0)
    tables.append(Table(origin: .header, depth: 0))
  }

  func depth(of table: TableID) -> Int { tables[table.index].depth }

  // MARK: Headers

  /// The table that the header `[path]` opens.
  mutating func openTable(_ path: [TOMLKey]) throws(TOMLFault) -> TableID {
    let (parent, last) = try parent(of: path)
    switch content(of: last, in: parent) {
    case nil: return try add(.header, last, in: parent)
    case .table(let table):
      guard tables[table.index].origin == .implicit else { throw fault(.duplicateTable, last) }
      tables[table.index].origin = .header
      return table
    case .elements: throw fault(.tableIsAnArray, last)
    case .value: throw fault(.duplicateKey, last)
    }
  }

  /// The new table that the header `[[path]]` opens.
  mutating func openElement(_ path: [TOMLKey]) throws(TOMLFault) -> TableID {
    let (parent, last) = try parent(of: path)
    let array: Int
    switch content(of: last, in: parent) {
    case nil:
      array = arrays.count
      arrays.append([])
      try insert(.elements(array), last, in: parent)
    case .elements(let existing): array = existing
    case .table: throw fault(.tableIsNotAnArray, last)
    case .value(.array): throw fault(.extendsStaticArray, last)
    case .value: throw fault(.duplicateKey, last)
    }
    let element = try makeTable(.header, depth: depth(of: parent) + 2, for: last)
    try countKey(last)
    arrays[array].append(element)
    return element
  }

  /// The table to which the last part of a header's path belongs. The path goes through tables of any origin, and
  /// through the last elements of arrays.
  private mutating func parent(of path: [TOMLKey]) throws(TOMLFault) -> (TableID, last: TOMLKey) {
    var table = root
    for key in path.dropLast() {
      switch content(of: key, in: table) {
      case nil: table = try add(.implicit, key, in: table)
      case .table(let next): table = next
      case .elements(let array): table = arrays[array][arrays[array].count - 1]
      case .value(let value): throw closed(value, key)
      }
    }
    return (table, path[path.count - 1])
  }

  // MARK: Keys

  /// The table to which the last part of the dotted key `path` belongs; the key stands in `table`. That part is still
  /// free there.
  mutating func owner(of path: [TOMLKey], in table: TableID) throws(TOMLFault) -> TableID {
    var table = table
    for key in path.dropLast() {
      switch content(of: key, in: table) {
      case nil: table = try add(.dotted, key, in: table)
      case .table(let next):
        guard tables[next.index].origin != .header else { throw fault(.extendsDefinedTable, key) }
        tables[next.index].origin = .dotted
        table = next
      case .elements: throw fault(.tableIsAnArray, key)
      case .value(let value): throw closed(value, key)
      }
    }
    let last = path[path.count - 1]
    guard content(of: last, in: table) == nil else { throw fault(.duplicateKey, last) }
    return table
  }

  /// Adds a value.
  /// - Precondition: `table` is the result of `owner(of:in:)` for a path that ends with `key`.
  mutating func set(_ key: TOMLKey, to value: TOMLValue, in table: TableID) throws(TOMLFault) {
    try insert(.value(value), key, in: table)
  }

  /// Makes an inline table, to which no other table refers.
  /// - Precondition: the caller has checked the depth.
  mutating func makeInlineTable(depth: Int) -> TableID {
    tables.append(Table(origin: .header, depth: depth))
    return TableID(index: tables.count - 1)
  }

  // MARK: Result

  /// The table with all its content. The depth limit bounds the recursion.
  func frozen(_ table: TableID) -> TOMLTable {
    TOMLTable(
      entries: tables[table.index].entries.map { entry in
        let value: TOMLValue
        switch entry.content {
        case .value(let complete): value = complete
        case .table(let table): value = .table(frozen(table))
        case .elements(let array): value = .array(arrays[array].map { .table(frozen($0)) })
        }
        return TOMLTable.Entry(key: entry.key, value: value, offset: entry.offset)
      })
  }

  // MARK: Store

  private func content(of key: TOMLKey, in table: TableID) -> Content? {
    places[Place(table: table, key: Array(key.name.utf8))].map { tables[table.index].entries[$0].content }
  }

  private mutating func insert(_ content: Content, _ key: TOMLKey, in table: TableID) throws(TOMLFault) {
    try countKey(key)
    places[Place(table: table, key: Array(key.name.utf8))] = tables[table.index].entries.count
    tables[table.index].entries.append((key.name, key.offset, content))
  }

  private mutating func add(_ origin: Origin, _ key: TOMLKey, in parent: TableID) throws(TOMLFault) -> TableID {
    let table = try makeTable(origin, depth: depth(of: parent) + 1, for: key)
    try insert(.table(table), key, in: parent)
    return table
  }

  private mutating func makeTable(_ origin: Origin, depth: Int, for key: TOMLKey) throws(TOMLFault) -> TableID {
    guard depth <= limits.depth else { throw fault(.tooDeep(limit: limits.depth), key) }
    tables.append(Table(origin: origin, depth: depth))
    return TableID(index: tables.count - 1)
  }

  private mutating func countKey(_ key: TOMLKey) throws(TOMLFault) {
    guard keyCount < limits.keys else { throw fault(.tooManyKeys(limit: limits.keys), key) }
    keyCount += 1
  }

  /// The fault of a path that goes through a complete value.
  private func closed(_ value: TOMLValue, _ key: TOMLKey) -> TOMLFault {
    switch value {
    case .table: fault(.extendsInlineTable, key)
    case .array: fault(.extendsStaticArray, key)
    case .string, .integer, .float, .boolean, .offsetDateTime, .localDateTime, .localDate, .localTime:
      fault(.keyIsNotATable, key)
    }
  }

  private func fault(_ reason: TOMLError.Reason, _ key: TOMLKey) -> TOMLFault {
    TOMLFault(reason: reason, offset: key.offset)
  }
}
