import ApusPresentation
import Testing

@Suite struct TerminalChartTests {
  @Test func aFallingLine() {
    let points = [(x: 0.0, y: 1.0), (x: 10, y: 0)]
    let chart = TerminalChart(curves: [.init(name: "loss", points: points)], width: 12, height: 4)
    let lines = chart.lines(inColors: false)
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("1 ┤") && lines[1].hasPrefix("0 ┤"))
    // High at the left, low at the right.
    #expect(Array(lines[0])[3] != " " && Array(lines[0]).last == " ")
    #expect(Array(lines[1])[3] == " " && Array(lines[1]).last != " ")
    #expect(lines[3].contains("━ loss"))
  }

  /// Every chart has its lines and no line is wider than asked, whatever the points.
  @Test func sizes() {
    let series: [[(x: Double, y: Double)]] = [
      [], [(0, 0)], [(0, .nan), (1, .infinity)], (0..<500).map { (Double($0), Double($0 % 7)) }, [(1, 5), (1, 5)],
      [(0, 1e300), (1, -1e300)],
    ]
    for points in series {
      for (width, height) in [(20, 4), (80, 14), (200, 50)] {
        let chart = TerminalChart(
          curves: [.init(name: "a", points: points), .init(name: "b", points: points)], width: width, height: height)
        let lines = chart.lines(inColors: false)
        #expect(lines.count == height)
        #expect(lines.dropLast().allSatisfy { $0.count <= width }, "\(width): \(lines.map(\.count))")
        #expect(!lines.joined().contains("\u{1B}") && chart.lines(inColors: true).joined().contains("\u{1B}"))
      }
    }
  }
}
