import Apus
import ApusGraph
import ApusOperators

/// How to make a node of an operator, with operands and attributes that fit.
struct Recipe: Sendable {
  /// The operator's name, or what a pattern of several is called.
  let name: String
  /// Nil for patterns.
  let op: (any Operator.Type)?
  /// How often it is drawn.
  let weight: Int
  /// Whether results are often much larger than operands.
  let isExplosive: Bool
  /// - Returns: the results; nil if the operator cannot stand here.
  let make: @Sendable (GraphMaker) throws -> [Value]?

  init(
    _ op: any Operator.Type, weight: Int = 2, isExplosive: Bool = false,
    _ make: @escaping @Sendable (GraphMaker) throws -> [Value]?
  ) {
    (name, self.op, self.weight, self.isExplosive, self.make) = (op.record.name, op, weight, isExplosive, make)
  }

  init(pattern name: String, weight: Int = 2, _ make: @escaping @Sendable (GraphMaker) throws -> [Value]?) {
    (self.name, op, self.weight, isExplosive, self.make) = (name, nil, weight, false, make)
  }
}

/// The recipes of all operators.
enum RecipeBook {
  /// Written out, for what its record does not say.
  private static let written =
    declarations + elementwise + shape + reduction + contraction + window + indexing + random + control + composite

  /// One for each operator of the catalog: written out, or taken from its record where it works element by element.
  static let operators: [Recipe] = OperatorCatalog.standard.types.compactMap { type in
    written.first { $0.op == type } ?? derived(type)
  }

  /// Operators without a recipe for their operands.
  static let missing: [String] = OperatorCatalog.standard.types
    .filter { type in !operators.contains { $0.op == type } }.map { $0.record.name }

  static let all = operators + patterns

  /// As often as they are drawn.
  static let weighted: [Recipe] = all.flatMap { [Recipe](repeating: $0, count: $0.weight) }

  /// Of an operator of one or more operands that broadcast against each other.
  private static func derived(_ type: any Operator.Type) -> Recipe? {
    let record = type.record
    guard record.traits.contains(.elementwise), !record.operands.isEmpty, record.regions.isEmpty,
      record.operands.allSatisfy({ $0.repetition == .once }), !record.attributes.contains(where: \.isRequired)
    else { return nil }
    return Recipe(type, weight: 3, isExplosive: explosive.contains { $0 == type }) { maker in
      let first = try maker.guarded(maker.some(record.operands[0].dtypes), type, 0)
      var operands = [first]
      for (position, operand) in record.operands.enumerated().dropFirst() {
        let x = operand.dtypes.contains(first.dtype) ? first.dtype : maker.dtype(operand.dtypes)
        operands.append(try maker.guarded(maker.partner(first, x), type, position))
      }
      if operands.count == 2, record.operands[0].dtypes == record.operands[1].dtypes, maker.random.chance(50) {
        operands.reverse()
      }
      return try maker.append(type.init(), operands)
    }
  }

  private static let explosive: [any Operator.Type] = [
    Exp.self, Expm1.self, Tan.self, Reciprocal.self, Divide.self, Rsqrt.self, ApusOperators.Multiply.self,
  ]

  /// Operands that must usually be positive for the result to be a number.
  fileprivate static let positive: [(op: any Operator.Type, operand: Int)] = [
    (Log.self, 0), (Log1p.self, 0), (Sqrt.self, 0), (Rsqrt.self, 0), (Reciprocal.self, 0), (Divide.self, 1),
    (Remainder.self, 1), (Power.self, 0),
  ]
}

extension GraphMaker {
  func append(_ op: any Operator, _ operands: [Value], regions: [Graph] = []) throws -> [Value] {
    func open(_ op: some Operator) throws -> [Value] { try builder.append(op, operands, regions: regions) }
    return try open(op)
  }

  /// `x`, or a positive value made of it where `op` asks for one.
  func guarded(_ x: Value, _ op: any Operator.Type, _ operand: Int) throws -> Value {
    guard [.f32, .f64].contains(x.dtype), random.chance(65),
      RecipeBook.positive.contains(where: { $0.op == op && $0.operand == operand })
    else { return x }
    return try x.abs() + 0.25
  }

  func numbers(_ x: Value) -> [Int] { x.shape.numbers ?? [] }

  /// An axis of a value of rank 1 or more, sometimes counted from the end.
  func axis(of x: Value) -> Int { random.int(0...(x.rank - 1)) - (random.chance(40) ? x.rank : 0) }

  /// Some axes in any order; nil, which means all, now and then.
  func axes(of x: Value) -> [Int]? {
    if random.chance(20) { return nil }
    let chosen = (0..<x.rank).filter { _ in random.chance(50) }.shuffled(using: &random)
    return chosen.map { random.chance(25) ? $0 - x.rank : $0 }
  }

  /// Positions below `size`, of this shape.
  func indices(_ shape: Shape, below size: Int, countsFromEnd: Bool) throws -> Value {
    let dtypes: [DType] = size <= 256 ? [.i32, .i64, .u8] : [.i32, .i64]
    let dtype = random.pick(dtypes)
    switch random.int(0...9) {
    case 0...1:
      let any = try fitting(TensorType(random.pick([.i32, .i64]), shape))
      return try any.maximum(0).minimum(Double(size - 1)).cast(to: dtype)
    case 2 where size * (shape.elementCount ?? 0) <= limit:
      return try fitting(TensorType(.f32, Shape(shape.dims + [.number(size)]))).argMax(axis: -1)
    default: return try leaf(TensorType(dtype, shape), .index(below: size, countsFromEnd: countsFromEnd))
    }
  }
}

extension RecipeBook {
  static let declarations = [
    Recipe(Parameter.self) { maker in
      guard maker.depth == 0 else { return nil }
      return [try maker.parameter(TensorType(maker.dtype(), maker.shape(rank: maker.random.int(0...4))), .any)]
    },
    Recipe(Variable.self) { maker in
      guard maker.depth == 0 else { return nil }
      return [try maker.variable(TensorType(maker.dtype(), maker.shape(rank: maker.random.int(0...4))), .any)]
    },
    Recipe(Constant.self) { maker in
      [try maker.constant(TensorType(maker.dtype(), maker.shape(rank: maker.random.int(0...3))))]
    },
  ]

  static let elementwise = [
    Recipe(Cast.self, weight: 4) { maker in
      [try maker.some(.any).cast(to: maker.dtype(.any))]
    },
    Recipe(Select.self, weight: 4) { maker in
      let a = try maker.some(.any)
      let b = try maker.partner(a)
      return [try maker.partner(a, .bool).select(a, b)]
    },
    Recipe(Power.self, isExplosive: true) { maker in
      let x = try maker.guarded(maker.float(), Power.self, 0)
      return [
        maker.random.chance(50)
          ? try x.power(maker.random.pick([2, 0.5, -1, 3, 0, 1.5])) : try x.power(maker.partner(x))
      ]
    },
    Recipe(CheckIndex.self, weight: 1) { maker in
      let size = maker.random.int(1...20)
      let x = try maker.indices(maker.shape(rank: maker.random.int(0...2)), below: size, countsFromEnd: false)
      return [try x.checkedIndex(below: size)]
    },
    Recipe(Clip.self) { maker in
      let x = try maker.some(.numeric)
      let low = maker.random.pick(x.dtype.isFloating ? [-2.0, -0.5, 0, -0.0] : [-2, 0, 1, 300])
      let high = low + maker.random.pick(x.dtype.isFloating ? [0, 0.5, 3] : [0, 3])
      return [try x.clip(low: ExactNumber(low), high: ExactNumber(high))]
    },
    Recipe(LeakyRelu.self) { maker in [try maker.float().leakyRelu(slope: maker.random.pick([0, 0.2, 1.5, -0.5]))] },
    Recipe(Elu.self) { maker in [try maker.float().elu(alpha: maker.random.pick([1, 0.3]))] },
    Recipe(Gelu.self) { maker in
      var op = Gelu()
      op.approximate = maker.random.chance(50)
      return try maker.append(op, [maker.float()])
    },
  ]

  static let random = [
    Recipe(RandomUniform.self) { maker in
      let counter = try maker.fitting(.scalar(.i64))
      let low = maker.random.pick([0, -1.0, 2.5])
      return [
        try maker.builder.randomUniform(
          counter, maker.random.pick([.f32, .f32, .f64]), maker.shape(rank: maker.random.int(0...3)),
          seed: maker.random.next() >> 1, low: low, high: low + maker.random.pick([1, 0.25]))
      ]
    },
    Recipe(RandomNormal.self) { maker in
      let counter = try maker.fitting(.scalar(.i64))
      return [
        try maker.builder.randomNormal(
          counter, maker.random.pick([.f32, .f32, .f64]), maker.shape(rank: maker.random.int(0...3)),
          seed: maker.random.next() >> 1, mean: maker.random.pick([0, 3]), deviation: maker.random.pick([1, 0.1, 0]))
      ]
    },
  ]
}
