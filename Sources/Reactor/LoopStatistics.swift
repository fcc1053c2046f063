/// What a loop counted. Monotonic since its birth, but for `longestTurn`.
public struct LoopStatistics: Equatable, Sendable {
  public var turns: UInt64 = 0
  /// Events the kernel reported, those of other threads' wake-ups included.
  public var events: UInt64 = 0
  /// Events dropped, since their registration was gone or had lost interest by the time they came up.
  public var staleEvents: UInt64 = 0
  public var deadlinesReached: UInt64 = 0
  /// Jobs from other threads that ran.
  public var jobs: UInt64 = 0
  /// Time spent in turns, waiting excluded: its rate is the loop's utilisation.
  public var busy: Duration = .zero
  /// The longest turn, waiting excluded, since `EventLoop.takeStatistics` was last called: how late an event can be.
  public var longestTurn: Duration = .zero

  public init() {}
}
