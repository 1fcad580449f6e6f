import ApusCore
import ApusPresentation
import Foundation
import Testing

/// Pictures and tables of what is unusual: labels below 0, huge numbers, names of several code units.
@Suite struct DrawingEdgeTests {
  private func regions(label: Int, x: ClosedRange<Double> = 0...1) throws -> String {
    try RegionPlot(x: x, y: 0...1, classes: [[0, 1]], points: [.init(x: 0.5, y: 0.5, label: label)]).svg()
  }

  @Test func labelsBelowZeroAreRefused() throws {
    #expect(try regions(label: 1).contains("<svg"))
    #expect { try regions(label: -1) } throws: {
      ($0 as? ApusError)?.message.contains("sample 0 has the label -1") == true
    }
    #expect(throws: ApusError.self) { try regions(label: 0, x: -1e308...1e308) }
  }

  @Test(arguments: [1e300, 1e305, -.greatestFiniteMagnitude]) func hugeNumbersInATerminal(_ y: Double) {
    let chart = TerminalChart(curves: [.init(name: "loss", points: [(0, 0), (1, y), (2, 1)])], width: 40, height: 8)
    #expect(chart.lines(inColors: false).count == 8)
  }

  /// Letters of decomposed Hangul and joined emoji are one character each, and none is cut off.
  @Test func namesKeepTheirCharacters() throws {
    let names = ["노란 해바라기".decomposedStringWithCanonicalMapping, "👨‍👩‍👧‍👦👩🏽‍🚀"]
    let lines = try ConfusionMatrix(counts: [[1, 2], [3, 4]], classNames: names).description.split(separator: "\n")
    for (name, line) in zip(names, lines.dropFirst()) { #expect(line.hasPrefix(name), "\(line)") }
    #expect(Set(lines.dropLast().map(\.count)).count == 1, "the columns are straight")
  }

  @Test func framesAreNotNegative() throws {
    let images = try Tensor(zeros: .u8, [2, 3, 3])
    let grid = try ImageGrid(images: images)
    #expect(try grid.pixels(frame: -1) == grid.pixels(frame: 0))
  }
}
