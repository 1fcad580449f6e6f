import Apus
import ApusCore
import ApusNative
import Foundation
import TestSupport
import Testing

@testable import ApusLowering

@Suite struct ProcessorModelTests {
  static let path = "Tests/ApusLoweringTests/Resources/choices.txt"

  /// Prints what is chosen for each processor. A difference is a decision: it changes speed, and how sums are rounded.
  @Test func choicesAreThoseOfTheFile() throws {
    let text = ProcessorModel.known.map { ProcessorChoices(name: $0.name, processor: $0.model).text }
      .joined(separator: "\n")
    print(text)
    if ProcessInfo.processInfo.environment["APUS_UPDATE"] != nil {
      try text.write(to: Repository.file(Self.path), atomically: true, encoding: .utf8)
    }
    let expected = try Repository.text(Self.path)
    let difference = zip(
      expected.split(separator: "\n", omittingEmptySubsequences: false),
      text.split(separator: "\n", omittingEmptySubsequences: false)
    ).first { $0 != $1 }
    #expect(
      text == expected,
      """
      \(Self.path) says
      \(difference?.0 ?? "less")
      and now it is
      \(difference?.1 ?? "less")
      accept it with: APUS_UPDATE=1 swift test --filter ProcessorModelTests
      """)
  }

  @Test func modelsFitTogether() {
    for (name, model) in ProcessorModel.known {
      #expect(model.firstCache.bytes < model.secondCache.bytes, "\(name)")
      #expect(model.secondCache.bytes < model.lastCache.bytes, "\(name)")
      #expect(model.firstCache.bytes % (model.firstCache.ways * model.lineBytes) == 0, "\(name)")
      #expect(model.firstCache.bandwidth >= model.secondCache.bandwidth, "\(name)")
      #expect(model.secondCache.bandwidth >= model.lastCache.bandwidth, "\(name)")
      #expect(model.lastCache.bandwidth > model.memoryBandwidth, "\(name)")
      #expect(model.retainedBytes <= model.lastCache.bytes, "\(name)")
      #expect(model.vectorBytes <= model.lineBytes, "\(name)")
      for m in [1, 7, 14, 32, 196, 3136] {
        for n in [1, 10, 64, 100, 1000] {
          let tile = ContractionTile.best(m: m, n: n, k: 256, lanes: model.floatLanes, processor: model)
          // Sums, vectors of the second operand, one element of the first.
          #expect(tile.rows * tile.vectors + tile.vectors + 1 <= model.vectorRegisters, "\(name): \(m) × \(n): \(tile)")
        }
      }
    }
  }

  /// Models that cut small sums and blocks as real ones cut large ones.
  static let small: [ProcessorModel] = {
    let host = NativeTarget.host.processor
    func model(cores: Int, _ first: Int, _ second: Int, _ last: Int, units: Int, sharing: Int) -> ProcessorModel {
      var model = host
      (model.name, model.cores, model.sharingCycles) = ("\(second) bytes", cores, sharing)
      (model.firstCache.bytes, model.secondCache.bytes, model.lastCache.bytes) = (first, second, last)
      (model.firstCache.ways, model.multiplyAddUnits) = (units, units)
      return model
    }
    return [
      model(cores: 3, 4 << 10, 16 << 10, 128 << 10, units: 1, sharing: 16),
      model(cores: 64, 8 << 10, 64 << 10, 192 << 10, units: 4, sharing: 4096),
    ]
  }()

  private static func floats(_ dimensions: [Int], stream: UInt64) throws -> Tensor {
    try Tensor(samples(dimensions, stream: stream).doubles().map { Float($0) }, dimensions)
  }

  /// A product whose k is cut, a row times a matrix that is streamed, a convolution by Winograd's algorithm in blocks, and
  /// what follows each.
  private static func graph() throws -> (graph: Graph, feeds: [Tensor]) {
    let builder = GraphBuilder("choices")
    let shapes: [[Int]] = [[48, 900], [900, 80], [1, 700], [700, 60], [2, 24, 24, 16], [3, 3, 16, 32], [32]]
    let x = try shapes.enumerated().map { try builder.parameter("x\($0)", .f32, Shape($1)) }
    let image = try (x[4].convolution(x[5], padding: .same) + x[6]).relu()
    let graph = try builder.build([
      x[0].matmul(x[1]).relu(), x[2].matmul(x[3]).tanh(), image, image.sum(axes: [1, 2]).transposed([1, 0]),
    ])
    return (graph, try shapes.enumerated().map { try floats($1, stream: UInt64($0)) })
  }

  @Test(arguments: small + [.zen4, .server64, .laptopAVX2]) func anyModelGivesTheNumbers(
    _ model: ProcessorModel
  ) throws {
    let (graph, feeds) = try Self.graph()
    var target = try NativeTarget.named(model.vectorBytes == 32 ? "x86-64-v3" : "x86-64-v4")
    guard target.isRunnable else { return }
    target.processor = model
    let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs
    let results = try [1, 3].map { workers in
      var backend = NativeBackend(workers: workers, target: target, verifies: true)
      backend.winogradTile = 4
      return try backend.compile(graph).run(feeds, variables: []).outputs
    }
    for (position, value) in expected.enumerated() {
      #expect(results[0][position] == results[1][position], "\(model.name): output \(position) by 1 and 3 workers")
      let difference = TensorComparison.firstDifference(value, results[0][position], tolerance: 1e-4)
      #expect(difference == nil, "\(model.name): output \(position)")
    }
  }

  /// The small models are of use only if they choose what the large ones choose for large shapes.
  @Test func smallModelsCutAndStream() throws {
    let (graph, _) = try Self.graph()
    for model in Self.small {
      var target = NativeTarget.host
      target.processor = model
      var backend = NativeBackend(workers: 2, target: target)
      backend.winogradTile = 4
      let names = try backend.plan(backend.optimized(graph)).program.kernels.map(\.name)
      #expect(names.contains { $0.contains("_from_") }, "\(model.name): \(names)")
      #expect(names.contains { $0.hasSuffix("_rows") }, "\(model.name): \(names)")
    }
  }
}
