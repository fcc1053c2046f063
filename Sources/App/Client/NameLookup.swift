public import Reactor

/// Finds the addresses of servers on worker threads. A look-up blocks until a name server answers, which may take
/// seconds, so no loop may make one.
public struct NameLookup: Sendable {
  private let workers: WorkerPool

  /// - Parameter workers: the pool whose threads wait for name servers. Its limit of waiting jobs limits the look-ups.
  public init(workers: WorkerPool) { self.workers = workers }

  /// Looks up the addresses of `host`, a name or a numeric address, in the order in which to try them.
  /// - Parameter found: called once, on the thread of `loop`. It is not called if that loop has ended.
  /// - Throws: `.queueFull` if the pool's limit of waiting jobs is reached, `.stopped` after the pool's end. `found` is
  ///   then not called.
  public func find(
    host: String, port: UInt16, for loop: LoopHandle,
    _ found: @escaping @Sendable (EventLoop, Result<[SocketAddress], NameResolutionError>) -> Void
  ) throws(WorkerPoolError) {
    try workers.submit {
      let result: Result<[SocketAddress], NameResolutionError>
      do throws(NameResolutionError) {
        result = .success(try SocketAddress.resolve(host: host, port: port))
      } catch {
        result = .failure(error)
      }
      loop.submit { found($0, result) }
    }
  }
}
