import ApusCore
import ApusPresentation
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct PresentationPlotTests {
  /// Whether a text is well-formed XML, by Foundation's parser.
  private func isWellFormed(_ text: String) -> Bool { XMLParser(data: Data(text.utf8)).parse() }

  private func occurrences(_ part: String, in text: String) -> Int { text.ranges(of: part).count }

  @Test func history() {
    let plot = LinePlot(
      title: "mlp on fashion-mnist",
      history: [
        ("accuracy", [0.8166, 0.8606]), ("loss", [0.5204, 0.3875]), ("val_accuracy", [0.8279, 0.85]),
        ("val_loss", [0.4744, 0.42]),
      ])
    #expect(plot.panels.map(\.title) == ["loss", "accuracy"])
    #expect(plot.panels[1].curves.map(\.name) == ["accuracy", "val_accuracy"])
    #expect(plot.panels[0].curves.map(\.isValidation) == [false, true])
    let svg = plot.svg()
    #expect(isWellFormed(svg))
    #expect(svg == plot.svg())
    // Two curves a panel and a sample of each in the legend; the validation ones dashed.
    #expect(occurrences("<polyline", in: svg) == 8)
    #expect(occurrences("stroke-dasharray", in: svg) == 4)
    #expect(occurrences("<circle", in: svg) == 8)
    #expect(svg.contains(">val_accuracy</text>"))
    #expect(svg.contains(">epoch</text>"))
  }

  @Test func golden() throws {
    let plot = LinePlot(title: "t", panels: [.init(title: "p", curves: [.init(name: "c", values: [1, 3])])])
    let golden = (#filePath as NSString).deletingLastPathComponent + "/Resources/plot.svg"
    #expect(try plot.svg() == String(contentsOfFile: golden, encoding: .utf8))
  }

  /// Values that are not finite split a curve, and a point between two gaps is a mark.
  @Test func gaps() {
    let values: [Double] = [1, 2, .nan, 4, .infinity, 5, 6, -.infinity]
    let long = values + [Double](repeating: 7, count: 40)
    func count(_ values: [Double]) -> (lines: Int, marks: Int) {
      let svg = LinePlot(title: "", panels: [.init(title: "", curves: [.init(name: "c", values: values)])]).svg()
      #expect(isWellFormed(svg))
      #expect(!svg.contains("nan") && !svg.contains("inf"))
      // One more line is in the legend.
      return (occurrences("<polyline", in: svg) - 1, occurrences("<circle", in: svg))
    }
    #expect(count(values) == (2, 5))
    #expect(count(long) == (3, 1))
    #expect(count([]) == (0, 0))
    #expect(count([.nan, .nan]) == (0, 0))
    #expect(count([0.5]) == (0, 1))
  }

  /// Every range of values gives ticks with labels that differ.
  @Test func ticks() {
    for values in [
      [0.0, 0], [5, 5], [-1e-12, 1e-12], [1e300, -1e300], [.greatestFiniteMagnitude, 0], [.leastNonzeroMagnitude, 0],
      [1, 1 + 1e-15],
      [1e6, 1.00001e6], [0.1, 0.10001], [-3, 1e9], [2e-7, 9e-7], [99, 101],
    ] as [[Double]] {
      let plot = LinePlot(title: "", panels: [.init(title: "", curves: [.init(name: "c", values: values)])])
      let svg = plot.svg()
      #expect(isWellFormed(svg))
      let labels = svg.matches(of: #/text-anchor="end"[^>]*>([^<]*)</#).map { String($0.1) }
      #expect(Set(labels).count == labels.count, "\(values): \(labels)")
      if values[0] != .leastNonzeroMagnitude { #expect((2...12).contains(labels.count), "\(values): \(labels)") }
    }
  }

  @Test func epochTicks() {
    for epochs in [1, 2, 3, 5, 10, 11, 37, 100, 1234] {
      let curve = LinePlot.Curve(name: "c", values: (0..<epochs).map(Double.init))
      let svg = LinePlot(title: "", panels: [.init(title: "", curves: [curve])]).svg()
      let labels = svg.matches(of: #/text-anchor="middle" fill="\#333333">([0-9.]+)</#).map { String($0.1) }
      #expect(labels.allSatisfy { Int($0) != nil } && (1...12).contains(labels.count), "\(epochs): \(labels)")
    }
  }

  @Test func escaping() {
    let plot = LinePlot(
      title: "a < b & \"c\" > d \u{0} \u{FFFE}",
      panels: [.init(title: "<p>", curves: [.init(name: "]]>&amp;" + String(repeating: "x", count: 99), values: [1])])])
    let svg = plot.svg()
    #expect(isWellFormed(svg))
    #expect(svg.contains("<title>a &lt; b &amp; &quot;c&quot; &gt; d \u{FFFD} \u{FFFD}</title>"))
    #expect(isWellFormed(LinePlot(title: "", panels: []).svg()))
  }

  @Test func writing() throws {
    let path = NSTemporaryDirectory() + "/apus-\(UUID().uuidString).svg"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let plot = LinePlot(title: "t", history: [("loss", [1, 0.5])])
    try plot.write(to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == plot.svg())
    #expect(throws: ApusError.self) { try plot.write(to: "/no/such/folder/x.svg") }
  }
}
