// The progress bar of work whose steps report from closures.

/// A progress bar with identity. One thread or task at a time uses it.
final class WorkDisplay {
  private var bar: ProgressBar

  init(_ title: String) { bar = ProgressBar(title) }

  /// Begins another step of the work.
  func begin(_ title: String) { bar.begin(title) }

  /// - Parameter part: of the step, from 0 to 1.
  func show(_ part: Double, _ note: String = "") { bar.show(part, note) }

  /// Removes the line.
  func end() { bar.end() }
}
