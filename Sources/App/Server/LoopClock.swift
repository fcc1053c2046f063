import Reactor

/// The wall clock of one loop, shared by everything that lives on the loop: the system is asked once a second.
final class LoopClock {
  private let loop: EventLoop
  private var clock = WallClock()

  init(_ loop: EventLoop) { self.loop = loop }

  /// The value of a Date field.
  var httpDate: String { clock.httpDate(of: loop) }
  var unixSeconds: Int64 { clock.unixSeconds(of: loop) }
  var unixMicroseconds: Int64 { clock.unixMicroseconds(of: loop) }
}
