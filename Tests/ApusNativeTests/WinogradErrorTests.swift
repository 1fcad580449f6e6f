import Apus
import ApusNative
import TestSupport
import Testing

/// How far Winograd's algorithm in `f32` is from the direct sum in `f64`, layer after layer of a network.
@Suite struct WinogradErrorTests {
  /// Four convolutions with ReLU, the weights as He et al. (2015) begin with them, all layers as outputs.
  private static func network(_ dtype: DType) throws -> Graph {
    let builder = GraphBuilder("network")
    var x = try builder.parameter("x", dtype, [1, 28, 28, 64])
    var layers: [Value] = []
    for layer in 1...4 {
      let w = try builder.variable("w\(layer)", dtype, [3, 3, 64, 64], .heNormal)
      x = try x.convolution(w, padding: .same).relu()
      layers.append(x)
    }
    return try builder.build(layers)
  }

  /// The root of the errors' squares over that of the values'.
  private static func relativeError(_ a: Tensor, _ reference: Tensor) -> Double {
    let pairs = zip(a.doubles(), reference.doubles())
    let error = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (error / reference.doubles().reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  @Test(arguments: [(0, 1e-5), (2, 2e-6), (4, 1e-5), (6, 2e-5)])
  func errorsStayBounded(_ tile: Int, _ bound: Double) throws {
    let graph = try Self.network(.f32)
    let weights = try graph.variables.map { try $0.declaration.initialValue(seed: 1) }
    let image = try Tensor(samples([1, 28, 28, 64], stream: 9).doubles().map { Float(abs($0)) }, [1, 28, 28, 64])
    func double(_ tensor: Tensor) throws -> Tensor { try Tensor(tensor.doubles(), tensor.dimensions) }
    let reference = try InterpreterBackend().prepare(Self.network(.f64))
      .run([double(image)], variables: weights.map(double)).outputs
    var backend = NativeBackend(workers: 2)
    backend.winogradTile = tile
    #expect(try backend.plan(backend.optimized(graph)).program.kernels.contains { $0.name.hasPrefix("winograd") })
    let layers = try backend.compile(graph).run([image], variables: weights).outputs
    for (number, (layer, expected)) in zip(layers, reference).enumerated() {
      let error = Self.relativeError(layer, expected)
      #expect(error < bound, "tile \(tile), layer \(number + 1): \(error)")
      #expect(error > 1e-8, "tile \(tile), layer \(number + 1) is too good for this algorithm: \(error)")
    }
  }
}
