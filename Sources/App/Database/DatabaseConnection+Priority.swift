internal import CEpoll.Postgres
internal import CEpoll.Process

extension DatabaseConnection {
  /// Lowers the priority of the session's backend among all processes of this machine. It works only if PostgreSQL runs
  /// on this machine and this process is allowed to change its backends: it has the same user or is root. The backend's
  /// process number is used only if that process is a child of the process that listens on the socket, because a
  /// PostgreSQL in a container has its own process numbers.
  /// - Parameter niceness: as for nice(2), 1 to 19.
  /// - Returns: whether the priority was lowered.
  @discardableResult
  func giveWay(_ niceness: Int) -> Bool {
    guard let session else { return false }
    let backend = PQbackendPID(session)
    let postmaster = cepoll_peer_process(PQsocket(session))
    guard postmaster > 0, cepoll_parent_process(backend) == postmaster else { return false }
    return cepoll_give_way(backend, CInt(niceness)) == 0
  }
}
