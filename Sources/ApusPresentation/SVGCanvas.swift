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
    let dash = dashed ? " stroke-dasharray=\"7 4\"" : ""
    body.append(
      "<polyline points=\"\(list(points))\" fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"\(number(width))\"\(dash) "
        + "stroke-linejoin=\"round\" stroke-linecap=\"round\"/>")
  }

  mutating func polygon(_ points: [(x: Double, y: Double)], fill: String) {
    body.append("<polygon points=\"\(list(points))\" fill=\"\(fill)\"/>")
  }

  mutating func circle(_ x: Double, _ y: Double, radius: Double, fill: String, stroke: String) {
    body.append(
      "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" fill=\"\(fill)\" stroke=\"\(stroke)\" "
        + "stroke-width=\"1.5\"/>")
  }

  /// - Parameter stroke: the outline's color, if it has one.
  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String, stroke: String? = nil,
    strokeWidth: Double = 1, radius: Double = 0
  ) {
    let outline = stroke.map { " stroke=\"\($0)\" stroke-width=\"\(number(strokeWidth))\"" } ?? ""
    let corner = radius > 0 ? " rx=\"\(number(radius))\"" : ""
    body.append(
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\"\(corner) "
        + "fill=\"\(fill)\"\(outline)/>")
  }

  /// Pixels, enlarged without smoothing.
  /// - Parameter png: a file's bytes, which become part of the document.
  mutating func image(_ png: [UInt8], _ x: Double, _ y: Double, _ width: Double, _ height: Double) {
    body.append(
      "<image x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\" "
        + "preserveAspectRatio=\"none\" image-rendering=\"optimizeSpeed\" style=\"image-rendering:pixelated\" "
        + "href=\"data:image/png;base64,\(Data(png).base64EncodedString())\"/>")
  }

  /// - Parameter turned: degrees, clockwise, around the text's own point.
  mutating func text(
    _ text: String, x: Double, y: Double, size: Int, anchor: Anchor = .start, weight: String? = nil,
    fill: String = "#333333", turned: Double = 0
  ) {
    let bold = weight.map { " font-weight=\"\($0)\"" } ?? ""
    let turn = turned == 0 ? "" : " transform=\"rotate(\(number(turned)) \(number(x)) \(number(y)))\""
    body.append(
      "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor.rawValue)\"\(bold)\(turn) "
        + "fill=\"\(fill)\">\(SVGCanvas.escape(text))</text>")
  }

  /// A text of at most `count` letters: a longer one ends in "…".
  static func shortened(_ text: String, to count: Int) -> String {
    text.count > count ? text.prefix(max(count - 1, 0)) + "…" : text
  }

  /// About how wide a text is drawn. The font is not known: it may be a little more or less.
  static func width(of text: String, size: Int) -> Double { 0.58 * Double(size) * Double(text.count) }

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

  private func list(_ points: [(x: Double, y: Double)]) -> String {
    points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
  }

  private func number(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }
}
