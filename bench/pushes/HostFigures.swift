// Values of gauges and counters that a host could have, so that pages and checks show a fleet as people know it: a disk
// is not fuller than full, the parts of the memory add up, and most hosts are healthy.

import Protocol

/// The figures of one row of one host at one time.
struct HostFigures {
  /// Unix seconds.
  let time: Int64
  /// A number that stays the same for the column and row of this host.
  let random: UInt64
  /// A number that stays the same for the row of this host. Values that have to fit together derive from it.
  let rowRandom: UInt64
  /// A number that stays the same for the host.
  let hostRandom: UInt64

  /// A slow wave between 0 and 1, with a period of one to three hours.
  private var wave: Double {
    let period = Double(3600 + random % 7200)
    let phase = Double(random >> 32 % 1000) / 1000
    let position = ((Double(time) / period + phase).truncatingRemainder(dividingBy: 1) + 1)
      .truncatingRemainder(dividingBy: 1)
    let triangle = position < 0.5 ? 2 * position : 2 - 2 * position
    return triangle * triangle * (3 - 2 * triangle)
  }

  /// One host in `count` has the trouble `name`.
  private func isRare(_ name: UInt64, one count: UInt64) -> Bool { (hostRandom >> (name * 7)) % count == 0 }

  /// A value between `low` and `high` that rises and falls slowly.
  private func between(_ low: Double, _ high: Double) -> Double {
    let base = Double(random % 1000) / 1000
    return low + (high - low) * (0.7 * base + 0.3 * wave)
  }

  // MARK: Gauges

  /// The value of a gauge.
  func gauge(_ column: MetricColumn) -> Double {
    switch column.unit {
    case .percent: percent(column.name)
    case .gigabytes: disk(column.name)
    case .megabytes: column.name.hasPrefix("memory") ? memory(column.name) : between(1, 900)
    case .megabytesPerHour: between(0, 300)
    case .bytes: column.name.contains("retained") ? between(0, 2e8) : Double(1 << (20 + random % 12)) + between(0, 1e6)
    case .milliseconds: between(0.02, column.name.contains("lag") ? 90 : 25)
    case .seconds: isRare(1, one: 12) && rowRandom % 4 == 0 ? between(600, 5400) : between(0, 20)
    case .rows: column.name == "statements" ? 1 : rows(column.name)
    case .none, .blocks, .sectors: count(column.name)
    }
  }

  private func percent(_ name: String) -> Double {
    switch name {
    case "cpu_idle": return between(45, 90)
    case "cpu_iowait": return between(0, 4)
    case "cpu_user", "cpu_system": return between(2, 25)
    case "percent_used": return disk("used_gb") / disk("total_gb") * 100
    case "percent_until_wraparound": return 100 - between(2, 12)
    case "cache_hit_ratio", "heap_cache_hit_ratio", "idx_cache_hit_ratio":
      return isRare(2, one: 15) ? between(60, 80) : between(95, 99.9)
    default: return between(0, 18)
    }
  }

  private func disk(_ name: String) -> Double {
    let total = Double(100 * (1 + rowRandom % 8))
    let share = isRare(3, one: 10) && rowRandom % 2 == 0 ? 0.93 : 0.3 + Double(rowRandom >> 8 % 40) / 100
    // A file system gains a hundredth of its size a day, and is cleaned up each week.
    let growth = Double(time % 604_800) / 86_400 / 100
    let used = (total * min(0.98, share + growth)).rounded(.down)
    return name == "total_gb" ? total : name == "used_gb" ? used : total - used
  }

  private func memory(_ name: String) -> Double {
    let total = Double(8192 << (hostRandom % 4))
    let used = (total * (0.3 + Double(hostRandom >> 8 % 30) / 100)).rounded(.down)
    let cached = (total * 0.25).rounded(.down)
    switch name {
    case "memory_total_mb": return total
    case "memory_used_mb": return used
    case "memory_cached_mb": return cached
    default: return total - used - cached
    }
  }

  private func rows(_ name: String) -> Double {
    let live = Double(1000 << (rowRandom % 14))
    return name.contains("live") || name == "row_count" ? live : live * between(0, 0.08)
  }

  private func count(_ name: String) -> Double {
    switch name {
    case _ where name.hasPrefix("cpu_load"): between(0.1, 3)
    case "total_connections": between(10, 60)
    case "xid_until_wraparound": 2_000_000_000 - between(2e7, 1.8e8)
    case "oldest_table_age": between(2e7, 1.8e8)
    case "tables_needing_vacuum": between(0, 3)
    default: between(0, 12)
    }
  }

  // MARK: Counters

  /// The value of a counter of whole numbers: it grows by the same number each second.
  func counter(_ name: String) -> Int64 {
    let isRead = name.contains("read") && name.contains("blks")
    let isTrouble = name.contains("rolledback") || name.hasPrefix("temp_") || name.hasPrefix("local_")
    let perSecond = random % 97
    let uptime = time % 10_000_000
    if isTrouble { return Int64(random % 1000) + uptime * Int64(random % 7) / 50 }
    return Int64(random % 100_000) + uptime * Int64(perSecond) / (isRead ? 40 : 1)
  }
}
