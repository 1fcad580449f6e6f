import Apus
import ApusGraph
import ApusOperators
import Foundation

/// How far two right implementations of an operator may be apart, given the same operands.
///
/// This is what says that a difference between the interpreter and native code is rounding: see `Perturbation`.
enum Rounding {
  /// Not at all.
  case exact
  /// So many units in the last place of each result.
  case relative(Double)
  /// A sum of products of the floating-point operands at these positions: by the order of summation. Its error is
  /// relative to the sum of the terms' magnitudes, which the operator itself gives for the operands' magnitudes.
  case sum([Int])
  /// A product of all elements along some axes, by the order in which they are multiplied.
  case product
  /// Sums of an operand's elements times constants, or of products of two operands' elements that cancel on the way: so
  /// many units of the operands' largest numbers, multiplied.
  case ofLargest(Double)
  /// Of the largest numbers of each tile of Winograd's algorithm: see `WinogradRounding`.
  case tiled
  /// An element, but of zeros of both signs either one.
  case extremum
  /// As its parts are: composites and regions.
  case composed

  /// Nil for an operator that is not known here and does not work element by element.
  static func of(_ type: any Operator.Type) -> Rounding? {
    if let known = table[ObjectIdentifier(type)] { return known }
    if type is any CompositeOperator.Type || type is any ModeDependentOperator.Type { return .composed }
    // The claim of Docs/Native.md: functions of one number are off by less than 3 units.
    return type.record.traits.contains(.elementwise) ? .relative(4) : nil
  }

  private static let exactOperators: [any Operator.Type] = [
    Parameter.self, Variable.self, Constant.self, Negate.self, Abs.self, Sign.self, Floor.self, Ceil.self, Round.self,
    StopGradient.self, Not.self, Cast.self, Remainder.self, ApusOperators.Maximum.self, ApusOperators.Minimum.self,
    And.self, Or.self, Xor.self,
    Select.self, Equal.self, NotEqual.self, Less.self, LessEqual.self, Greater.self, GreaterEqual.self, IsNaN.self,
    IsFinite.self, CheckIndex.self, ReduceAny.self, ReduceAll.self, ArgMax.self,
    ArgMin.self, ApusOperators.Reshape.self, Transpose.self, Broadcast.self, Slice.self, Pad.self,
    ApusOperators.Concatenate.self, Reverse.self, ControlDependency.self, Iota.self, Size.self, ReduceWindowMax.self,
    ReduceWindowMin.self, WindowSelect.self, Gather.self,
    TakeAlongAxis.self, Sort.self, ArgSort.self, TopK.self, RandomUniform.self, RandomNormal.self,
  ]

  private static let table: [ObjectIdentifier: Rounding] = {
    var table: [ObjectIdentifier: Rounding] = [:]
    for type in exactOperators { table[ObjectIdentifier(type)] = .exact }
    let sums: [(any Operator.Type, [Int])] = [
      (ReduceSum.self, [0]), (CumulativeSum.self, [0]), (ReduceWindowSum.self, [0]), (WindowSumGradient.self, [0]),
      (Matmul.self, [0, 1]), (Convolution.self, [0, 1]), (ConvolutionInputGradient.self, [0, 1]),
      (ConvolutionFilterGradient.self, [0, 1]), (WindowScatter.self, [1]), (ScatterAdd.self, [1, 2]),
      (PutAlongAxisAdd.self, [1, 2]),
    ]
    for (type, operands) in sums { table[ObjectIdentifier(type)] = .sum(operands) }
    // Rounded rightly one by one, but products are taken into sums unrounded.
    for type in [
      ApusOperators.Add.self, ApusOperators.Subtract.self, ApusOperators.Multiply.self, Divide.self, Sqrt.self,
    ] as [any Operator.Type] {
      table[ObjectIdentifier(type)] = .relative(1.5)
    }
    table[ObjectIdentifier(ReduceProduct.self)] = .product
    for type in [ReduceMax.self, ReduceMin.self] as [any Operator.Type] { table[ObjectIdentifier(type)] = .extremum }
    // The largest sum of a row's magnitudes, squared for both sides, of all matrices is 121.
    table[ObjectIdentifier(WinogradTransform.self)] = .ofLargest(256)
    table[ObjectIdentifier(WinogradTranspose.self)] = .ofLargest(512)
    table[ObjectIdentifier(WinogradConvolution.self)] = .tiled
    table[ObjectIdentifier(WinogradFilterGradient.self)] = .tiled
    for type in [Fusion.self, If.self, While.self, Scan.self] as [any Operator.Type] {
      table[ObjectIdentifier(type)] = .composed
    }
    return table
  }()
}

/// A graph that rounds differently: each result is multiplied by, or gets added, a random number as large as its
/// operator's rounding may be. What its outputs do is what rounding does to the graph, however ill-conditioned it is,
/// jumps at comparisons included: Monte Carlo arithmetic, after Parker, "Monte Carlo arithmetic: exploiting randomness
/// in floating-point arithmetic", 1997.
struct Perturbation {
  var random: PhiloxGenerator
  /// Whether passes may have chosen another way to compute an operator, of an accuracy of its own.
  let passes: Bool

  init(seed: UInt64, passes: Bool) { (random, self.passes) = (PhiloxGenerator(seed: seed, stream: 7), passes) }

  mutating func perturbed(_ graph: Graph) throws -> Graph { try perturbed(expanded: graph.expandingComposites()) }

  private mutating func perturbed(expanded graph: Graph) throws -> Graph {
    try graph.rewritten(sharingEqualNodes: false) { node, operands, builder in
      let regions = try node.regions.map { try perturbed(expanded: $0) }
      let results = try builder.append(
        node.op, operands, regions: regions, names: graph.names(of: node), origin: node.origin)
      let type = graph.type(of: results.count == 1 ? node.result : node.results[0])
      guard results.count == 1, type.dtype == .f32 || type.dtype == .f64 else { return .replace(results) }
      let y = builder.value(results[0])
      switch Rounding.of(Swift.type(of: node.op)) {
      case .exact, .composed, nil: return .replace(results)
      case .extremum: return .replace([try eitherZero(y, of: builder.value(operands[0]), node.op).id])
      case .relative(let units):
        if passes, isJoin(node, graph) { return .replace([try y.equal(0).select(zeros(y), y).id]) }
        let moved = try scaled(y, units)
        guard node.op is ApusOperators.Multiply else { return .replace([moved.id]) }
        // A sum that takes in a product unrounded sees a number where the product alone overflows.
        let isOfNumbers = try builder.value(operands[0]).isFinite().and(builder.value(operands[1]).isFinite())
        let overflows = try isOfNumbers.and(y.isFinite().not())
        // The same of one that is too small to be a number: the sum has the sign that it had.
        let isOfOthers = try builder.value(operands[0]).equal(0).or(builder.value(operands[1]).equal(0)).not()
        let least = type.dtype == .f64 ? Double.leastNonzeroMagnitude : Double(Float.leastNonzeroMagnitude)
        let vanishes = try isOfNumbers.and(isOfOthers).and(y.equal(0))
        let seen = try vanishes.select(builder.constant(noise(type, least)), moved)
        return .replace([try overflows.select(builder.constant(anything(type)), seen).id])
      case .product:
        let moved = try scaled(y, 64)
        guard let op = node.op as? any ReductionOperator else { return .replace([moved.id]) }
        let stays = try staysInRange(builder.value(operands[0]), op)
        return .replace([try stays.select(moved, builder.constant(anything(type))).id])
      case .ofLargest(let units):
        let factors = operands.map(builder.value)
        if type.shape.elementCount == 0 || factors.contains(where: { $0.shape.elementCount == 0 }) {
          return .replace([y.id])
        }
        let bound = try factors.reduce(y.scalar(units)) { try $0 * $1.isFinite().select($1.abs(), $1.scalar(0)).max() }
        return .replace([try moved(y, within: bound).id])
      case .tiled:
        if type.shape.elementCount == 0 { return .replace([y.id]) }
        let bound = try WinogradRounding.bound(of: node.op, operands.map(builder.value), type)
        return .replace([try bound.map { try moved(y, within: $0).id } ?? y.id])
      case .sum(let positions):
        let magnitudes = try operands.enumerated().map { position, id in
          let x = builder.value(id)
          guard positions.contains(position) else { return id }
          // Infinite terms are infinite in any order.
          return try x.isFinite().select(x.abs(), x.scalar(0)).id
        }
        var sum = builder.value(try builder.append(node.op, magnitudes, origin: Origin())[0])
        if node.op is any ConvolutionOperator {
          // Whether the zeros of padding are multiplied is left open: it shows where the other factor is not finite.
          for id in operands { sum = try sum + notFinite(builder.value(id)) }
        }
        let size = (4 + terms(node, graph).squareRoot()) * epsilon(type.dtype)
        let signed = try y.equal(0).select(zeros(y), y)
        let other: Value
        if random.chance(25) {
          // What differs by rounding only may as well be equal: multiples of what rounding may do, or half of it. The
          // steps of sums that differ by rounding are equal, and so are the multiples but where a half falls between.
          let step = try powerOfTwo(sum * sum.scalar(size))
          other = try (signed / step + signed.scalar(random.unit() - 0.5)).rounded() * step
        } else {
          other = try reachingZero(
            signed, signed + sum * builder.constant(noise(type, size)), within: sum * sum.scalar(size))
        }
        let moved = try sum.equal(0).select(signed, other)
        let ends = try byWinograd(moved, node.op, operands.map(builder.value), magnitudes: sum)
        // Where terms overflow, or nearly, their order decides whether a sum is finite, infinite or neither.
        return .replace([try (sum * sum.scalar(4)).isFinite().select(ends, builder.constant(anything(type))).id])
      }
    }
  }

  /// A convolution's result as Winograd's algorithm may give it, if a pass may have chosen that.
  private mutating func byWinograd(
    _ y: Value, _ op: any Operator, _ operands: [Value], magnitudes: Value
  ) throws -> Value {
    guard passes, let bound = WinogradRounding.bound(ofDirect: op, operands, y.type) else { return y }
    let other = try moved(y, within: bound)
    // Forward, windows of zeros give zeros; gradients are what the algorithm leaves.
    return op is Convolution ? try magnitudes.equal(0).select(y, other) : other
  }

  /// An extremum, with a zero of either sign where zeros of both signs are among the elements.
  private mutating func eitherZero(_ y: Value, of x: Value, _ op: any Operator) throws -> Value {
    guard let fold = op as? any ReductionOperator else { return y }
    let inverse = try x.equal(0).select(x.reciprocal(), x.scalar(0))
    let hasPlus = try inverse.greater(x.scalar(0)).any(axes: fold.axes, keepDims: fold.keepDims)
    let hasMinus = try inverse.less(x.scalar(0)).any(axes: fold.axes, keepDims: fold.keepDims)
    return try hasPlus.and(hasMinus).and(y.equal(0)).select(zeros(y), y)
  }

  /// Whether a node adds padded values, or sums of such: a pass may put the parts side by side, and keeps a −0.
  private func isJoin(_ node: Node, _ graph: Graph) -> Bool {
    func isPadded(_ id: ValueID) -> Bool {
      let producer = graph.producer(of: id)
      return producer.op is Pad || isJoin(producer, graph)
    }
    return node.op is ApusOperators.Add && node.operands.allSatisfy(isPadded)
  }

  /// The largest power of two that is not larger, about: equal for numbers that differ by rounding, but for a few.
  private func powerOfTwo(_ x: Value) throws -> Value {
    let exponent = try (x.log() * x.scalar(1 / 0.6931471805599453)).floor()
    return try (exponent * x.scalar(0.6931471805599453)).exp()
  }

  /// Each element moved by some part of a bound, given in units of the last place of 1.
  private mutating func moved(_ y: Value, within bound: Value) throws -> Value {
    let noise = try y.builder.constant(noise(y.type, epsilon(y.dtype)))
    let moved = try reachingZero(
      y, y.equal(0).select(zeros(y), y) + bound * noise, within: bound * y.scalar(epsilon(y.dtype)))
    return try bound.isFinite().select(moved, y.builder.constant(anything(y.type)))
  }

  /// Results of all sizes below a bound that leaves even the sign open: a function of theirs may depend on those near 0,
  /// or near 1, of which hardly any is found by chance.
  private mutating func reachingZero(_ y: Value, _ other: Value, within bound: Value) throws -> Value {
    guard random.chance(40) else { return other }
    let count = y.type.shape.elementCount ?? 0
    func constant(_ values: [Double]) throws -> Value {
      let tensor = try Tensor(values, y.type.shape.numbers ?? [])
      return try y.builder.constant(y.dtype == .f64 ? tensor : Tensor(values.map { Float($0) }, tensor.dimensions))
    }
    let parts = try constant((0..<count).map { _ in random.chance(50) ? pow(10, -30 * random.unit()) : 1 })
    let sizes = try constant((0..<count).map { _ in random.chance(50) ? pow(10, 6 * random.unit() - 3) : 1e30 })
    let signs = try constant((0..<count).map { _ in random.chance(50) ? 1 : -1 })
    let isOpen = try bound.isFinite().and(y.abs().less(bound))
    return try isOpen.select((bound * parts).minimum(sizes) * signs, other)
  }

  /// Whether no order of multiplying leaves the range of normal numbers on the way: else the order decides between finite,
  /// infinite, zero and, where one of them meets the other, neither.
  private func staysInRange(_ x: Value, _ product: any ReductionOperator) throws -> Value {
    let isFactor = try x.isFinite().and(x.equal(0).not())
    let logarithm = try isFactor.select(x.abs(), x.scalar(1)).log()
    let limit = x.type.dtype == .f64 ? 708.0 : 87.0
    let (axes, keepDims) = (product.axes, product.keepDims)
    let up = try logarithm.maximum(x.scalar(0)).sum(axes: axes, keepDims: keepDims)
    let down = try logarithm.minimum(x.scalar(0)).sum(axes: axes, keepDims: keepDims)
    return try up.less(x.scalar(limit)).and(down.greater(x.scalar(-limit)))
  }

  /// NaN where an element is infinite or NaN, else 0.
  private func notFinite(_ x: Value) throws -> Value {
    try x.isFinite().all().select(x.scalar(0), x.scalar(.nan))
  }

  /// How many terms each element sums up, about.
  private func terms(_ node: Node, _ graph: Graph) -> Double {
    let results = max(1, graph.type(of: node.result).shape.elementCount ?? 1)
    let longest = graph.operandTypes(of: node).flatMap { $0.shape.numbers ?? [] }.max() ?? 1
    let flops = node.op.flopCount(graph.operandTypes(of: node), graph.resultTypes(of: node), node.regions)
    return Double(max(flops / results, longest))
  }

  private mutating func scaled(_ y: Value, _ most: Double) throws -> Value {
    // Neighbors are likely: a comparison may ask for one of them.
    let units = random.chance(25) ? min(1, most) : most
    // Not as a factor: those beside 1 are too far apart for some of y's neighbors, and for all of a subnormal number's.
    let part = try y * y.builder.constant(noise(y.type, units * epsilon(y.dtype)))
    let step = y.dtype == .f64 ? Double.leastNonzeroMagnitude : Double(Float.leastNonzeroMagnitude)
    let steps = try y.builder.constant(noise(y.type, units * step))
    var moved = try y + y.equal(0).select(y, part + steps)
    if random.chance(20) {
      // Numbers that differ by rounding may be equal.
      let step = try powerOfTwo(y.abs() * y.scalar(2 * units * epsilon(y.dtype)))
      let equal = try (y / step + y.scalar((random.unit() - 0.5) / 2)).rounded() * step
      moved = try step.equal(0).or(equal.isFinite().not()).select(moved, equal)
    }
    return try y.isFinite().select(moved, y)
  }

  /// Zeros of either sign: that of a sum of zeros is that of what it began with.
  private mutating func zeros(_ y: Value) throws -> Value {
    let values = (0..<(y.type.shape.elementCount ?? 0)).map { _ in random.chance(50) ? 0 : -0.0 }
    let dimensions = y.type.shape.numbers ?? []
    return try y.builder.constant(
      y.dtype == .f64 ? try Tensor(values, dimensions) : try Tensor(values.map { Float($0) }, dimensions))
  }

  /// Numbers, infinities and NaN: of all kinds, or all of one, so that sums of them may be of any kind too.
  private mutating func anything(_ type: TensorType) throws -> Tensor {
    let size = pow(10, 38 * random.unit())
    let kinds = [0, Double.nan, .infinity, -.infinity, 1, -1, size, -size]
    let one = random.pick(kinds)
    let isMixed = random.chance(50)
    let values = (0..<(type.shape.elementCount ?? 0)).map { _ in isMixed ? random.pick(kinds) : one }
    let dimensions = type.shape.numbers ?? []
    return type.dtype == .f64 ? try Tensor(values, dimensions) : try Tensor(values.map { Float($0) }, dimensions)
  }

  private func epsilon(_ dtype: DType) -> Double { dtype == .f64 ? Double.ulpOfOne : Double(Float.ulpOfOne) }

  /// Many of the numbers are at an end of the range: where two such meet, the largest error is near. As many are 0: what is
  /// exact in both ways, such as 0 - 1, stays so.
  private mutating func noise(_ type: TensorType, _ size: Double) throws -> Tensor {
    let values = (0..<(type.shape.elementCount ?? 0)).map { _ in
      size * (random.chance(30) ? 0 : random.chance(50) ? (random.chance(50) ? 1 : -1) : 2 * random.unit() - 1)
    }
    let dimensions = type.shape.numbers ?? []
    return type.dtype == .f64 ? try Tensor(values, dimensions) : try Tensor(values.map { Float($0) }, dimensions)
  }
}
