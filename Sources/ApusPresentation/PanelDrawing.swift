import Foundation

/// Draws one panel of a `LinePlot`: title, legend, grid, axes and curves.
struct PanelDrawing {
  let panel: LinePlot.Panel
  let xLabel: String
  let firstEpoch: Int
  let left: Double
  let top: Double
  let size: (width: Double, height: Double)

  private static let legendLine = 18.0

  /// A panel alone is wider than one of several in a row.
  static func size(columns: Int) -> (width: Double, height: Double) {
    columns == 1 ? (680, 420) : columns == 2 ? (520, 380) : (320, 270)
  }

  func draw(on canvas: inout SVGCanvas) {
    canvas.text(panel.title, x: left + 64, y: top + 18, size: 14, weight: "bold")
    let legendBottom = drawLegend(on: &canvas)
    let area = (
      left: left + 64, right: left + size.width - 24, top: legendBottom + 10, bottom: top + size.height - 48
    )

    let x = xAxis
    let y = PlotAxis(values: panel.curves.flatMap(\.values))
    func across(_ value: Double) -> Double { area.left + x.fraction(of: value) * (area.right - area.left) }
    func down(_ value: Double) -> Double { area.bottom - y.fraction(of: value) * (area.bottom - area.top) }

    for tick in y.ticks {
      canvas.line(area.left, down(tick), area.right, down(tick), stroke: "#e3e3e3")
      canvas.text(y.label(tick), x: area.left - 8, y: down(tick) + 4, size: 12, anchor: .end)
    }
    for tick in x.ticks {
      canvas.line(across(tick), area.top, across(tick), area.bottom, stroke: "#f0f0f0")
      canvas.line(across(tick), area.bottom, across(tick), area.bottom + 5, stroke: "#777777")
      canvas.text(x.label(tick), x: across(tick), y: area.bottom + 19, size: 12, anchor: .middle)
    }
    canvas.line(area.left, area.bottom, area.right, area.bottom, stroke: "#777777")
    canvas.line(area.left, area.top, area.left, area.bottom, stroke: "#777777")
    canvas.text(xLabel, x: (area.left + area.right) / 2, y: area.bottom + 38, size: 12, anchor: .middle)

    for (index, curve) in panel.curves.enumerated() {
      let points = zip(positions(of: curve), curve.values).map { position, value in
        position.isFinite && value.isFinite ? (x: across(position), y: down(value)) : nil
      }
      draw(points, color(index), dashed: curve.isValidation, on: &canvas)
    }
  }

  /// Spans the epochs of all curves, or their positions if they have some.
  private var xAxis: PlotAxis {
    let given = panel.curves.compactMap(\.positions)
    guard given.isEmpty else { return PlotAxis(values: given.flatMap(\.self), margin: 0) }
    let first = panel.curves.map { $0.firstEpoch ?? firstEpoch }.min() ?? firstEpoch
    let end = panel.curves.map { ($0.firstEpoch ?? firstEpoch) + $0.values.count }.max() ?? first
    return PlotAxis(epochs: end - first, first: first)
  }

  private func positions(of curve: LinePlot.Curve) -> [Double] {
    curve.positions ?? curve.values.indices.map { Double((curve.firstEpoch ?? firstEpoch) + $0) }
  }

  /// The curve between its gaps; a point alone between gaps shows as a mark, and so does each of a few.
  private func draw(_ points: [(x: Double, y: Double)?], _ color: String, dashed: Bool, on canvas: inout SVGCanvas) {
    let marksAll = points.count <= 30
    for run in points.split(whereSeparator: { $0 == nil }) {
      let run = run.compactMap(\.self)
      if run.count > 1 { canvas.polyline(run, stroke: color, width: 2, dashed: dashed) }
      guard marksAll || run.count == 1 else { continue }
      for point in run {
        canvas.circle(point.x, point.y, radius: 2.6, fill: dashed ? "#ffffff" : color, stroke: color)
      }
    }
  }

  /// Draws the legend under the title, in as many lines as it needs, and returns where it ends.
  private func drawLegend(on canvas: inout SVGCanvas) -> Double {
    // A curve alone, named as its panel, needs no legend.
    if panel.curves.map(\.name) == [panel.title] { return top + 24 }
    var x = left + 64
    var y = top + 38
    for (index, curve) in panel.curves.enumerated() {
      let name = SVGCanvas.shortened(curve.name, to: 40)
      let width = 34 + 7 * Double(name.count) + 18
      if x + width > left + size.width - 24, x > left + 64 {
        x = left + 64
        y += PanelDrawing.legendLine
      }
      canvas.polyline([(x, y - 4), (x + 26, y - 4)], stroke: color(index), width: 2, dashed: curve.isValidation)
      canvas.text(name, x: x + 33, y: y, size: 12)
      x += width
    }
    return y
  }

  private func color(_ index: Int) -> String { Palette.color(panel.curves[index].color ?? index) }
}
