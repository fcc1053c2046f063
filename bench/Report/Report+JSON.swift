// The report for programs. docs/BENCH.md describes its members. New members may be added; a member never changes its
// meaning.

internal import Ground
internal import Protocol
internal import Reactor

extension Report {
  /// Returns one JSON object. Durations are in milliseconds unless the name says otherwise.
  func json(toleratingOutage: Bool) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("version", Version.text)
      json.member("clean", isClean(toleratingOutage: toleratingOutage))
      json.member("interrupted", isInterrupted)
      writeExpectations(&json)
      writeSettings(&json)
      json.member("duration_seconds", elapsed.inSeconds)
      for count in Tally.counts { json.member(count.name, tally[keyPath: count.path]) }
      json.member("pushes_per_second", pushesPerSecond)
      json.member("rows_per_second", rowsPerSecond)
      json.member("wire_megabytes_per_second", wireMegabytesPerSecond)
      json.member("raw_megabytes_per_second", rawMegabytesPerSecond)
      json.member("cpu_seconds", result.cpu.inSeconds)
      json.member("cpu_share", clientCPU.cores)
      json.key("measured")
      json.object { json in
        for count in Tally.counts { json.member(count.name, measured[keyPath: count.path]) }
      }
      for (name, histogram) in histograms {
        json.key(name)
        Self.write(histogram, to: &json)
      }
      json.key("errors")
      Self.write(tally.errors, to: &json)
      writeFaults(&json)
      writeReads(&json)
      writeCosts(&json)
      writeSeries(&json)
      if let watched { writeWatched(watched, &json) }
    }
    var bytes = json.finish()
    bytes.append("\n")
    return bytes.withUnsafeBytes { Array($0) }
  }

  /// The latencies: those of pushes are of the measured part, those of connections and enrolments of the whole run.
  private var histograms: [(String, DurationHistogram)] {
    Tally.histograms.map { name, _ in (name, histogram(name)) }
  }

  /// Returns a histogram.
  /// - Parameter name: a name of `Tally.histograms`.
  func histogram(_ name: String) -> DurationHistogram {
    guard let path = Tally.histograms.first(where: { $0.name == name })?.path else {
      preconditionFailure("there is no histogram \(name)")
    }
    let ofRun: Set = ["connect_latency_ms", "handshake_latency_ms", "enrolment_latency_ms"]
    return ofRun.contains(name) ? tally[keyPath: path] : measured[keyPath: path]
  }

  private func writeSettings(_ json: inout JSONWriter) {
    json.member("collectors", plan.collectors)
    switch plan.pace {
    case .interval(let interval):
      json.member("pace", "interval")
      json.member("interval_seconds", interval.inSeconds)
    case .poisson(let mean):
      json.member("pace", "poisson")
      json.member("interval_seconds", mean.inSeconds)
    case .closedLoop(let think):
      json.member("pace", "closed_loop")
      json.member("think_seconds", think.inSeconds)
    }
    if let rate = plan.offeredRate { json.member("offered_pushes_per_second", rate) }
    json.member("jitter", plan.jitter)
    json.member("ramp_seconds", plan.ramp.inSeconds)
    json.member("warm_up_seconds", plan.warmUp.inSeconds)
    json.member("payload", plan.payload)
    json.member("rows_per_push", plan.templates[0].rows)
    json.member("gzip_level", plan.compression.level)
    json.member("compression", compression)
    json.member("processes", plan.division.processes)
    json.member("loops", plan.loops)
    json.member("seed", plan.seed)
  }

  private func writeReads(_ json: inout JSONWriter) {
    guard let reads else { return }
    json.key("reads")
    json.object { json in
      if let trouble = reads.trouble { json.member("trouble", trouble) }
      json.member("answered", reads.answered)
      json.member("failed", reads.failed)
      json.member("open", reads.open)
      json.member("bytes", reads.bytes)
      json.member("per_second", readsPerSecond)
      json.key("latency_ms")
      Self.write(reads.latency, to: &json)
      json.key("errors")
      Self.write(reads.errors, to: &json)
    }
  }

  private func writeExpectations(_ json: inout JSONWriter) {
    if expectations.isEmpty { return }
    json.key("expectations")
    json.array { json in
      for expectation in expectations {
        json.object { json in
          json.member("text", expectation.text)
          json.member("found", expectation.found(in: self).value)
          json.member("met", expectation.isMet(by: self))
        }
      }
    }
  }

  private func writeFaults(_ json: inout JSONWriter) {
    json.key("faults")
    json.object { json in
      for (fault, count) in sortedFaults {
        json.key(fault.rawValue)
        json.object { json in
          json.member("share", plan.faults.shares[fault] ?? 0)
          json.member("right", count.right)
          json.member("wrong", count.wrongCount)
          json.member("open", count.open)
          json.key("wrong_outcomes")
          Self.write(count.wrong, to: &json)
        }
      }
    }
  }

  private func writeCosts(_ json: inout JSONWriter) {
    for (name, cost) in [("client_cpu", clientCPU), ("server_cpu", serverCPU), ("database_cpu", databaseCPU)] {
      guard let cost else { continue }
      json.key(name)
      json.object { json in
        json.member("seconds", cost.time.inSeconds)
        json.member("cores", cost.cores)
        json.member("us_per_push", cost.microsecondsPerPush)
        json.member("us_per_row", cost.microsecondsPerRow)
      }
    }
    if let serverCPU { json.member("client_server_cpu_ratio", clientCPU.share(of: serverCPU)) }
    if let bytes = watched?.serverResidentBytes { json.member("server_resident_bytes", bytes) }
  }

  private func writeSeries(_ json: inout JSONWriter) {
    let series = tally.series
    json.key("series")
    json.object { json in
      json.member("seconds_per_interval", series.secondsPerInterval)
      if let times { json.member("measured_from_seconds", times.start.duration(to: times.measureStart).inSeconds) }
      json.key("intervals")
      json.array { json in
        for interval in series.intervals {
          json.object { json in
            json.member("acknowledged", interval.acknowledged)
            json.member("rows", interval.rows)
            json.member("errors", interval.errors)
            json.member("wire_bytes", interval.wireBytes)
            for (name, percent) in [("p50", 50.0), ("p90", 90), ("p99", 99)] {
              json.member(name + "_ms", interval.latency.percentile(percent).inMilliseconds)
            }
            json.member("max_ms", interval.latency.maximum.inMilliseconds)
          }
        }
      }
    }
  }

  private func writeWatched(_ watched: WatchedFigures, _ json: inout JSONWriter) {
    json.key("server")
    json.object { json in
      if let trouble = watched.server.trouble { json.member("trouble", trouble) }
      json.key("growth")
      json.object { json in
        for (name, value) in watched.server.growth.values.sorted(by: { $0.key < $1.key }) { json.member(name, value) }
      }
      json.key("samples")
      json.array { json in
        for sample in watched.server.samples { writeSample(sample, &json) }
      }
    }
    if let database = watched.database { writeDatabase(database, &json) }
    if let verification = watched.verification {
      json.key("verification")
      json.object { json in
        json.member("exact", verification.isExact)
        json.member("rows_acknowledged", verification.acknowledgedRows)
        json.member("rows_stored", verification.stored.allRows)
        json.member("rows_uncertain", verification.uncertainRows)
        json.member("pushes_acknowledged", verification.acknowledgedPushes)
        json.member("pushes_stored", verification.stored.pushes)
        json.member("pushes_uncertain", verification.uncertainPushes)
      }
    }
  }

  /// The counters of `/metrics` that the samples contain. The growth contains all of them.
  static let sampledCounters = [
    "pganalytics_pushes_stored_total", "pganalytics_loop_busy_seconds_total",
    "pganalytics_held_bytes", "pganalytics_connections", "pganalytics_writer_backlog_bytes",
    "pganalytics_writer_backlog_pushes", "pganalytics_batches_total",
  ]

  private func writeSample(_ sample: SampleLog<PrometheusPage>.Sample, _ json: inout JSONWriter) {
    json.object { json in
      json.member("at_seconds", secondsSinceStart(sample.at))
      for name in Self.sampledCounters {
        if let value = sample.value.sum(name) { json.member(name, value) }
      }
      if let rows = sample.value.rowsStored { json.member("rows_stored", rows) }
    }
  }

  private func writeDatabase(_ database: WatchedFigures.Database, _ json: inout JSONWriter) {
    json.key("database")
    json.object { json in
      if let trouble = database.trouble { json.member("trouble", trouble) }
      json.key("growth")
      Self.write(database.growth, at: nil, to: &json)
      json.key("stored_rows")
      Self.write(database.stored.rows, to: &json)
      json.member("stored_pushes", database.stored.pushes)
      json.key("samples")
      json.array { json in
        for sample in database.samples { Self.write(sample.value, at: secondsSinceStart(sample.at), to: &json) }
      }
    }
  }

  /// Returns the time since the start of the run in seconds. It is negative before the start.
  func secondsSinceStart(_ time: MonotonicTime) -> Double { times?.start.duration(to: time).inSeconds ?? 0 }

  private static func write(_ figures: DatabaseFigures, at seconds: Double?, to json: inout JSONWriter) {
    json.object { json in
      if let seconds { json.member("at_seconds", seconds) }
      json.member("commits", figures.commits)
      json.member("rollbacks", figures.rollbacks)
      json.member("rows_inserted", figures.rowsInserted)
      json.member("wal_bytes", figures.walBytes)
      json.member("wal_records", figures.walRecords)
      json.member("wal_full_pages", figures.walFullPages)
      json.member("database_bytes", figures.databaseBytes)
    }
  }

  private static func write(_ numbers: [String: Int], to json: inout JSONWriter) {
    json.object { json in
      for (name, number) in numbers.sorted(by: { $0.key < $1.key }) { json.member(name, number) }
    }
  }

  private static func write(_ histogram: DurationHistogram, to json: inout JSONWriter) {
    json.object { json in
      json.member("count", histogram.count)
      json.member("min", histogram.minimum.inMilliseconds)
      json.member("mean", histogram.mean.inMilliseconds)
      for (name, percent) in percentiles { json.member(name, histogram.percentile(percent).inMilliseconds) }
      json.member("max", histogram.maximum.inMilliseconds)
    }
  }
}
