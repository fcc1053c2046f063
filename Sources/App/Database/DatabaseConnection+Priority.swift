internal import CEpoll.Postgres
internal import CEpoll.Process

extension DatabaseConnection {
  /// Lowers the priority of the session's backend among all processes of this machine, if PostgreSQL runs here and is ours to
  /// tell: its user's, or we are root. The number that libpq knows counts only if that process is a child of the one that
  /// listens at the socket: a PostgreSQL in a container has numbers of its own.
  /// - Parameter niceness: as of nice(2), 1 to 19.
  /// - Returns: whether it was done.
  @discardableResult
  func giveWay(_ niceness: Int) -> Bool {
    guard let session else { return false }
    let backend = PQbackendPID(session)
    let postmaster = cepoll_peer_process(PQsocket(session))
    guard postmaster > 0, cepoll_parent_process(backend) == postmaster else { return false }
    return cepoll_give_way(backend, CInt(niceness)) == 0
  }
}
