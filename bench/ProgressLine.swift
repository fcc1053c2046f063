// One line, written over itself each second; nothing where no terminal would show it.

internal import Glibc

enum Terminal {
  static let isInteractive = isatty(STDERR_FILENO) == 1

  static func write(_ text: String, to descriptor: CInt) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { return }  // Nobody reads any more, so there is nobody to tell.
      bytes = bytes.dropFirst(count)
    }
  }

  static func clearLine() {
    if isInteractive { write("\r\u{1B}[K", to: STDERR_FILENO) }
  }
}

final class ProgressLine {
  private let plan: FleetPlan
  private var previous = Progress()

  init(of plan: FleetPlan) { self.plan = plan }

  /// - Parameter sinceStart: nil before the run; negative just before it.
  func show(_ progress: Progress, sinceStart: Duration?) {
    if !Terminal.isInteractive { return }
    var line = "\(progress.enrolled) enrolled, \(progress.ready) ready of \(plan.collectors)"
    if let sinceStart {
      let second = Int(max(sinceStart, .zero).components.seconds)
      line =
        "\(second) s of \(plan.duration.components.seconds): \(progress.acknowledged - previous.acknowledged) pushes/s, "
        + "\(progress.rows - previous.rows) rows/s, "
        + "\(Report.rounded(Double(progress.wireBytes - previous.wireBytes) / 1e6, 2)) MB/s, \(progress.acknowledged) acknowledged"
    }
    if progress.errors > 0 { line += ", \(progress.errors) errors" }
    previous = progress
    Terminal.clearLine()
    Terminal.write(line, to: STDERR_FILENO)
  }
}
