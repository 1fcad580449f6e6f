/// A model as a picture: a box a layer with its name, type, output shape and parameters, and arrows for what it reads. What
/// Keras's `plot_model` draws, without Graphviz.
public struct LayerDiagram: Drawing, Sendable {
  /// A layer, or an input.
  public struct Box: Sendable, Hashable {
    public var name: String
    public var type: String
    /// As `(None, 28, 28, 32)`.
    public var shape: String
    public var parameterCount: Int
    /// The boxes that it reads, by number, all of them before it.
    public var sources: [Int]

    public init(name: String, type: String, shape: String, parameterCount: Int = 0, sources: [Int]) {
      (self.name, self.type, self.shape) = (name, type, shape)
      (self.parameterCount, self.sources) = (parameterCount, sources)
    }

    fileprivate var details: String {
      let count = parameterCount == 0 ? "" : " · \(SummaryTable.grouped(parameterCount)) parameters"
      return ([type, shape].filter { !$0.isEmpty }.joined(separator: " · ")) + count
    }
  }

  public var title: String
  public var boxes: [Box]

  public init(title: String, boxes: [Box]) { (self.title, self.boxes) = (title, boxes) }

  public func svg() -> String {
    let (boxHeight, rowGap, top, margin) = (44.0, 30.0, 46.0, 16.0)
    let texts = boxes.map {
      (name: SVGCanvas.shortened($0.name, to: 40), details: SVGCanvas.shortened($0.details, to: 70))
    }
    let widths = texts.map {
      max(SVGCanvas.width(of: $0.name, size: 13) * 1.1, SVGCanvas.width(of: $0.details, size: 11), 90) + 24
    }
    var arrows: [(from: Int, to: Int)] = []
    for (to, box) in boxes.enumerated() {
      for from in box.sources where from < to && from >= 0 { arrows.append((from, to)) }
    }
    let layout = LayeredLayout(widths: widths, arrows: arrows)
    let titleWidth = SVGCanvas.width(of: title, size: 17) * 1.1
    let width = max(layout.width, titleWidth) + 2 * margin
    let left = (width - layout.width) / 2
    let height = top + Double(layout.rowCount) * (boxHeight + rowGap) - (layout.rowCount > 0 ? rowGap : 0) + margin
    var canvas = SVGCanvas(width: width, height: height, title: title)
    canvas.text(title, x: width / 2, y: 27, size: 17, anchor: .middle, weight: "bold")
    func y(_ row: Int) -> Double { top + Double(row) * (boxHeight + rowGap) }

    for (arrow, passages) in zip(arrows, layout.passages) {
      var points = [(x: left + layout.centers[arrow.from], y: y(layout.rows[arrow.from]) + boxHeight)]
      for (step, x) in passages.enumerated() {
        let row = layout.rows[arrow.from] + 1 + step
        points += [(left + x, y(row)), (left + x, y(row) + boxHeight)]
      }
      let tip = (x: left + layout.centers[arrow.to], y: y(layout.rows[arrow.to]))
      canvas.polyline(points + [(tip.x, tip.y - 5)], stroke: "#777777", width: 1.3, dashed: false)
      canvas.polygon([(tip.x - 4, tip.y - 7), (tip.x + 4, tip.y - 7), tip], fill: "#777777")
    }
    for (index, box) in boxes.enumerated() {
      let x = left + layout.centers[index]
      let top = y(layout.rows[index])
      canvas.rectangle(
        x - widths[index] / 2, top, widths[index], boxHeight, fill: Self.color(of: box), stroke: "#555555", radius: 5)
      canvas.text(texts[index].name, x: x, y: top + 18, size: 13, anchor: .middle, weight: "bold")
      canvas.text(texts[index].details, x: x, y: top + 35, size: 11, anchor: .middle, fill: "#555555")
    }
    return canvas.document()
  }

  /// Inputs are gray, layers with weights blue, the others white.
  private static func color(of box: Box) -> String {
    box.sources.isEmpty
      ? "#eeeeee" : box.parameterCount > 0 ? Palette.mixed(Palette.colors[5], strength: 0.35) : "#ffffff"
  }
}
