// The differences between two texts, in the format of diff(1) -u, which people and tools can read.

/// Compares two texts line by line. It suits texts of a few thousand lines, because the Myers difference of the
/// standard library is quadratic in the number of changes.
struct UnifiedDiff {
  private enum Line {
    case kept(String)
    case removed(String)
    case added(String)

    var isKept: Bool { if case .kept = self { true } else { false } }
    var isInOld: Bool { if case .added = self { false } else { true } }
    var isInNew: Bool { if case .removed = self { false } else { true } }
  }

  /// The number of unchanged lines shown around a change.
  private static let context = 3

  /// - Returns: the differences; empty if the texts are equal.
  static func render(_ old: String, _ new: String, oldName: String, newName: String) -> String {
    let lines = compare(split(old), split(new))
    let hunks = hunks(of: lines)
    if hunks.isEmpty { return "" }
    return hunks.reduce(into: "--- \(oldName)\n+++ \(newName)\n") { text, hunk in
      let before = lines[..<hunk.lowerBound]
      let within = lines[hunk]
      let oldCount = within.count(where: \.isInOld)
      let newCount = within.count(where: \.isInNew)
      // An empty range is identified by the line before it.
      let oldStart = before.count(where: \.isInOld) + (oldCount == 0 ? 0 : 1)
      let newStart = before.count(where: \.isInNew) + (newCount == 0 ? 0 : 1)
      text += "@@ -\(oldStart),\(oldCount) +\(newStart),\(newCount) @@\n"
      for line in within {
        switch line {
        case .kept(let line): text += " \(line)\n"
        case .removed(let line): text += "-\(line)\n"
        case .added(let line): text += "+\(line)\n"
        }
      }
    }
  }

  /// The lines without their ends. A line feed at the end of the text does not begin another line.
  private static func split(_ text: String) -> [String] {
    var lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  private static func compare(_ old: [String], _ new: [String]) -> [Line] {
    var removed: Set<Int> = []
    var added: Set<Int> = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): added.insert(offset)
      }
    }
    var lines: [Line] = []
    var (left, right) = (0, 0)
    while left < old.count || right < new.count {
      if removed.contains(left) {
        lines.append(.removed(old[left]))
        left += 1
      } else if added.contains(right) {
        lines.append(.added(new[right]))
        right += 1
      } else {
        lines.append(.kept(old[left]))
        left += 1
        right += 1
      }
    }
    return lines
  }

  /// The changes with their context. Changes whose contexts touch form one hunk.
  private static func hunks(of lines: [Line]) -> [Range<Int>] {
    var hunks: [Range<Int>] = []
    for index in lines.indices where !lines[index].isKept {
      let start = max(0, index - context)
      let end = min(lines.count, index + 1 + context)
      if let last = hunks.last, start <= last.upperBound {
        hunks[hunks.count - 1] = last.lowerBound..<end
      } else {
        hunks.append(start..<end)
      }
    }
    return hunks
  }
}
