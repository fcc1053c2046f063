// Reads the processor time and memory of a process from /proc.

import Glibc
import Ground

enum ProcessUsage {
  /// Returns the processor time of a process in nanoseconds, and of its children if `withChildren`. Living threads and
  /// children are exact; children that have ended are counted in steps of 10 ms.
  static func nanoseconds(_ process: Int32, withChildren: Bool) -> Int64 {
    var sum: Int64 = 0
    for thread in LocalDirectory.names(in: "/proc/\(process)/task") {
      // Time on a processor, time in a queue, number of turns.
      sum += text("/proc/\(process)/task/\(thread)/schedstat").split(separator: " ").first.flatMap { Int64($0) } ?? 0
    }
    if withChildren {
      sum += buried(process)
      for child in children(of: process) { sum += nanoseconds(child, withChildren: true) }
    }
    return sum
  }

  private static func buried(_ process: Int32) -> Int64 {
    // proc(5): the name may hold blanks and ends with the last parenthesis; cutime and cstime are fields 16 and 17.
    let fields = text("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 14 ? ((Int64(fields[13]) ?? 0) + (Int64(fields[14]) ?? 0)) * 10_000_000 : 0
  }

  /// Resident memory in bytes.
  static func residentBytes(_ process: Int32) -> Int {
    for line in text("/proc/\(process)/status").split(separator: "\n") where line.hasPrefix("VmRSS:") {
      return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).compactMap { Int($0) }.first.map { $0 * 1024 } ?? 0
    }
    return 0
  }

  private static func children(of process: Int32) -> [Int32] {
    LocalDirectory.names(in: "/proc/\(process)/task").flatMap { thread in
      text("/proc/\(process)/task/\(thread)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  static func text(_ path: String) -> String {
    String(decoding: (bytes(path) ?? []), as: UTF8.self)
  }

  static func bytes(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
  }

  /// The time of the monotonic clock, in nanoseconds.
  static func wallNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  static func unixSeconds() -> Int64 { WallClock.unixSeconds() }
}
