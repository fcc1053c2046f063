// Reads the processor time and resident memory of a process (proc(5)).

internal import Glibc
internal import Ground

/// The processor time and memory of a process.
struct ProcessFigures: Sendable, Equatable {
  /// Processor time in user and kernel mode, of all threads.
  var cpu: Duration
  var residentBytes: Int

  /// Reads the figures of a process.
  /// - Returns: nil if there is no such process, or if it may not be read.
  static func of(_ id: Int) -> ProcessFigures? {
    guard let stat = Stat(id) else { return nil }
    return ProcessFigures(cpu: stat.own, residentBytes: stat.residentBytes)
  }

  /// Reads the processor time of all living threads of a process. It is exact to the nanosecond; `of` counts in steps
  /// of 10 ms.
  /// - Returns: nil if there is no such process, or if it may not be read.
  static func runTime(of id: Int) -> Duration? {
    let threads = LocalDirectory.names(in: "/proc/\(id)/task")
    if threads.isEmpty { return nil }
    var nanoseconds: Int64 = 0
    for thread in threads {
      do {
        // Time on a processor, time in a queue, number of turns (proc_pid_schedstat(5)).
        let text = String(decoding: try LocalFile.require("/proc/\(id)/task/\(thread)/schedstat"), as: UTF8.self)
        nanoseconds += text.split(separator: " ").first.flatMap { Int64($0) } ?? 0
      } catch {
        continue  // because a thread may end at any moment
      }
    }
    return .nanoseconds(nanoseconds)
  }

  /// Reads the processor time of a process, of its children that it has waited for, and of those that live: all that a
  /// PostgreSQL server has used. Memory is not added up, because it would count shared memory once per process.
  static func family(of id: Int) -> ProcessFigures? {
    guard let parent = Stat(id) else { return nil }
    var cpu = parent.own + parent.waitedFor
    for entry in LocalDirectory.names(in: "/proc") {
      guard let child = Int(entry), let stat = Stat(child), stat.parent == id else { continue }
      cpu += stat.own + stat.waitedFor
    }
    return ProcessFigures(cpu: cpu, residentBytes: 0)
  }

  /// The fields of /proc/[pid]/stat.
  private struct Stat {
    let parent: Int
    let own: Duration
    let waitedFor: Duration
    let residentBytes: Int

    init?(_ id: Int) {
      let bytes: [UInt8]
      do {
        bytes = try LocalFile.require("/proc/\(id)/stat")
      } catch {
        return nil  // because a process may end at any moment
      }
      // The second field is the program's name in brackets, which may contain any character.
      let text = String(decoding: bytes, as: UTF8.self)
      guard let end = text.lastIndex(of: ")") else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 21, let parent = Int(fields[1]) else { return nil }
      let tick = Double(sysconf(CInt(_SC_CLK_TCK)))
      func time(_ fields: Substring...) -> Duration {
        .seconds(fields.reduce(0) { $0 + (Double($1) ?? 0) } / tick)
      }
      self.parent = parent
      own = time(fields[11], fields[12])
      waitedFor = time(fields[13], fields[14])
      residentBytes = (Int(fields[21]) ?? 0) * sysconf(CInt(_SC_PAGESIZE))
    }
  }
}
