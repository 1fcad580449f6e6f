import Foundation

/// Curves as text, in a terminal: a letter of Braille has two by four dots, so that a few lines show a lot.
///
/// ```
///  0.91 ┤⠳⣄
///       │ ⠈⠳⢄⡀
///  0.31 ┤    ⠉⠒⠒⠤⠤
///        0       5
/// ```
public struct TerminalChart: Sendable {
  /// Points in order of x. Not finite ones are left out.
  public struct Curve: Sendable {
    public var name: String
    public var points: [(x: Double, y: Double)]

    public init(name: String, points: [(x: Double, y: Double)]) { (self.name, self.points) = (name, points) }
  }

  public var curves: [Curve]
  /// Columns and lines of the text, the axes and the line of names included.
  public var width: Int
  public var height: Int
  /// The x at both ends; nil for those of the points.
  public var range: ClosedRange<Double>?

  public init(curves: [Curve], width: Int = 80, height: Int = 14, range: ClosedRange<Double>? = nil) {
    (self.curves, self.width, self.height, self.range) = (curves, width, height, range)
  }

  /// ANSI colors, in the order of the curves: blue, red, green, magenta, yellow, cyan.
  private static let colors = [34, 31, 32, 35, 33, 36]
  /// Which bit of a letter of Braille is the dot in column 0 or 1, in rows 0 to 3 (Unicode, chapter 21.1).
  private static let dots: [[UInt8]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]

  /// The lines without newlines: always `height` of them, at least 4.
  /// - Parameter inColors: whether the terminal shows colors.
  public func lines(inColors: Bool) -> [String] {
    let points = curves.map { $0.points.filter { $0.x.isFinite && $0.y.isFinite } }
    let y = PlotAxis(values: points.joined().map(\.y), margin: 0)
    let first = points.joined().map(\.x).min() ?? 0
    let last = points.joined().map(\.x).max() ?? first
    let x = range ?? first...max(last, first)
    let rows = max(height - 2, 2)
    let labels = [y.high, y.low].map { String(format: "%.4g", $0) }
    let margin = (labels.map(\.count).max() ?? 0) + 1
    let columns = max(width - margin - 1, 8)

    var cells = [[(bits: UInt8, curve: Int)]](
      repeating: .init(repeating: (0, 0), count: columns), count: rows)
    func place(_ point: (x: Double, y: Double)) -> (x: Int, y: Int) {
      let span = x.upperBound - x.lowerBound
      let across = span > 0 && span.isFinite ? min(max((point.x - x.lowerBound) / span, 0), 1) : 0.5
      return (
        Int((across * Double(2 * columns - 1)).rounded()),
        Int(((1 - min(max(y.fraction(of: point.y), 0), 1)) * Double(4 * rows - 1)).rounded())
      )
    }
    for (curve, points) in points.enumerated() {
      var before: (x: Int, y: Int)?
      for point in points.map(place) {
        // A dot for each column between two points, and for each row where it is steep.
        let from = before ?? point
        let steps = max(abs(point.x - from.x), abs(point.y - from.y), 1)
        for step in 0...steps {
          let share = Double(step) / Double(steps)
          let dot = (
            x: from.x + Int((share * Double(point.x - from.x)).rounded()),
            y: from.y + Int((share * Double(point.y - from.y)).rounded())
          )
          let cell = cells[dot.y / 4][dot.x / 2]
          cells[dot.y / 4][dot.x / 2] = (cell.bits | Self.dots[dot.x % 2][dot.y % 4], curve)
        }
        before = point
      }
    }
    func colored(_ text: String, _ curve: Int) -> String {
      inColors ? "\u{1B}[\(Self.colors[curve % Self.colors.count])m\(text)\u{1B}[0m" : text
    }
    func padded(_ text: String) -> String { String(repeating: " ", count: margin - 1 - text.count) + text + " " }
    var lines = cells.enumerated().map { row, line in
      let label = row == 0 ? labels[0] : row == rows - 1 ? labels[1] : ""
      return padded(label) + (label.isEmpty ? "│" : "┤")
        + line.map { cell in
          cell.bits == 0 ? " " : colored(String(UnicodeScalar(0x2800 + UInt32(cell.bits)) ?? " "), cell.curve)
        }.joined()
    }
    let ends = [x.lowerBound, x.upperBound].map { String(format: "%.4g", $0) }
    let space = String(repeating: " ", count: max(columns - ends[0].count - ends[1].count, 1))
    lines.append(String(repeating: " ", count: margin + 1) + ends[0] + space + ends[1])
    let names = curves.enumerated().map { colored("━", $0) + " " + $1.name }
    lines.append(String(repeating: " ", count: margin + 1) + names.joined(separator: "   "))
    return lines
  }
}
