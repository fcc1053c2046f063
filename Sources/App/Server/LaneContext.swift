import Protocol
import Reactor

/// The objects that all lanes of a process share. They are immutable or safe to share.
struct LaneContext: Sendable {
  let settings: LiveSettings
  let tlsContext: TLSContext
  let tokens: Tokens
  let router: Router
  let refusals: IdentityRefusals
  let errands: any LaneErrands
  let log: ServerLog
  let pacing: QueryPacing
  let legacyLedger: LegacyLedger
  /// The number of loops that share the limits of the settings.
  let loops: Int
}

/// The handle by which other threads reach a lane.
struct LaneHandle: Sendable {
  private let loop: LoopHandle
  private let lane: LoopBound<Lane>

  init(_ lane: Lane) {
    loop = lane.loop.handle
    self.lane = LoopBound(lane, on: lane.loop)
  }

  /// Runs `job` on the lane's loop.
  /// - Returns: false if the loop has ended; the job is then dropped.
  @discardableResult
  func submit(_ job: @escaping @Sendable (Lane) -> Void) -> Bool {
    loop.submit { [lane] in job(lane.value(on: $0)) }
  }

  /// Ends the lane's loop.
  func stop() { loop.stop() }
}
