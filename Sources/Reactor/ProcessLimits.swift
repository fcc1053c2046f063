// Each connection needs a descriptor, and the usual soft limit of 1024 exists only for select(2).

internal import CEpoll.Epoll

/// The limits of this process.
public enum ProcessLimits {
  /// The most descriptors that the process may have open: the soft RLIMIT_NOFILE (getrlimit(2)).
  public static var descriptorLimit: Int { limits().soft }

  /// Raises the soft limit to the hard limit.
  /// - Returns: the new limit.
  @discardableResult
  public static func raiseDescriptorLimit() throws(SystemCallError) -> Int {
    let (soft, hard) = limits()
    if soft < hard { try setDescriptorLimit(soft: hard, hard: hard) }
    return hard
  }

  /// - Throws: EPERM if the process may not have so many.
  static func setDescriptorLimit(soft: Int, hard: Int) throws(SystemCallError) {
    try SystemCall.value("setrlimit") { cepoll_set_descriptor_limit(UInt64(soft), UInt64(hard)) }
  }

  static func limits() -> (soft: Int, hard: Int) {
    var soft: UInt64 = 0
    var hard: UInt64 = 0
    SystemCall.certain("getrlimit") { cepoll_get_descriptor_limit(&soft, &hard) }
    return (Int(clamping: soft), Int(clamping: hard))
  }
}
