// Hashing a password takes a tenth of a second by design, so worker threads hash and verify passwords.

import Protocol
import Reactor

/// Hashes and verifies passwords. - Throws: `.overloaded` if too many passwords already wait for a thread.
struct Passwords: Sendable {
  let workers: WorkerPool

  /// Hashes a password that fulfils the rules.
  func hash(_ password: String) async throws(Problem) -> String {
    guard let hash = try await work({ PasswordHash.hash(password) }) else {
      throw Problem(.internalError, cause: "the password was not hashed")
    }
    return hash
  }

  /// Whether `hash` is a hash of `password`.
  func verify(_ password: String, against hash: String) async throws(Problem) -> Bool {
    try await work { PasswordHash.verify(password, against: hash) }
  }

  /// Runs `work` on a worker thread.
  private func work<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws(Problem) -> Value {
    do throws(WorkerPoolError) {
      return try await workers.run(work)
    } catch {
      throw Problem(.overloaded, "too many passwords are being checked", retryAfterSeconds: 5)
    }
  }
}
