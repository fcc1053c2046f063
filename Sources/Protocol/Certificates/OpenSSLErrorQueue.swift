// OpenSSL has one error queue per thread, and its entries outlive the call that added them. An old entry of one
// connection would turn another connection's WANT_READ into a fatal error. So clear the queue before each call whose
// result is examined, and read it right after.

import CEpoll.TLS

enum OpenSSLErrorQueue {
  static func clear() {
    // The queue is nearly always empty. Clearing it without this test costs as much as the rest of a small record.
    if ERR_peek_error() != 0 { ERR_clear_error() }
  }

  /// The reason code of the oldest entry; 0 if the queue is empty. The queue is not changed.
  static var reason: Int32 { ERR_GET_REASON(ERR_peek_error()) }

  /// OpenSSL's text for the oldest entry. The queue is emptied.
  static func takeReason() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0 else { return "no reason given" }
    guard let text = ERR_reason_error_string(code) else { return "error \(code)" }
    return String(cString: text)
  }
}
