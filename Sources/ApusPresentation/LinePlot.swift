import ApusData
import Foundation

/// Curves over epochs as a drawing in SVG, made without any other program.
///
/// ```swift
/// try LinePlot(title: "mlp", history: [("loss", losses), ("val_loss", validationLosses)]).write(to: "history.svg")
/// ```
public struct LinePlot: Sendable {
  /// One value an epoch.
  public struct Curve: Sendable {
    public var name: String
    /// Not finite values leave a gap.
    public var values: [Double]
    /// Drawn dashed; training curves are solid.
    public var isValidation: Bool

    public init(name: String, values: [Double], isValidation: Bool = false) {
      self.name = name
      self.values = values
      self.isValidation = isValidation
    }
  }

  /// Curves that share axes.
  public struct Panel: Sendable {
    public var title: String
    public var curves: [Curve]

    public init(title: String, curves: [Curve]) {
      self.title = title
      self.curves = curves
    }
  }

  private static let titleHeight = 40.0

  public var title: String
  public var xLabel: String
  /// The x of the first value.
  public var firstEpoch: Int
  /// Drawn side by side, two a row.
  public var panels: [Panel]

  public init(title: String, xLabel: String = "epoch", firstEpoch: Int = 1, panels: [Panel]) {
    self.title = title
    self.xLabel = xLabel
    self.firstEpoch = firstEpoch
    self.panels = panels
  }

  /// A panel a metric, with its training curve and, dashed, its validation curve (the one called `val_` and the
  /// metric's name). The loss comes first, the others in the given order.
  public init(title: String, firstEpoch: Int = 1, history: [(name: String, values: [Double])]) {
    var panels: [Panel] = []
    for (name, values) in history {
      let isValidation = name.hasPrefix("val_")
      let metric = isValidation ? String(name.dropFirst(4)) : name
      let curve = Curve(name: name, values: values, isValidation: isValidation)
      if let index = panels.firstIndex(where: { $0.title == metric }) {
        panels[index].curves.append(curve)
      } else {
        panels.append(Panel(title: metric, curves: [curve]))
      }
    }
    for index in panels.indices { panels[index].curves.sort { !$0.isValidation && $1.isValidation } }
    let loss = panels.filter { $0.title == "loss" }
    self.init(title: title, firstEpoch: firstEpoch, panels: loss + panels.filter { $0.title != "loss" })
  }

  /// Writes the drawing. An existing file is replaced only once all is written.
  public func write(to path: String) throws { try AtomicFile.write(svg(), to: path) }

  /// The drawing as a complete SVG document; the same curves give the same text.
  public func svg() -> String {
    let columns = min(max(panels.count, 1), 2)
    let rows = max((panels.count + columns - 1) / columns, 1)
    let size = PanelDrawing.size(columns: columns)
    let width = size.width * Double(columns)
    let height = LinePlot.titleHeight + size.height * Double(rows)
    var canvas = SVGCanvas(width: width, height: height, title: title)
    canvas.text(title, x: width / 2, y: 28, size: 17, anchor: .middle, weight: "bold")
    for (index, panel) in panels.enumerated() {
      let left = Double(index % columns) * size.width
      let top = LinePlot.titleHeight + Double(index / columns) * size.height
      PanelDrawing(panel: panel, xLabel: xLabel, firstEpoch: firstEpoch, left: left, top: top, size: size)
        .draw(on: &canvas)
    }
    if panels.isEmpty { canvas.text("nothing to plot", x: width / 2, y: height / 2, size: 13, anchor: .middle) }
    return canvas.document()
  }
}
