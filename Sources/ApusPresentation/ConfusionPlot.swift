import ApusCore

/// A confusion matrix as a picture: a row for each true class, a column for each predicted one.
///
/// A cell's color is its share of the row, so that rare classes are seen, too. Right answers are blue, wrong ones orange.
///
/// ```swift
/// try ConfusionPlot(trainer.confusionMatrix(test.inputs, test.targets)).write(to: "confusion.svg")
/// ```
public struct ConfusionPlot: Drawing, Sendable {
  public let matrix: ConfusionMatrix
  public let title: String

  public init(_ matrix: ConfusionMatrix, title: String = "confusion matrix") {
    (self.matrix, self.title) = (matrix, title)
  }

  public func svg() -> String {
    let counts = matrix.counts
    let count = counts.count
    let names = matrix.classNames.map { SVGCanvas.shortened($0, to: 24) }
    let cell = min(max(640 / Double(count), 10), 54)
    let nameSize = cell < 14 ? 9 : 12
    let longest = names.map { SVGCanvas.width(of: $0, size: nameSize) }.max() ?? 0
    // Names of columns are turned if they do not fit.
    let isTurned = longest > cell - 4
    let left = longest + 46
    let top = 44 + (isTurned ? longest * 0.71 + 16 : 22)
    let side = cell * Double(count)
    let width = max(left + side + (isTurned ? longest * 0.71 + 8 : 24), 300)
    var canvas = SVGCanvas(width: width, height: top + side + 34, title: title)
    canvas.text(title, x: width / 2, y: 26, size: 17, anchor: .middle, weight: "bold")

    let digits = counts.joined().map { String($0).count }.max() ?? 1
    let digitSize = Int(min(13, (cell - 4) / (0.58 * Double(digits))))
    for (row, line) in counts.enumerated() {
      let total = line.reduce(0, +)
      let y = top + Double(row) * cell
      canvas.text(
        names[row], x: left - 8, y: y + cell / 2 + Double(nameSize) * 0.35, size: nameSize, anchor: .end)
      for (column, value) in line.enumerated() {
        let x = left + Double(column) * cell
        let share = total > 0 ? Double(value) / Double(total) : 0
        let color = row == column ? Palette.right : Palette.wrong
        // A single mistake among many is still told from none.
        let strength = value == 0 ? 0 : 0.06 + 0.94 * share
        canvas.rectangle(x, y, cell, cell, fill: Palette.mixed(color, strength: strength), stroke: "#dddddd")
        guard digitSize >= 5 else { continue }
        canvas.text(
          String(value), x: x + cell / 2, y: y + cell / 2 + Double(digitSize) * 0.35, size: digitSize, anchor: .middle,
          fill: strength > 0.55 ? "#ffffff" : value == 0 ? "#aaaaaa" : "#333333")
      }
    }
    for (column, name) in names.enumerated() {
      let x = left + (Double(column) + 0.5) * cell
      canvas.text(
        name, x: isTurned ? x - 2 : x, y: top - 7, size: nameSize, anchor: isTurned ? .start : .middle,
        turned: isTurned ? -45 : 0)
    }
    canvas.text("predicted", x: left + side / 2, y: top + side + 22, size: 13, anchor: .middle, weight: "bold")
    canvas.text("true", x: 20, y: top + side / 2, size: 13, anchor: .middle, weight: "bold", turned: -90)
    return canvas.document()
  }
}
