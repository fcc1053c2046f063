import Protocol
import Reactor
import Synchronization
import Testing

@testable import App

/// Users for tests that need a user of some role and do not change it. Making a user costs two password hashes.
private struct SharedUser {
  let madeAt: MonotonicTime
  let task: Task<(String, String), any Error>
}

private let users = Mutex<[String: SharedUser]>([:])

extension RunningServer {
  /// The field that lets a request act as a user with `role`.
  func shared(_ role: Role) async throws -> (String, String) {
    let key = "\(server.address.port) \(role)"
    let task = users.withLock { users in
      let now = MonotonicTime.now()
      // An access token lives for 15 minutes.
      if let known = users[key], now - known.madeAt < .seconds(300) { return known.task }
      let task = Task { try await self.user(role) }
      users[key] = SharedUser(madeAt: now, task: task)
      return task
    }
    return try await task.value
  }
}
