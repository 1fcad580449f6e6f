import Apus
import TestSupport
import Testing

@Suite struct IndexingGradientTests {
  /// Indices with duplicates and one from the end.
  private func indices(_ builder: GraphBuilder, _ shape: [Int], below size: Int) throws -> Value {
    let count = shape.reduce(1, *)
    return try builder.constant(
      Tensor((0..<count).map { Int64(($0 * 7 + 1) % size) - ($0 == 1 ? Int64(size) : 0) }, shape))
  }

  @Test func gather() throws {
    for (shape, indexShape, axis) in [
      ([5], [3], 0), ([4, 3], [2, 3], 0), ([2, 4, 2], [5], 1), ([3], [], 0), ([2, 3], [0], 1),
    ] {
      try expectGradients([samples(shape)]) { builder, p in
        try p[0].gather(indices(builder, indexShape, below: shape[axis]), axis: axis).tanh()
      }
    }
  }

  @Test func scatterAdd() throws {
    for (shape, updates, axis) in [([4, 2], [5, 2], 0), ([2, 3], [2, 6], -1)] {
      try expectGradients([samples(shape), samples(updates, stream: 1)]) { builder, p in
        let count = axis == 0 ? updates[0] : updates[1]
        return try p[0].scatterAdd(indices(builder, [count], below: 3), p[1], axis: axis).tanh()
      }
    }
  }

  @Test func alongAxis() throws {
    try expectGradients([samples([3, 4])]) { builder, p in
      try p[0].takeAlongAxis(indices(builder, [3, 6], below: 4), axis: 1).tanh()
    }
    try expectGradients([samples([3, 4]), samples([5, 4], stream: 1)]) { builder, p in
      try p[0].putAlongAxisAdd(indices(builder, [5, 4], below: 3), p[1], axis: 0).tanh()
    }
  }

  @Test func sorting() throws {
    for descending in [false, true] {
      for axis in [0, 1] {
        try expectGradients([distinctSamples([3, 4])]) { _, p in
          try p[0].sorted(axis: axis, descending: descending).tanh()
        }
      }
    }
    try expectGradients([distinctSamples([2, 5])]) { _, p in try p[0].topK(3).values.tanh() }
    try expectGradients([distinctSamples([2, 5])]) { _, p in try p[0].topK(0).values.tanh() }
  }

  /// Positions have no derivative: asking for one names the operator.
  @Test func positionsHaveNoGradient() throws {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f64, [3])
    let loss = try x.argSort().cast(to: .f64).sum()
    expectError("arg_sort") { try gradients(of: loss, withRespectTo: [x]) }
    let top = try x.topK(2).indices.cast(to: .f64).sum()
    expectError("top_k") { try gradients(of: top, withRespectTo: [x]) }
  }

  /// Noise is a constant to its derivative.
  @Test func throughNoise() throws {
    try expectGradients([samples([4])]) { builder, p in
      let counter = try builder.constant(Tensor(scalar: Int64(3)))
      return try (p[0] * builder.randomNormal(counter, .f64, [4], seed: 1)).tanh()
    }
  }
}
