// Each connection is a descriptor, and the usual soft limit of 1024 is a relic of select(2).

internal import CEpoll.Epoll

public enum ProcessLimits {
  /// How many descriptors the process may have open: the soft RLIMIT_NOFILE (getrlimit(2)).
  public static var descriptorLimit: Int { limits().soft }

  /// Raises the soft limit to the hard one. - Returns: the limit from here on.
  @discardableResult
  public static func raiseDescriptorLimit() throws(SystemCallError) -> Int {
    let (soft, hard) = limits()
    if soft < hard { try setDescriptorLimit(soft: hard, hard: hard) }
    return hard
  }

  /// - Throws: EPERM beyond what the process may have.
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
