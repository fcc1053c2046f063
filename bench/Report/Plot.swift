// Draws curves as SVG text, so that a report can be opened from a disk without a network, also after years.

internal import Glibc

/// A plot with its axes and curves.
struct Plot {
  enum Scale { case linear, logarithmic }

  struct Curve {
    let name: String
    /// The number of a colour of the page, 1 to 6.
    let colour: Int
    /// The points in the order of x. Points that are not finite are left out.
    let points: [(x: Double, y: Double)]
    var isBars = false
  }

  struct Tick {
    let at: Double
    let text: String
  }

  let title: String
  let xTitle: String
  let yTitle: String
  let curves: [Curve]
  var yScale = Scale.linear
  /// The ticks of the x axis; nil for round numbers.
  var xTicks: [Tick]?
  /// The range of the x axis; nil for the range of the points and the ticks.
  var xRange: ClosedRange<Double>?
  /// A part of the x axis that does not belong to the measurement.
  var shaded: ClosedRange<Double>?

  private static let width = 720.0
  private static let height = 300.0
  private static let left = 64.0
  private static let right = 22.0
  private static let top = 12.0
  private static let bottom = 44.0

  /// Returns a figure element with a legend; empty if there is no point.
  func html() -> String {
    let points = curves.flatMap { $0.points.filter { $0.x.isFinite && $0.y.isFinite } }
    guard let frame = Frame(points, self) else { return "" }
    var svg =
      "<svg viewBox=\"0 0 \(Self.number(Self.width)) \(Self.number(Self.height))\" role=\"img\" "
      + "aria-label=\"\(HTMLText.escaped(title))\">\n"
    if let shaded {
      let from = frame.x(max(shaded.lowerBound, frame.xs.lowerBound))
      let to = frame.x(min(shaded.upperBound, frame.xs.upperBound))
      if to > from {
        svg +=
          "<rect class=\"ramp\" x=\"\(Self.number(from))\" y=\"\(Self.number(Self.top))\" "
          + "width=\"\(Self.number(to - from))\" height=\"\(Self.number(Self.height - Self.top - Self.bottom))\"/>\n"
      }
    }
    svg += axes(frame)
    for curve in curves where !curve.points.isEmpty { svg += draw(curve, frame) }
    svg += "</svg>\n"
    let legend = curves.map { "<span><i class=\"c\($0.colour)\"></i>\(HTMLText.escaped($0.name))</span>" }.joined()
    return "<figure><figcaption><b>\(HTMLText.escaped(title))</b><span class=\"legend\">\(legend)</span></figcaption>\n"
      + svg + "</figure>\n"
  }

  /// The mapping from values to coordinates.
  private struct Frame {
    let xs: ClosedRange<Double>
    let ys: ClosedRange<Double>
    let scale: Scale
    let yTicks: [Tick]
    let xTicks: [Tick]

    init?(_ points: [(x: Double, y: Double)], _ plot: Plot) {
      guard let least = points.map(\.x).min(), let most = points.map(\.x).max() else { return nil }
      let ticks = plot.xTicks
      let low = min(least, plot.xRange?.lowerBound ?? least, ticks?.first?.at ?? least)
      let high = max(most, plot.xRange?.upperBound ?? most, ticks?.last?.at ?? most)
      xs = low...max(high, low + 1e-9)
      scale = plot.yScale
      let top = points.map(\.y).max() ?? 0
      switch plot.yScale {
      case .linear:
        yTicks = Plot.roundTicks(0, max(top, 1e-9))
        ys = 0...(yTicks.last?.at ?? 1)
      case .logarithmic:
        let positive = points.map(\.y).filter { $0 > 0 }
        let lowest = pow(10, log10(positive.min() ?? 0.1).rounded(.down))
        let highest = max(pow(10, log10(positive.max() ?? 1).rounded(.up)), lowest * 10)
        ys = lowest...highest
        yTicks = Plot.powerTicks(lowest, highest)
      }
      xTicks = ticks ?? Plot.roundTicks(xs.lowerBound, xs.upperBound).filter { [xs] in xs.contains($0.at) }
    }

    func x(_ value: Double) -> Double {
      Plot.left + (value - xs.lowerBound) / (xs.upperBound - xs.lowerBound) * (Plot.width - Plot.left - Plot.right)
    }

    func y(_ value: Double) -> Double {
      let share =
        switch scale {
        case .linear: (value - ys.lowerBound) / (ys.upperBound - ys.lowerBound)
        case .logarithmic:
          log(max(value, ys.lowerBound) / ys.lowerBound) / log(ys.upperBound / ys.lowerBound)
        }
      return Plot.height - Plot.bottom - share * (Plot.height - Plot.top - Plot.bottom)
    }
  }

  private func axes(_ frame: Frame) -> String {
    var svg = ""
    let floor = Self.height - Self.bottom
    for tick in frame.yTicks {
      let y = Self.number(frame.y(tick.at))
      svg += "<line class=\"grid\" x1=\"\(Self.number(Self.left))\" x2=\"\(Self.number(Self.width - Self.right))\" "
      svg += "y1=\"\(y)\" y2=\"\(y)\"/>"
      svg += "<text class=\"tick\" text-anchor=\"end\" x=\"\(Self.number(Self.left - 8))\" y=\"\(y)\" dy=\"4\">"
      svg += "\(tick.text)</text>\n"
    }
    for (index, tick) in frame.xTicks.enumerated() {
      let x = Self.number(frame.x(tick.at))
      svg +=
        "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(Self.number(Self.top))\" y2=\"\(Self.number(floor))\"/>"
      svg +=
        "<text class=\"tick\(index % 2 == 1 && frame.xTicks.count > 6 ? " every-second" : "")\" text-anchor=\"middle\" x=\"\(x)\" "
      svg += "y=\"\(Self.number(floor + 17))\">\(tick.text)</text>\n"
    }
    let middle = Self.number(Self.left + (Self.width - Self.left - Self.right) / 2)
    svg += "<text class=\"axis\" text-anchor=\"middle\" x=\"\(middle)\" y=\"\(Self.number(Self.height - 8))\">"
    svg += "\(HTMLText.escaped(xTitle))</text>"
    let centre = Self.number(Self.top + (floor - Self.top) / 2)
    svg += "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(14 \(centre)) rotate(-90)\">"
    svg += "\(HTMLText.escaped(yTitle))</text>\n"
    return svg
  }

  private func draw(_ curve: Curve, _ frame: Frame) -> String {
    let points = curve.points.filter { $0.x.isFinite && $0.y.isFinite }
    var svg = ""
    if curve.isBars {
      let width = max(1, (Self.width - Self.left - Self.right) / Double(max(points.count, 1)) * 0.8)
      for point in points where point.y > 0 {
        let y = frame.y(point.y)
        svg +=
          "<rect class=\"f\(curve.colour)\" x=\"\(Self.number(frame.x(point.x) - width / 2))\" y=\"\(Self.number(y))\" "
        svg += "width=\"\(Self.number(width))\" height=\"\(Self.number(Self.height - Self.bottom - y))\"/>\n"
      }
    } else {
      let path = points.enumerated().map { index, point in
        "\(index == 0 ? "M" : "L")\(Self.number(frame.x(point.x))) \(Self.number(frame.y(point.y)))"
      }
      svg += "<path class=\"s\(curve.colour)\" d=\"\(path.joined())\"/>\n"
    }
    for point in points where !curve.isBars || point.y > 0 {
      svg +=
        "<circle class=\"hit\" cx=\"\(Self.number(frame.x(point.x)))\" cy=\"\(Self.number(frame.y(point.y)))\" r=\"5\">"
      svg += "<title>\(HTMLText.escaped(curve.name)): \(Self.short(point.y))</title></circle>"
    }
    return svg + "\n"
  }

  // MARK: Numbers

  /// Returns ticks in steps of 1, 2 or 5 times a power of ten, about six of them, from at or below `low` to at or above
  /// `high`.
  static func roundTicks(_ low: Double, _ high: Double) -> [Tick] {
    let rough = max(high - low, 1e-9) / 6
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? power * 10
    var ticks: [Tick] = []
    var index = (low / step).rounded(.down)
    while index * step < high + step * 0.999 {
      ticks.append(Tick(at: index * step, text: short(index * step)))
      index += 1
    }
    return ticks
  }

  private static func powerTicks(_ low: Double, _ high: Double) -> [Tick] {
    var ticks: [Tick] = []
    var value = low
    while value <= high * 1.001 {
      ticks.append(Tick(at: value, text: short(value)))
      value *= 10
    }
    return ticks
  }

  /// Returns the value with three significant digits, and k, M or G.
  static func short(_ value: Double) -> String {
    let size = abs(value)
    for (unit, name) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where size >= unit {
      return trimmed(value / unit) + name
    }
    return trimmed(value)
  }

  private static func trimmed(_ value: Double) -> String {
    let digits = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
    var text = Report.rounded(value, digits)
    guard text.contains(".") else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  /// Returns a coordinate, rounded to a tenth of a pixel.
  private static func number(_ value: Double) -> String {
    let text = Report.rounded(value, 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
