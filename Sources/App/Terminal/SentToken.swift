import Synchronization

/// The token of the last request.
final class SentToken: Sendable {
  private let token = Mutex<String?>(nil)

  func set(_ text: String?) { token.withLock { $0 = text } }
  func withLock<Value>(_ body: (String?) -> Value) -> Value { token.withLock { body($0) } }
}
