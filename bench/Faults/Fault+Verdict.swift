extension Fault {
  /// Judges the answer to the request that carried the fault, or to the request that shows its effect.
  /// - Parameters:
  ///   - isDuplicate: whether the answer to a push says that it is a duplicate.
  ///   - slug: the name of a refusal.
  func verdict(status: UInt16, isDuplicate: Bool, slug: String) -> FaultVerdict {
    let isAccepted = status == 200 || status == 201
    let answer = isAccepted ? "\(status)\(isDuplicate ? " duplicate" : "")" : "\(status) \(slug)"
    let isRight =
      switch self {
      case .slowBody, .reset: isAccepted && !isDuplicate
      case .duplicate: isAccepted && isDuplicate
      case .brokenJSON: status == 400 || status == 422
      case .wrongCertificate: status == 401 || status == 403
      }
    return isRight ? .right : .wrong(answer)
  }
}
