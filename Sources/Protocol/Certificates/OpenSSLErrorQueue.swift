// OpenSSL's error queue is per thread and outlives the call that filled it: a leftover of one connection turns another
// one's WANT_READ into a fatal error. Clear it before each call whose result is looked at, read it right after.

import CEpoll.TLS

enum OpenSSLErrorQueue {
  static func clear() {
    // It is empty nearly always, and emptying it all the same costs as much as the rest of a small record.
    if ERR_peek_error() != 0 { ERR_clear_error() }
  }

  /// The reason code of the oldest entry, 0 if there is none. Leaves the queue as it is.
  static var reason: Int32 { ERR_GET_REASON(ERR_peek_error()) }

  /// OpenSSL's words for the oldest entry. Empties the queue.
  static func takeReason() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0 else { return "no reason given" }
    guard let text = ERR_reason_error_string(code) else { return "error \(code)" }
    return String(cString: text)
  }
}
