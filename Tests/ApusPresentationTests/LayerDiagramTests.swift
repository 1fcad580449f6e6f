import ApusPresentation
import Testing

@Suite struct LayerDiagramTests {
  private typealias Box = LayerDiagram.Box

  private func boxes(_ sources: [[Int]]) -> [Box] {
    sources.enumerated().map { index, sources in
      Box(
        name: "layer\(index)", type: "Dense", shape: "(None, \(index))", parameterCount: 1000 * index, sources: sources)
    }
  }

  /// The rectangle of each box, by name.
  private func places(_ drawn: DrawnElements) -> [String: DrawnElements.Element] {
    // The ground is the first.
    let rectangles = Array(drawn.named("rect").dropFirst())
    let names = drawn.named("text").dropFirst().filter { $0.attributes["font-weight"] == "bold" }
    return Dictionary(uniqueKeysWithValues: zip(names.map(\.text), rectangles))
  }

  /// Whatever branches: layers are below what they read, none covers another, and arrows end at their layers.
  @Test(arguments: [
    [[], [0], [1], [2]],
    [[], [0], [1], [0, 2]],
    [[], [], [0], [1], [2, 3], [4]],
    [[], [0], [0], [0], [0], [1, 2, 3, 4], [5, 0]],
    [[], [0], [1], [2], [3], [0, 4], [1, 5]],
    [[]],
  ])
  func arrowsPointDown(_ sources: [[Int]]) throws {
    let diagram = LayerDiagram(title: "m", boxes: boxes(sources))
    let drawn = DrawnElements(diagram.svg())
    #expect(drawn.isWellFormed && diagram.svg() == diagram.svg())
    let places = places(drawn)
    try #require(places.count == sources.count)
    func place(_ index: Int) throws -> DrawnElements.Element { try #require(places["layer\(index)"]) }
    let width = try #require(drawn.named("svg").first).number("width")
    for index in sources.indices {
      let box = try place(index)
      #expect(box.number("x") >= 0 && box.number("x") + box.number("width") <= width)
      for other in sources.indices where other < index {
        let before = try place(other)
        guard before.number("y") == box.number("y") else { continue }
        let (left, right) = box.number("x") < before.number("x") ? (box, before) : (before, box)
        #expect(left.number("x") + left.number("width") < right.number("x"), "\(index) covers \(other)")
      }
      for source in sources[index] { #expect(try place(source).number("y") < box.number("y")) }
    }
    let lines = drawn.named("polyline").map { line in
      (line.attributes["points"] ?? "").split(separator: " ").map { $0.split(separator: ",").compactMap { Double($0) } }
    }
    let arrows = sources.enumerated().flatMap { index, sources in sources.map { (from: $0, to: index) } }
    try #require(lines.count == arrows.count)
    for (line, arrow) in zip(lines, arrows) {
      let (from, to) = (try place(arrow.from), try place(arrow.to))
      #expect(abs(line[0][0] - from.number("x") - from.number("width") / 2) < 0.1)
      #expect(abs((line.last?[0] ?? 0) - to.number("x") - to.number("width") / 2) < 0.1)
      #expect(abs((line.last?[1] ?? 0) - to.number("y")) < 10)
      // On its way it goes through no box of another layer.
      for other in sources.indices where other != arrow.from && other != arrow.to {
        let box = try place(other)
        for point in line.dropFirst().dropLast() where abs(point[1] - box.number("y")) < 1 {
          let isInside = point[0] > box.number("x") && point[0] < box.number("x") + box.number("width")
          #expect(!isInside, "an arrow from \(arrow.from) to \(arrow.to) goes through \(other)")
        }
      }
    }
  }

  @Test func boxesSayWhatLayersAre() {
    let box = Box(name: "<dense>", type: "Dense", shape: "(None, 128)", parameterCount: 100_480, sources: [])
    let drawn = DrawnElements(LayerDiagram(title: "a & b", boxes: [box]).svg())
    #expect(drawn.isWellFormed)
    #expect(drawn.texts == ["a & b", "<dense>", "Dense · (None, 128) · 100,480 parameters"])
    #expect(DrawnElements(LayerDiagram(title: "empty", boxes: []).svg()).isWellFormed)
  }

  /// A chain is one column.
  @Test func chainsAreStraight() {
    let drawn = DrawnElements(LayerDiagram(title: "", boxes: boxes([[], [0], [1], [2]])).svg())
    let centers = drawn.named("rect").dropFirst().map { $0.number("x") + $0.number("width") / 2 }
    #expect(centers.allSatisfy { abs($0 - centers[0]) < 0.1 })
  }
}
