// Results as JSON, which one process sends to another. The text is exact, unlike the report, which reduces histograms
// to percentiles.

internal import Ground
internal import Protocol
internal import Reactor

extension FleetResult {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.key("before")
      before.write(to: &json)
      json.key("measured")
      measured.write(to: &json)
      json.member("cpu_ns", cpu.wholeNanoseconds)
      json.key("collectors")
      json.array { json in for collector in collectors { json.value(collector.description) } }
    }
  }

  /// Reads a result.
  /// - Returns: nil if `value` is not the output of `write`.
  init?(_ value: JSONValue?) {
    guard case .object(let object)? = value, let before = Tally(object["before"]),
      let measured = Tally(object["measured"]), let cpu = object.integer("cpu_ns"),
      case .array(let names)? = object["collectors"]
    else { return nil }
    var collectors: [UUID] = []
    for name in names {
      guard case .string(let text) = name, let id = UUID(text) else { return nil }
      collectors.append(id)
    }
    self.init(before: before, measured: measured, cpu: .nanoseconds(cpu), collectors: collectors)
  }
}

extension Tally {
  func write(to json: inout JSONWriter) {
    json.object { json in
      for count in Self.counts { json.member(count.name, self[keyPath: count.path]) }
      for histogram in Self.histograms {
        json.key(histogram.name)
        self[keyPath: histogram.path].write(to: &json)
      }
      json.key("errors")
      Self.write(errors, to: &json)
      json.key("faults")
      json.object { json in
        for (fault, count) in faults {
          json.key(fault.rawValue)
          json.object { json in
            json.member("right", count.right)
            json.member("open", count.open)
            json.key("wrong")
            Self.write(count.wrong, to: &json)
          }
        }
      }
      json.key("series")
      series.write(to: &json)
      if let time = lastAcknowledgement { json.member("last_ns", time.nanoseconds) }
    }
  }

  init?(_ value: JSONValue?) {
    guard case .object(let object)? = value, let errors = Self.numbers(object["errors"]),
      case .object(let faults)? = object["faults"], let series = TimeSeries(object["series"])
    else { return nil }
    self.init()
    for count in Self.counts {
      guard let number = object.integer(count.name) else { return nil }
      self[keyPath: count.path] = number
    }
    for histogram in Self.histograms {
      guard let read = DurationHistogram(object[histogram.name]) else { return nil }
      self[keyPath: histogram.path] = read
    }
    for member in faults.members {
      guard let fault = Fault(rawValue: member.name), case .object(let count) = member.value,
        let right = count.integer("right"), let open = count.integer("open"), let wrong = Self.numbers(count["wrong"])
      else { return nil }
      self.faults[fault] = FaultCount(right: right, wrong: wrong, open: open)
    }
    self.errors = errors
    self.series = series
    lastAcknowledgement = object.integer("last_ns").map { MonotonicTime(nanoseconds: UInt64($0)) }
  }

  private static func write(_ numbers: [String: Int], to json: inout JSONWriter) {
    json.object { json in for (name, number) in numbers { json.member(name, number) } }
  }

  private static func numbers(_ value: JSONValue?) -> [String: Int]? {
    guard case .object(let object)? = value else { return nil }
    var numbers: [String: Int] = [:]
    for member in object.members {
      guard case .integer(let number) = member.value else { return nil }
      numbers[member.name] = Int(number)
    }
    return numbers
  }
}

extension DurationHistogram {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.key("counts")
      json.array { json in
        for (index, count) in filled {
          json.value(index)
          json.value(count)
        }
      }
      json.member("min_ns", minimum.wholeNanoseconds)
      json.member("max_ns", maximum.wholeNanoseconds)
      json.member("sum_us", sumMicroseconds)
    }
  }

  init?(_ value: JSONValue?) {
    guard case .object(let object)? = value, case .array(let pairs)? = object["counts"], pairs.count % 2 == 0,
      let minimum = object.integer("min_ns"), let maximum = object.integer("max_ns"), let sum = object.number("sum_us")
    else { return nil }
    var counts: [(index: Int, count: UInt64)] = []
    for place in stride(from: 0, to: pairs.count, by: 2) {
      guard case .integer(let index) = pairs[place], case .integer(let count) = pairs[place + 1], count > 0 else {
        return nil
      }
      counts.append((Int(index), UInt64(count)))
    }
    self.init(
      counts: counts, minimum: .nanoseconds(minimum), maximum: .nanoseconds(maximum), sumMicroseconds: sum)
  }
}

extension TimeSeries {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("seconds", secondsPerInterval)
      json.key("intervals")
      json.array { json in
        for interval in intervals {
          json.object { json in
            json.member("acknowledged", interval.acknowledged)
            json.member("rows", interval.rows)
            json.member("errors", interval.errors)
            json.member("wire_bytes", interval.wireBytes)
            json.key("latency")
            interval.latency.write(to: &json)
          }
        }
      }
    }
  }

  init?(_ value: JSONValue?) {
    guard case .object(let object)? = value, let seconds = object.integer("seconds"),
      case .array(let elements)? = object["intervals"]
    else { return nil }
    var intervals: [Interval] = []
    for case .object(let element) in elements {
      guard let acknowledged = element.integer("acknowledged"), let rows = element.integer("rows"),
        let errors = element.integer("errors"), let wireBytes = element.integer("wire_bytes"),
        let latency = DurationHistogram(element["latency"])
      else { return nil }
      intervals.append(
        Interval(acknowledged: acknowledged, rows: rows, errors: errors, wireBytes: wireBytes, latency: latency))
    }
    self.init(secondsPerInterval: seconds, intervals: intervals)
  }
}

extension JSONObject {
  func number(_ name: String) -> Double? {
    switch self[name] {
    case .integer(let number): Double(number)
    case .double(let number): number
    case .null, .bool, .string, .array, .object, nil: nil
    }
  }
}
