import Protocol
import Reactor

/// What every lane of a process has in common: immutable, or safe to share.
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
  let loops: Int
}

/// Names a lane for other threads.
struct LaneHandle: Sendable {
  private let loop: LoopHandle
  private let lane: LoopBound<Lane>

  init(_ lane: Lane) {
    loop = lane.loop.handle
    self.lane = LoopBound(lane, on: lane.loop)
  }

  /// Runs `job` on the lane's loop. - Returns: false if the loop has ended; the job is dropped then.
  @discardableResult
  func submit(_ job: @escaping @Sendable (Lane) -> Void) -> Bool {
    loop.submit { [lane] in job(lane.value(on: $0)) }
  }

  func stop() { loop.stop() }
}
