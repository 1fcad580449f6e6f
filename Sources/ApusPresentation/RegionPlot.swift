import ApusCore
import ApusData

/// What a model answers in each place of a plane, and over it the samples: for models with two features.
///
/// A sample whose class is not that of its place is drawn larger, with a black ring.
public struct RegionPlot: Drawing, Sendable {
  /// A sample: where it is, and its class if that is known.
  public struct Point: Sendable, Hashable {
    public var x: Double
    public var y: Double
    public var label: Int?

    public init(x: Double, y: Double, label: Int? = nil) { (self.x, self.y, self.label) = (x, y, label) }
  }

  public var title: String
  public var xLabel: String
  public var yLabel: String
  public let x: ClosedRange<Double>
  public let y: ClosedRange<Double>
  /// The class in each place, in rows from the top, which is the largest y.
  public let classes: [[Int]]
  /// How sure the model is, 0 to 1, which decides how strong the color is; empty if it is everywhere the same.
  public let certainty: [[Double]]
  public let classNames: [String]
  public let points: [Point]

  /// - Throws: `ApusError` if the rows are not of one length, a class or a label is negative, or a range is empty or not
  ///   finite.
  public init(
    title: String = "decision regions", xLabel: String = "x", yLabel: String = "y", x: ClosedRange<Double>,
    y: ClosedRange<Double>, classes: [[Int]], certainty: [[Double]] = [], classNames: [String] = [],
    points: [Point] = []
  ) throws {
    let width = classes.first?.count ?? 0
    guard width > 0, classes.allSatisfy({ $0.count == width }), classes.joined().allSatisfy({ $0 >= 0 }) else {
      throw ApusError.input("decision regions are rows of class numbers, all of one length")
    }
    if let wrong = points.firstIndex(where: { ($0.label ?? 0) < 0 }) {
      throw ApusError.input(
        "sample \(wrong) has the label \(points[wrong].label ?? 0), but classes are numbered from 0")
    }
    guard certainty.isEmpty || certainty.map(\.count) == classes.map(\.count) else {
      throw ApusError.input("there is not one certainty for each class of the decision regions")
    }
    guard [x, y].allSatisfy({ ($0.upperBound - $0.lowerBound).isFinite && $0.upperBound > $0.lowerBound }) else {
      throw ApusError.input("decision regions over \(x) and \(y) cannot be drawn")
    }
    (self.title, self.xLabel, self.yLabel, self.x, self.y) = (title, xLabel, yLabel, x, y)
    (self.classes, self.certainty, self.classNames, self.points) = (classes, certainty, classNames, points)
  }

  /// The class of the place where a point is; nil outside.
  func region(at point: Point) -> Int? {
    guard x.contains(point.x), y.contains(point.y) else { return nil }
    func index(_ fraction: Double, _ count: Int) -> Int { min(Int(fraction * Double(count)), count - 1) }
    let row = index((y.upperBound - point.y) / (y.upperBound - y.lowerBound), classes.count)
    return classes[row][index((point.x - x.lowerBound) / (x.upperBound - x.lowerBound), classes[row].count)]
  }

  public func svg() -> String {
    let area = (left: 64.0, top: 50.0, side: 460.0)
    let labels = Set(classes.joined()).union(points.compactMap(\.label)).sorted()
    let names = labels.map { classNames.indices.contains($0) ? classNames[$0] : String($0) }
      .map { SVGCanvas.shortened($0, to: 24) }
    let legend = (names.map { SVGCanvas.width(of: $0, size: 12) }.max() ?? 0) + 44
    let width = area.left + area.side + legend
    var canvas = SVGCanvas(width: width, height: area.top + area.side + 54, title: title)
    canvas.text(title, x: area.left + area.side / 2, y: 28, size: 17, anchor: .middle, weight: "bold")
    if let png = try? PNG.encoded(ground) { canvas.image(png, area.left, area.top, area.side, area.side) }
    canvas.rectangle(area.left, area.top, area.side, area.side, fill: "none", stroke: "#777777")

    let (across, down) = (PlotAxis(range: x), PlotAxis(range: y))
    let bottom = area.top + area.side
    for tick in across.ticks {
      let place = area.left + across.fraction(of: tick) * area.side
      canvas.line(place, bottom, place, bottom + 5, stroke: "#777777")
      canvas.text(across.label(tick), x: place, y: bottom + 19, size: 12, anchor: .middle)
    }
    for tick in down.ticks {
      let place = bottom - down.fraction(of: tick) * area.side
      canvas.line(area.left - 5, place, area.left, place, stroke: "#777777")
      canvas.text(down.label(tick), x: area.left - 9, y: place + 4, size: 12, anchor: .end)
    }
    canvas.text(xLabel, x: area.left + area.side / 2, y: bottom + 40, size: 13, anchor: .middle)
    canvas.text(yLabel, x: 18, y: area.top + area.side / 2, size: 13, anchor: .middle, turned: -90)

    for point in points where x.contains(point.x) && y.contains(point.y) {
      let isWrong = point.label != nil && point.label != region(at: point)
      canvas.circle(
        area.left + across.fraction(of: point.x) * area.side, bottom - down.fraction(of: point.y) * area.side,
        radius: isWrong ? 4.5 : 3.5, fill: point.label.map(Palette.color) ?? "#555555",
        stroke: isWrong ? "#000000" : "#ffffff")
    }
    for (row, name) in names.enumerated() {
      let y = area.top + 12 + 20 * Double(row)
      canvas.circle(area.left + area.side + 20, y - 4, radius: 5, fill: Palette.color(labels[row]), stroke: "#ffffff")
      canvas.text(name, x: area.left + area.side + 32, y: y, size: 12)
    }
    return canvas.document()
  }

  /// A pixel a place: `u8[rows, columns, 3]`.
  private var ground: Tensor {
    get throws {
      var pixels: [UInt8] = []
      for (row, line) in classes.enumerated() {
        for (column, label) in line.enumerated() {
          let certainty = certainty.isEmpty ? 1 : certainty[row][column]
          pixels += Palette.components(of: Palette.color(label), strength: 0.1 + 0.35 * certainty)
        }
      }
      return try Tensor(pixels, [classes.count, classes[0].count, 3])
    }
  }
}
