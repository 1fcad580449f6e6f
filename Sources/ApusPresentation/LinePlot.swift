/// Curves over epochs as a drawing in SVG, made without any other program.
///
/// ```swift
/// try LinePlot(title: "mlp", history: [("loss", losses), ("val_loss", validationLosses)]).write(to: "history.svg")
/// ```
public struct LinePlot: Drawing, Sendable {
  /// One value an epoch.
  public struct Curve: Sendable {
    public var name: String
    /// Not finite values leave a gap.
    public var values: [Double]
    /// Drawn dashed; training curves are solid.
    public var isValidation: Bool
    /// The x of each value; nil if there is one an epoch.
    public var positions: [Double]?
    /// The epoch of the first value; nil for the plot's.
    public var firstEpoch: Int?
    /// Which of the colors it has; nil for the one of its place in the panel.
    public var color: Int?

    public init(
      name: String, values: [Double], isValidation: Bool = false, positions: [Double]? = nil, firstEpoch: Int? = nil,
      color: Int? = nil
    ) {
      (self.name, self.values, self.isValidation) = (name, values, isValidation)
      (self.positions, self.firstEpoch, self.color) = (positions, firstEpoch, color)
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
  public var panels: [Panel]
  /// How many panels are side by side.
  public var columns: Int

  public init(title: String, xLabel: String = "epoch", firstEpoch: Int = 1, panels: [Panel], columns: Int = 2) {
    self.title = title
    self.xLabel = xLabel
    self.firstEpoch = firstEpoch
    self.panels = panels
    self.columns = columns
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
    self.init(title: title, firstEpoch: firstEpoch, panels: Self.lossFirst(panels))
  }

  /// Several trainings in one chart: a panel a metric, and in it a color a training, the validation curves dashed.
  /// - Parameters:
  ///   - runs: what each training is called, the number of its first epoch, from 1, and its curves.
  public init(title: String, runs: [(name: String, firstEpoch: Int, history: [(name: String, values: [Double])])]) {
    var panels: [Panel] = []
    for (color, run) in runs.enumerated() {
      // The panels of this run alone, of which each finds its place.
      for own in LinePlot(title: run.name, firstEpoch: run.firstEpoch, history: run.history).panels {
        let curves = own.curves.map { curve in
          Curve(
            name: run.name + (curve.isValidation ? " (validation)" : ""), values: curve.values,
            isValidation: curve.isValidation, firstEpoch: run.firstEpoch, color: color)
        }
        if let index = panels.firstIndex(where: { $0.title == own.title }) {
          panels[index].curves += curves
        } else {
          panels.append(Panel(title: own.title, curves: curves))
        }
      }
    }
    self.init(title: title, panels: Self.lossFirst(panels))
  }

  private static func lossFirst(_ panels: [Panel]) -> [Panel] {
    panels.filter { $0.title == "loss" } + panels.filter { $0.title != "loss" }
  }

  public func svg() -> String {
    let columns = min(max(panels.count, 1), max(columns, 1))
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
