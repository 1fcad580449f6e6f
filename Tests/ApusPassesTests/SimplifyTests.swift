import Apus
import TestSupport
import Testing

@Suite struct SimplifyTests {
  static let paths = FileTest.paths.filter { $0.contains("/simplify_") }

  /// Zeros of both signs, subnormal and extreme numbers, infinities, NaN.
  static let special: [Double] = [
    0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e-45, -1e-45, 3.4028234663852886e38, 1.17549435e-38, 0.1, -2.5, 3,
  ]

  private func tensor(_ type: TensorType, rotation: Int) throws -> Tensor {
    let dimensions = try #require(type.shape.numbers)
    let numbers = (0..<(Shape.elementCount(dimensions) ?? 0)).map { Self.special[($0 + rotation) % Self.special.count] }
    switch type.dtype {
    case .f32: return try Tensor(numbers.map { Float($0) }, dimensions)
    case .f64: return try Tensor(numbers, dimensions)
    case .f16: return try Tensor(numbers.map { Float16($0) }, dimensions)
    case .bf16, .i8, .u8, .i32, .i64, .bool: return try RandomInputs(seed: UInt64(rotation)).tensor("x", type)
    }
  }

  /// Rules hold bit for bit, NaN alone excepted, whose bits say nothing.
  @Test(arguments: paths) func rulesAreExactOnSpecialNumbers(_ path: String) throws {
    for graph in try FileTest(path).graphs where !graph.name.hasPrefix("keeps_") {
      let before = try graph.specialized(Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, 3) }))
      let after = try Pipeline([Simplify()]).run(before).graph
      for rotation in Self.special.indices {
        let feeds = try before.parameters.enumerated().map { position, id in
          try tensor(before.type(of: id), rotation: rotation * (position + 1) + position)
        }
        let results = try [before, after].map { graph in
          try Interpreter(graph).run(
            feeds, variables: graph.variables.map { try tensor($0.declaration.type, rotation: 0) }
          )
          .outputs
        }
        for (a, b) in zip(results[0], results[1]) {
          for (x, y) in zip(a.doubles(), b.doubles()) where !(x.isNaN && y.isNaN) {
            #expect(x.bitPattern == y.bitPattern, "\(path): @\(graph.name) gives \(y) instead of \(x) for \(feeds)")
          }
        }
      }
    }
  }
}
