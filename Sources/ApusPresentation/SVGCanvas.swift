import Foundation

/// Collects the elements of an SVG document. Coordinates are in pixels, y downwards, with two decimals at most.
struct SVGCanvas {
  enum Anchor: String { case start, middle, end }

  private var body: [String] = []
  private let width: Double
  private let height: Double
  private let title: String

  init(width: Double, height: Double, title: String) {
    self.width = width
    self.height = height
    self.title = title
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, stroke: String, width: Double = 1) {
    body.append(
      "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
        + "stroke=\"\(stroke)\" stroke-width=\"\(number(width))\"/>")
  }

  mutating func polyline(_ points: [(x: Double, y: Double)], stroke: String, width: Double, dashed: Bool) {
    let list = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    let dash = dashed ? " stroke-dasharray=\"7 4\"" : ""
    body.append(
      "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"\(number(width))\"\(dash) "
        + "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>")
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, fill: String, stroke: String) {
    body.append(
      "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" fill=\"\(fill)\" stroke=\"\(stroke)\" "
        + "stroke-width=\"1.5\"/>")
  }

  mutating func text(
    _ text: String, x: Double, y: Double, size: Int, anchor: Anchor = .start, weight: String? = nil,
    fill: String = "#333333"
  ) {
    let bold = weight.map { " font-weight=\"\($0)\"" } ?? ""
    body.append(
      "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor.rawValue)\"\(bold) "
        + "fill=\"\(fill)\">\(SVGCanvas.escape(text))</text>")
  }

  func document() -> String {
    let w = number(width)
    let h = number(height)
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" width="\(w)" height="\(h)" viewBox="0 0 \(w) \(h)" \
      font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">
      <title>\(SVGCanvas.escape(title))</title>
      <rect width="\(w)" height="\(h)" fill="#ffffff"/>
      \(body.joined(separator: "\n"))
      </svg>

      """
  }

  /// Text as XML content: markup escaped, and what XML 1.0 cannot hold at all replaced by U+FFFD.
  static func escape(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n", "\r": result += " "
      case _ where scalar.value < 0x20 || scalar.value & 0xFFFE == 0xFFFE: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private func number(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }
}
