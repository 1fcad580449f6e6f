import ApusCore
import ApusPresentation
import Foundation
import Testing

/// What the pictures show: positions, numbers, names.
@Suite struct PictureDrawingTests {
  // MARK: Confusion matrices

  @Test func aConfusionMatrixHasItsCountsInItsCells() throws {
    let plot = try ConfusionPlot(
      ConfusionMatrix(counts: [[8, 2], [0, 5]], classNames: ["<a>", "b & c"]), title: "t")
    let drawn = DrawnElements(plot.svg())
    #expect(drawn.isWellFormed && plot.svg() == plot.svg())
    // The first rectangle is the ground.
    let cells = Array(drawn.named("rect").dropFirst())
    #expect(cells.count == 4)
    for (index, count) in ["8", "2", "0", "5"].enumerated() {
      let cell = cells[index]
      let inside = drawn.named("text").filter {
        let (x, y) = ($0.number("x") - cell.number("x"), $0.number("y") - cell.number("y"))
        return x > 0 && x < cell.number("width") && y > 0 && y < cell.number("height")
      }
      #expect(inside.map(\.text) == [count])
    }
    // Rows are true classes: the second cell is beside the first, the third below it.
    #expect(cells[1].number("x") > cells[0].number("x") && cells[1].number("y") == cells[0].number("y"))
    #expect(cells[2].number("x") == cells[0].number("x") && cells[2].number("y") > cells[0].number("y"))
    // No sample, no color; wrong ones are not colored as right ones.
    #expect(cells[2].attributes["fill"] == "#ffffff")
    #expect(Set(cells.map { $0.attributes["fill"] ?? "" }).count == 4)
    for name in ["<a>", "b & c"] { #expect(drawn.texts.filter { $0 == name }.count == 2) }
    #expect(drawn.texts.contains("predicted") && drawn.texts.contains("true"))
  }

  /// Every name and every cell is inside the picture, from one class to a hundred.
  @Test(arguments: [1, 2, 10, 40, 100]) func aConfusionMatrixFits(_ count: Int) throws {
    let counts = (0..<count).map { row in (0..<count).map { row == $0 ? 1000 : 0 } }
    let names = (0..<count).map { "class number \($0) with a rather long name" }
    let drawn = DrawnElements(try ConfusionPlot(ConfusionMatrix(counts: counts, classNames: names)).svg())
    let ground = try #require(drawn.named("svg").first)
    for cell in drawn.named("rect") {
      #expect(cell.number("x") + cell.number("width") <= ground.number("width") || cell.attributes["x"] == nil)
    }
    #expect(drawn.named("rect").count == count * count + 1)
    #expect(drawn.named("text").allSatisfy { $0.number("x") >= 0 && $0.number("y") >= 0 })
    #expect(drawn.texts.filter { $0.hasPrefix("class number 0") && $0.hasSuffix("…") }.count == 2)
  }

  @Test func confusionMatricesThatAreNone() {
    for counts in [[], [[1, 2]], [[1, 2], [3]], [[-1]]] as [[[Int]]] {
      #expect(throws: ApusError.self) { try ConfusionMatrix(counts: counts) }
    }
    #expect(throws: ApusError.self) { try ConfusionMatrix(counts: [[1]], classNames: ["a", "b"]) }
  }

  // MARK: Grids

  private func images(_ count: Int, side: Int = 4) throws -> Tensor {
    try Tensor((0..<count * side * side).map { UInt8($0 % 256) }, [count, side, side])
  }

  @Test func rightAndWrongPredictionsAreToldApart() throws {
    let captions = [
      ImageGrid.Caption(answer: "Sneaker", probability: 0.974, truth: "Sneaker"),
      .init(answer: "Coat", probability: 0.51, truth: "Shirt & tie"), .init("unknown"),
    ]
    #expect(captions.map(\.text) == ["Sneaker 97%", "Coat 51% (Shirt & tie)", "unknown"])
    #expect(captions.map(\.isRight) == [true, false, nil])
    let grid = try ImageGrid(title: "predictions", images: images(3), captions: captions, columns: 2)
    let drawn = DrawnElements(grid.svg())
    #expect(drawn.isWellFormed && grid.svg() == grid.svg())
    let pictures = drawn.named("image")
    #expect(pictures.count == 3)
    #expect(pictures[1].number("y") == pictures[0].number("y") && pictures[2].number("y") > pictures[0].number("y"))
    // Each caption is under its picture, in the color of its frame.
    let frames = Array(drawn.named("rect").dropFirst())
    for (index, caption) in captions.enumerated() {
      let text = try #require(drawn.text(caption.text))
      let picture = pictures[index]
      #expect(abs(text.number("x") - picture.number("x") - picture.number("width") / 2) < 0.1)
      #expect(text.number("y") > picture.number("y") + picture.number("height"))
      if caption.isRight != nil { #expect(text.attributes["fill"] == frames[index].attributes["fill"]) }
    }
    #expect(Set(frames.map { $0.attributes["fill"] ?? "" }).count == 3)
  }

  /// The pixels of a picture are in its place of the grid, and its frame's color around it.
  @Test func gridsOfPixels() throws {
    let captions = [ImageGrid.Caption("", isRight: true), .init("", isRight: false)]
    let pixels = try ImageGrid(images: images(2), captions: captions, columns: 2).pixels(frame: 1)
    // A gap of 1, then twice a frame, four pixels, a frame and a gap.
    #expect(pixels.dimensions == [8, 15, 3])
    func color(_ y: Int, _ x: Int) throws -> [UInt8] { try pixels[y][x].elements(as: UInt8.self) }
    #expect(try color(2, 2) == [0, 0, 0] && color(2, 3) == [1, 1, 1] && color(3, 2) == [4, 4, 4])
    #expect(try color(2, 9) == [16, 16, 16])
    #expect(try color(1, 1) == [0x00, 0x72, 0xB2] && color(1, 8) == [0xD5, 0x5E, 0x00])
  }

  @Test func gridsThatCannotBe() throws {
    #expect(throws: ApusError.self) { try ImageGrid(images: images(2), captions: [.init("one")]) }
    #expect(throws: ApusError.self) { try ImageGrid(images: images(2), columns: 0) }
    #expect(throws: ApusError.self) { try ImageGrid(images: Tensor(zeros: .u8, [0, 4, 4])) }
    #expect(throws: ApusError.self) { try ImageGrid(images: Tensor(zeros: .u8, [3, 5])) }
  }

  // MARK: Regions

  @Test func pointsLieInTheirRegions() throws {
    let plot = try RegionPlot(
      xLabel: "a < b", yLabel: "y", x: 0...2, y: 0...2, classes: [[0, 1], [2, 2]],
      classNames: ["left", "right", "low"],
      points: [.init(x: 0.5, y: 1.5, label: 0), .init(x: 1.5, y: 1.5, label: 0), .init(x: 9, y: 9, label: 1)])
    let drawn = DrawnElements(plot.svg())
    #expect(drawn.isWellFormed && plot.svg() == plot.svg())
    let area = try #require(drawn.named("image").first)
    let points = drawn.named("circle").filter { $0.number("cx") < area.number("x") + area.number("width") }
    // The point outside is not drawn. y grows upwards.
    #expect(points.count == 2)
    for point in points { #expect(abs(point.number("cy") - area.number("y") - area.number("height") / 4) < 0.1) }
    #expect(abs(points[0].number("cx") - area.number("x") - area.number("width") / 4) < 0.1)
    // The second is in the region of class 1: its ring says that the answer is wrong.
    #expect(points[0].attributes["stroke"] == "#ffffff" && points[1].attributes["stroke"] == "#000000")
    for text in ["left", "right", "low", "a < b"] { #expect(drawn.texts.contains(text)) }
    #expect(throws: ApusError.self) { try RegionPlot(x: 0...1, y: 0...1, classes: [[0, 1], [0]]) }
    #expect(throws: ApusError.self) { try RegionPlot(x: 1...1, y: 0...1, classes: [[0]]) }
    #expect(throws: ApusError.self) { try RegionPlot(x: 0...1, y: 0...1, classes: [[0]], certainty: [[1, 2]]) }
  }

  // MARK: Curves

  @Test func severalTrainingsShareAPanel() {
    let plot = LinePlot(
      title: "t",
      runs: [
        ("a", 1, [("accuracy", [0.5, 0.6]), ("loss", [2, 1]), ("val_loss", [2, 1.5])]), ("b", 3, [("loss", [3, 1])]),
      ])
    #expect(plot.panels.map(\.title) == ["loss", "accuracy"])
    #expect(plot.panels[0].curves.map(\.name) == ["a", "a (validation)", "b"])
    #expect(plot.panels[0].curves.map(\.color) == [0, 0, 1])
    let drawn = DrawnElements(plot.svg())
    #expect(drawn.isWellFormed)
    // Curves with more than a sample of the legend: two of a, one of b, in a's panel; one of a.
    let lines = drawn.named("polyline").filter { ($0.number("stroke-width")) == 2 }
    #expect(Set(lines.map { $0.attributes["stroke"] ?? "" }).count == 2)
    // b begins where epoch 3 is, right of all of a.
    let marks = drawn.named("circle")
    let (a, b) = (lines[0].attributes["stroke"], lines[2].attributes["stroke"])
    let last = marks.filter { $0.attributes["stroke"] == a && $0.number("cx") < 520 }.map { $0.number("cx") }.max() ?? 0
    let first = marks.filter { $0.attributes["stroke"] == b }.map { $0.number("cx") }.min() ?? 0
    #expect(a != b && first > last)
  }

  @Test func curvesHavePositions() throws {
    let curve = LinePlot.Curve(name: "c", values: [0, 1, 0], positions: [-2, 0, 6])
    let drawn = DrawnElements(LinePlot(title: "", xLabel: "x", panels: [.init(title: "c", curves: [curve])]).svg())
    let marks = drawn.named("circle").map { $0.number("cx") }
    #expect(marks.count == 3)
    #expect(abs((marks[1] - marks[0]) / (marks[2] - marks[0]) - 0.25) < 1e-3)
  }
}
