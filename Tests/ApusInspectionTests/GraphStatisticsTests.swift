import Apus
import Foundation
import TestSupport
import Testing

/// `GraphStatistics` against counts by hand.
@Suite struct GraphStatisticsTests {
  private static func statistics(_ name: String, batch: Int) throws -> GraphStatistics {
    let graph = try GraphFile.load(Repository.file("Graphs/Models/\(name).graph").path)[0]
    return GraphStatistics(try graph.specialized(["batch": batch]))
  }

  private static func row(_ layer: String, _ statistics: GraphStatistics) throws -> GraphStatistics.Row {
    try #require(statistics.layers.first { $0.layer == layer })
  }

  @Test func aConvolutionIsCounted() throws {
    let conv2 = try Self.row("conv2", Self.statistics("cnn", batch: 2))
    // 3 × 3 × 32 products and sums for each of 11 × 11 × 64 elements of two images, then bias and ReLU.
    let elements = 2 * 11 * 11 * 64
    #expect(conv2.flops == 2 * 3 * 3 * 32 * elements + elements + elements)
    #expect(conv2.parameters == 3 * 3 * 32 * 64 + 64)
    // The convolution reads its image and weights; bias and ReLU read and write the result.
    let image = 2 * 13 * 13 * 32
    #expect(
      conv2.bytes == 4 * (image + 3 * 3 * 32 * 64 + elements + (elements + 64 + elements) + (elements + elements)))
    #expect(conv2.nodes == 3)
    let intensity = try #require(conv2.intensity)
    #expect(abs(intensity - Double(conv2.flops) / Double(conv2.bytes)) < 1e-12)
  }

  @Test func viewsMoveNothing() throws {
    let flatten = try Self.row("flatten", Self.statistics("cnn", batch: 1))
    #expect(flatten.bytes == 0 && flatten.flops == 0 && flatten.intensity == nil)
  }

  @Test func theTotalIsThatOfTheLayers() throws {
    let all = try Self.statistics("resnet50", batch: 1)
    #expect(all.total.flops == all.layers.reduce(0) { $0 + $1.flops })
    #expect(all.total.bytes == all.layers.reduce(0) { $0 + $1.bytes })
    #expect(all.total.parameters == 25_557_032 + 53_120)
    #expect(all.total.peakBytes == all.layers.map(\.peakBytes).max())
    // He et al. count 3.8 · 10⁹ multiply-adds; version 1.5, which halves images later, has 4.1 · 10⁹.
    #expect(abs(Double(all.total.flops) / 2 - 4.1e9) < 0.05e9)
  }

  @Test func theTextHasALineForEachLayer() throws {
    let statistics = try Self.statistics("mlp", batch: 1)
    let lines = statistics.text.split(separator: "\n")
    #expect(lines.count == 3 + statistics.layers.count + 2)
    #expect(lines[1].hasPrefix("layer ") && lines[1].hasSuffix("peak memory"))
    #expect(lines.contains { $0.hasPrefix("hidden ") && $0.contains("  100,480  200,960  ") })
    #expect(Set(lines[1...].map(\.count)).count == 1, "the columns are straight")
  }

  @Test func theJSONHasTheSameNumbers() throws {
    let statistics = try Self.statistics("mlp", batch: 1)
    let data = try JSONEncoder().encode(statistics)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let total = try #require(object["total"] as? [String: Any])
    #expect(total["parameters"] as? Int == 101_770)
    #expect(total["flops"] as? Int == statistics.total.flops)
    #expect(total["peakBytes"] as? Int == statistics.total.peakBytes)
  }
}
