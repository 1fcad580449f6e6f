import Apus
import TestSupport

/// Graphs that no person would write, for comparing what they compute before and after passes: reproducible by seed.
struct RandomGraph {
  private var generator: PhiloxGenerator
  private let builder: GraphBuilder
  private var values: [Value] = []

  static func make(_ seed: UInt64) throws -> Graph {
    var random = try RandomGraph(seed)
    return try random.build()
  }

  private init(_ seed: UInt64) throws {
    generator = PhiloxGenerator(seed: seed)
    // Equal nodes stay apart, so that merging them has something to do.
    builder = GraphBuilder("random_\(seed)", sharingEqualNodes: false)
  }

  private mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: choices.indices, using: &generator)] }

  /// Recent values are picked more often: chains grow long.
  private mutating func operand() -> Value {
    let near = values.suffix(4)
    return Bool.random(using: &generator) ? pick(Array(near)) : pick(values)
  }

  private mutating func operand(like x: Value) -> Value {
    pick(values.filter { $0.shape == x.shape })
  }

  private mutating func build() throws -> Graph {
    values = [
      try builder.parameter("x", .f32, ["n", 4]), try builder.parameter("y", .f32, ["n", 4]),
      try builder.parameter("row", .f32, [4]), try builder.variable("w", .f32, [4, 4]),
      try builder.variable("s", .f32, [4], .ones), try builder.constant(Tensor([1, 2, -0.0, 0.5] as [Float])),
    ]
    let variable = values[4]
    while values.count < 36 { try grow() }
    var outputs = [values[values.count - 1]]
    for _ in 0..<2 { outputs.append(operand()) }
    if Bool.random(using: &generator), let value = values.last(where: { $0.shape == variable.shape }) {
      try builder.update(variable, to: value)
    }
    return try builder.build(outputs)
  }

  private mutating func grow() throws {
    let x = operand()
    switch Int.random(in: 0..<15, using: &generator) {
    case 0, 1: values.append(try unary(x))
    case 2, 3: values.append(try binary(x, operand(like: x)))
    case 4: values.append(try x * builder.constant(pick([1, 0, -0.0, 2, 0.25, .infinity])))
    case 5: values.append(try x + builder.constant(pick([0, -0.0, 1])))
    case 6: values.append(try x / builder.constant(pick([1, 2, 3, 0.5])))
    case 7 where x.rank == 2:
      let product = try x.matmul(values[3], transposeB: Bool.random(using: &generator))
      values.append(Bool.random(using: &generator) ? product : try product * values[4] + values[2])
    case 8 where x.rank == 2: values.append(try x * values[4] + values[2])
    case 9 where x.rank == 2: values.append(try x - x.max(axes: [1], keepDims: true))
    case 10 where x.rank == 2: values.append(try x.transposed().transposed())
    case 11: values.append(try x.greater(operand(like: x)).select(x, unary(x)))
    case 12 where x.rank == 2: values.append(try x.softmax(axis: -1))
    case 13: values.append(try special(x))
    case 14: values.append(try x.reshaped(Shape([1] + x.shape.dims)).reshaped(x.shape))
    default: values.append(try unary(x))
    }
  }

  /// Nothing that amplifies rounding: results stay small, and comparisons see equal numbers.
  private mutating func unary(_ x: Value) throws -> Value {
    switch Int.random(in: 0..<7, using: &generator) {
    case 0: try -x
    case 1: try x.abs()
    case 2: try x.tanh()
    case 3: try x.relu()
    case 4: try (-x).tanh()
    case 5: try x.stopGradient()
    default: try x.sigmoid()
    }
  }

  /// What only a few passes look for.
  private mutating func special(_ x: Value) throws -> Value {
    switch Int.random(in: 0..<5, using: &generator) {
    case 4 where x.rank == 2:
      let image = try x.matmul(values[3]).tanh().reshaped(Shape([x.shape[0], 2, 2, 1]))
      let filter = try values[3].reshaped([16]).sliced(axis: 0, from: 0, to: 9).reshaped([3, 3, 1, 1])
      return try image.convolution(filter, padding: .same).reshaped(x.shape)
    case 0: return try x.tanh() / (x.abs() + 1).sqrt()
    case 1 where x.rank == 2:
      let halves = try (x.sliced(axis: 1, from: 0, to: 2), x.sliced(axis: 1, from: 2, to: 4))
      return try halves.1.padded(low: [0, 0], high: [0, 2]) + halves.0.padded(low: [0, 2], high: [0, 0])
    case 2 where x.rank == 2: return try x + x.argMax(axis: 1, keepDims: true).cast(to: .f32)
    default: return try builder.fusion([x]) { try [$0[0].tanh().abs()] }[0]
    }
  }

  private mutating func binary(_ x: Value, _ y: Value) throws -> Value {
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: try x + y
    case 1: try x - -y
    case 2: try x.tanh() * y
    case 3: try x.maximum(y)
    case 4: try x + -y
    default: try x.minimum(y)
    }
  }
}
