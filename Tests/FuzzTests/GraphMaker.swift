import Apus
import ApusGraph

/// Makes graphs that no person would write, of all operators there are: reproducible by seed.
///
/// A graph grows by recipes, one an operator. A recipe asks for operands (`some`, `fitting`, `partner`), which are values
/// the graph has, preferably recent ones, so that chains grow long; or new parameters, variables and constants.
final class GraphMaker {
  var random: PhiloxGenerator
  /// The sizes that most dimensions have: few, so that shapes meet.
  let sizes: [Int]
  /// The most elements a value may have.
  let limit: Int
  let isHuge: Bool
  /// Where nodes go now: the graph, or a region of it.
  private(set) var builder: GraphBuilder
  private(set) var pool: [Value] = []
  /// How many regions deep `builder` is.
  private(set) var depth = 0
  /// What parameters and variables may hold, by name.
  private(set) var domains: [String: Domain] = [:]
  /// Counts of recipes that gave a node, by operator.
  private(set) var counts: [String: Int] = [:]
  private var variables: [Value] = []
  private var parameters: [Value] = []
  private var nextName = 0
  var nextState = 0

  /// Tile and vector sizes of the native kernels are powers of 2 and 14: these lie on both sides of their edges.
  private static let interestingSizes = [
    1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 23, 29, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 257,
  ]

  /// The most elements of a huge graph's values.
  static let hugeLimit = 1 << 22

  /// - Parameter isHuge: whether values have up to `hugeLimit` elements, on both sides of the sizes from which native code
  ///   shares work, cuts products or passes by caches.
  init(seed: UInt64, isHuge: Bool = false) {
    random = PhiloxGenerator(seed: seed)
    self.isHuge = isHuge
    let isLarge = random.chance(4)
    let usual = isLarge ? 40_000 : random.pick([48, 300, 300, 1200, 1200, 4000])
    limit = isHuge ? random.pick([1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20, GraphMaker.hugeLimit]) : usual
    let most = isLarge ? 600 : usual / 2
    var sizes: [Int] = []
    if isHuge { sizes = [random.int(limit / 2...limit), random.int(200...2000), random.int(2...40)] }
    for _ in 0..<random.int(2...4) { sizes.append(min(random.pick(GraphMaker.interestingSizes), most)) }
    if isLarge { sizes.append(random.int(100...600)) }
    if random.chance(6) { sizes.append(0) }
    self.sizes = sizes
    builder = GraphBuilder("fuzz_\(seed)", sharingEqualNodes: false)
  }

  // MARK: The graph

  /// The graph, without symbols and modes.
  func build() throws -> Graph {
    for _ in 0..<random.int(2...4) { _ = try leaf(TensorType(dtype(), shape(rank: random.int(0...4)))) }
    _ = try leaf(TensorType(.f32, shape(rank: random.int(1...3))))
    try grow(isHuge ? random.int(2...6) : random.pick([3, 6, 10, 10, 16, 24]))
    if random.chance(35) { try differentiate() }
    if random.chance(50) { try updateVariables() }
    let graph = try builder.build(outputs())
    return try graph.bound(to: random.chance(60) ? .training : .inference)
  }

  /// Appends so many operators or patterns of them.
  func grow(_ count: Int) throws {
    for _ in 0..<count {
      let recipe = random.pick(RecipeBook.weighted)
      do {
        guard let values = try recipe.make(self) else { continue }
        counts[recipe.name, default: 0] += 1
        for value in values { add(value) }
        guard let last = values.last, last.dtype == .f32 || last.dtype == .f64 else { continue }
        if random.chance(recipe.isExplosive ? 60 : 15) { add(try damped(last)) }
        // An operand that does not fit after all; what it left behind is dead.
      } catch let error as ApusError where error.fault == .input {
        counts["refused: " + recipe.name, default: 0] += 1
      } catch is TypeError { counts["refused: " + recipe.name, default: 0] += 1 }
    }
  }

  func add(_ value: Value) {
    guard let count = value.shape.elementCount, count <= 4 * limit else { return }
    pool.append(value)
  }

  /// Kept small: else chains end in infinities, which hide what follows.
  func damped(_ x: Value) throws -> Value {
    switch random.int(0...4) {
    case 0: try x.tanh()
    case 1: try x.sigmoid()
    case 2: try x.softsign()
    case 3: try x.clip(low: -3, high: 2)
    default: try x * 0.125
    }
  }

  /// Gradients of a scalar that depends on some values.
  private func differentiate() throws {
    let candidates = pool.filter { [.f32, .f64].contains($0.dtype) }
    guard !candidates.isEmpty else { return }
    var loss: Value?
    for _ in 0..<random.int(1...2) {
      let x = random.chance(60) ? random.pick(Array(candidates.suffix(4))) : random.pick(candidates)
      let term = try (random.chance(50) ? x.tanh() : x * 0.5).sum().cast(to: .f32)
      loss = try loss.map { try $0 + term } ?? term
    }
    guard let loss else { return }
    let wanted = (variables + parameters).filter { [.f32, .f64].contains($0.dtype) }
    do {
      let found = try optionalGradients(of: loss, withRespectTo: wanted)
      pool.append(loss)
      for (value, gradient) in zip(wanted, found) {
        guard let gradient else { continue }
        pool.append(gradient)
        guard variables.contains(value), random.chance(70) else { continue }
        try? builder.update(value, to: value - gradient * 0.1)
      }
      if random.chance(15), let first = found.compactMap({ $0 }).first {
        let second = try optionalGradients(of: first.square().sum(), withRespectTo: wanted)
        pool += second.compactMap { $0 }
      }
      // No path, or none that has a gradient.
    } catch let error as ApusError where error.fault == .input { counts["refused: gradient", default: 0] += 1 }
  }

  private func updateVariables() throws {
    for variable in variables where random.chance(60) {
      let candidates = pool.filter { $0.type == variable.type && $0 != variable }
      guard !candidates.isEmpty else { continue }
      // One that is updated already keeps its update.
      try? builder.update(variable, to: random.pick(candidates))
    }
  }

  /// Some of the values that nothing reads, the latest of them for certain.
  private func outputs() -> [Value] {
    let readers = builder.graph.readers()
    let open = pool.filter { readers[$0.id.index].isEmpty && !(builder.graph.producer(of: $0.id).op is Parameter) }
    var result = Array(open.suffix(2))
    for value in open.dropLast(2) where random.chance(30) && result.count < 6 { result.append(value) }
    if random.chance(20), let any = pool.last(where: { !result.contains($0) }) { result.append(any) }
    return result.isEmpty ? Array(pool.suffix(1)) : result
  }

  // MARK: Types

  func dtype(_ allowed: DTypeSet = .comparable) -> DType {
    let weighted: [DType] = [
      .f32, .f32, .f32, .f32, .f32, .f32, .f64, .f64, .i32, .i32, .i64, .u8, .i8, .bool, .bool, .bf16, .f16,
    ]
    let choices = weighted.filter(allowed.contains)
    return choices.isEmpty ? .f32 : random.pick(choices)
  }

  func shape(rank: Int) -> Shape {
    var dims: [Int] = []
    var count = 1
    for _ in 0..<rank {
      var n = random.chance(12) ? 1 : random.pick(sizes)
      if count * n > limit { n = random.int(1...3) }
      if count * n > limit { n = 1 }
      dims.append(n)
      count *= max(n, 1)
    }
    dims.shuffle(using: &random)
    return Shape(dims)
  }

  // MARK: Operands

  /// A value of the graph, the recent ones more often.
  private func recent(_ candidates: [Value]) -> Value? {
    guard !candidates.isEmpty else { return nil }
    return random.chance(60) ? random.pick(Array(candidates.suffix(3))) : random.pick(candidates)
  }

  /// A value of one of these types.
  func some(_ dtypes: DTypeSet = .comparable, rank: ClosedRange<Int> = 0...5) throws -> Value {
    let candidates = pool.filter { dtypes.contains($0.dtype) && rank.contains($0.rank) }
    if random.chance(92), let value = recent(candidates) { return value }
    if random.chance(60), let value = recent(pool.filter { rank.contains($0.rank) }) {
      return try value.cast(to: dtype(dtypes))
    }
    return try leaf(TensorType(dtype(dtypes), shape(rank: random.int(rank.lowerBound...min(rank.upperBound, 4)))))
  }

  /// A floating-point value that can be computed with.
  func float(rank: ClosedRange<Int> = 0...5) throws -> Value { try some(.floating, rank: rank) }

  /// A value that broadcasts against `x`, of its element type unless another is given.
  func partner(_ x: Value, _ dtype: DType? = nil) throws -> Value {
    let dtype = dtype ?? x.dtype
    let candidates = pool.filter {
      guard $0.dtype == dtype, let shape = Shape.broadcast($0.shape, x.shape) else { return false }
      return shape.elementCount ?? 0 <= limit
    }
    if random.chance(80), let value = recent(candidates) { return value }
    var dims = x.shape.dims
    for axis in dims.indices where random.chance(25) { dims[axis] = 1 }
    if random.chance(30) { dims = Array(dims.suffix(random.int(0...dims.count))) }
    return try fitting(TensorType(dtype, Shape(dims)))
  }

  /// A value of exactly this type, made of one of the graph where there is none.
  func fitting(_ type: TensorType, isComputed: Bool = false) throws -> Value {
    let builder = builder
    let same = pool.filter {
      $0.type == type && !(isComputed && builder.graph.producer(of: $0.id).op.traits.contains(.declaration))
    }
    if random.chance(75), let value = recent(same) { return value }
    if random.chance(40), let value = recent(pool.filter { $0.shape == type.shape }) {
      return try value.cast(to: type.dtype)
    }
    if random.chance(60), let value = recent(pool.filter { $0.dtype == type.dtype && $0.shape.elementCount ?? 0 > 0 }) {
      return try molded(value, type.shape)
    }
    return try leaf(type)
  }

  /// The elements of `x` in another shape: some left out, or some more than once.
  private func molded(_ x: Value, _ shape: Shape) throws -> Value {
    let (have, want) = (x.shape.elementCount ?? 0, shape.elementCount ?? 0)
    if Shape.broadcast(x.shape, shape) == shape { return try x.broadcast(to: shape) }
    var flat = try x.reshaped(Shape([have]))
    if have < want {
      let copies = (want + have - 1) / have
      flat = try flat.broadcast(to: Shape([copies, have])).reshaped(Shape([copies * have]))
    }
    let count = flat.shape.elementCount ?? 0
    if count > want {
      let step = want > 1 && random.chance(30) ? (count - 1) / (want - 1) : 1
      let start = random.int(0...max(0, count - max(0, want - 1) * step - 1))
      flat = try flat.sliced(
        starts: [start], limits: [want == 0 ? start : start + (want - 1) * step + 1], strides: [step])
    }
    return try flat.reshaped(shape)
  }

  /// A new parameter, variable or constant.
  func leaf(_ type: TensorType, _ domain: Domain? = nil) throws -> Value {
    let domain = domain ?? (random.chance(25) ? .coarse : .any)
    let kind = depth > 0 ? 9 : random.int(0...9)
    let value: Value
    switch kind {
    case 0...4: value = try parameter(type, domain)
    case 5...7: value = try variable(type, domain)
    default: value = try constant(type, domain)
    }
    add(value)
    return value
  }

  func parameter(_ type: TensorType, _ domain: Domain) throws -> Value {
    let value = try builder.parameter(name("x", domain), type.dtype, type.shape)
    parameters.append(value)
    return value
  }

  func variable(_ type: TensorType, _ domain: Domain) throws -> Value {
    let value = try builder.variable(name("w", domain), type.dtype, type.shape, .zeros)
    variables.append(value)
    return value
  }

  func constant(_ type: TensorType, _ domain: Domain = .any) throws -> Value {
    if random.chance(50) {
      let scalar = try builder.constant(random.tensor(type.with(shape: .scalar), domain))
      return try scalar.broadcast(to: type.shape)
    }
    return try builder.constant(random.tensor(type, domain))
  }

  private func name(_ prefix: String, _ domain: Domain) -> String {
    nextName += 1
    let name = "\(prefix)\(nextName)"
    domains[name] = domain
    return name
  }

  // MARK: Regions

  /// A region whose values grow from its parameters alone.
  /// - Parameter body: gives what the region returns.
  func region(_ types: [TensorType], _ body: ([Value]) throws -> [Value]) throws -> Graph {
    let (outer, outerPool) = (builder, pool)
    builder = GraphBuilder("region", sharingEqualNodes: false)
    depth += 1
    defer {
      (builder, pool) = (outer, outerPool)
      depth -= 1
    }
    let arguments = try types.enumerated().map { try builder.parameter("p\($0)", $1.dtype, $1.shape) }
    pool = arguments
    if pool.isEmpty { _ = try leaf(TensorType(.f32, shape(rank: 1))) }
    return try builder.build(body(arguments))
  }
}
