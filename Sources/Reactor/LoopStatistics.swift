/// The counters of a loop. All grow from the loop's start, except `longestTurn`.
public struct LoopStatistics: Equatable, Sendable {
  /// The number of turns.
  public var turns: UInt64 = 0
  /// Events that the kernel reported, including wake-ups by other threads.
  public var events: UInt64 = 0
  /// Events that were dropped because their registration had ended or lost interest.
  public var staleEvents: UInt64 = 0
  /// The number of deadlines reached.
  public var deadlinesReached: UInt64 = 0
  /// The number of jobs run for other threads.
  public var jobs: UInt64 = 0
  /// The time spent in turns, without waiting. Its rate is the loop's utilisation.
  public var busy: Duration = .zero
  /// The longest turn, without waiting, since the last call of `EventLoop.takeStatistics`. An event may be as late as
  /// this.
  public var longestTurn: Duration = .zero

  /// Makes counters that are zero.
  public init() {}
}
