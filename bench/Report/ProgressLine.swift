// Shows one line of progress, which is overwritten each second. It shows nothing if standard error is no terminal.

internal import Glibc
internal import Reactor

/// Writes to the terminal.
enum Terminal {
  static let isInteractive = isatty(STDERR_FILENO) == 1

  static func write(_ text: String, to descriptor: CInt) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { return }  // The reader is gone.
      bytes = bytes.dropFirst(count)
    }
  }

  static func clearLine() {
    if isInteractive { write("\r\u{1B}[K", to: STDERR_FILENO) }
  }
}

/// The line of progress of a run.
final class ProgressLine {
  private let plan: FleetPlan
  private var previous = Progress()

  init(of plan: FleetPlan) { self.plan = plan }

  func show(_ progress: Progress, times: RunTimes?) {
    if !Terminal.isInteractive { return }
    let text = text(progress, times: times, now: .now())
    previous = progress
    Terminal.clearLine()
    Terminal.write(text, to: STDERR_FILENO)
  }

  /// Returns the line.
  /// - Parameter times: the times of the run; nil before it begins.
  func text(_ progress: Progress, times: RunTimes?, now: MonotonicTime) -> String {
    var line = "\(progress.enrolled) with identity, \(progress.ready) ready of \(plan.collectors)"
    if let times {
      let (part, from, length) =
        now < times.measureStart
        ? ("ramp ", times.start, plan.ramp + plan.warmUp) : ("", times.measureStart, plan.duration)
      let second = max(0, Int(from.duration(to: now).components.seconds))
      line =
        "\(part)\(second) s of \(length.components.seconds): \(progress.acknowledged - previous.acknowledged) pushes/s, "
        + "\(progress.rows - previous.rows) rows/s, "
        + "\(Report.rounded(Double(progress.wireBytes - previous.wireBytes) / 1e6, 2)) MB/s, "
        + "p99 \(Report.rounded(progress.p99.inMilliseconds, 1)) ms, \(progress.acknowledged) acknowledged"
    }
    if progress.errors > 0 { line += ", \(progress.errors) errors" }
    return line
  }
}
