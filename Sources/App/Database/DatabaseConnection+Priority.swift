internal import CEpoll.Postgres
internal import CEpoll.Process

extension DatabaseConnection {
  /// Lets all others on this machine have the processor before the session's backend, if PostgreSQL runs here and is ours to
  /// tell: its user's, or we are root. The number that libpq knows counts only if that process is a child of the one that
  /// listens at the socket: a PostgreSQL in a container has numbers of its own.
  /// - Returns: whether it does.
  @discardableResult
  func giveWay() -> Bool {
    guard let session else { return false }
    let backend = PQbackendPID(session)
    let postmaster = cepoll_peer_process(PQsocket(session))
    guard postmaster > 0, cepoll_parent_process(backend) == postmaster else { return false }
    return cepoll_give_way(backend) == 0
  }
}
