// The counters of a lane. /metrics asks each lane for a copy and adds the copies.

/// The counters of a lane's parts. Their members are read and written as members of this type.
@dynamicMemberLookup
struct LaneCounters: Sendable {
  var connections = ConnectionCounters()
  var identities = IdentityCounters()
  var pushes: PushCounters

  /// Adds the counts of another lane.
  static func += (left: inout LaneCounters, right: LaneCounters) {
    left.connections += right.connections
    left.identities += right.identities
    left.pushes += right.pushes
  }

  subscript<Value>(dynamicMember path: WritableKeyPath<ConnectionCounters, Value>) -> Value {
    get { connections[keyPath: path] }
    set { connections[keyPath: path] = newValue }
  }

  subscript<Value>(dynamicMember path: WritableKeyPath<PushCounters, Value>) -> Value {
    get { pushes[keyPath: path] }
    set { pushes[keyPath: path] = newValue }
  }

  subscript<Value>(dynamicMember path: KeyPath<PushCounters, Value>) -> Value { pushes[keyPath: path] }
  subscript<Value>(dynamicMember path: KeyPath<IdentityCounters, Value>) -> Value { identities[keyPath: path] }
}

extension LaneCounters {
  /// - Parameter targets: the number of tables that rows are copied into.
  init(targets: Int) { pushes = PushCounters(targets: targets) }
}
