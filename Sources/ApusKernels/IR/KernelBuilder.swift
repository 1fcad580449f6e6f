import ApusCore

/// Builds the body of a kernel. Equal pure instructions in scope are one register, and integer arithmetic on constants is
/// done here: loop nests come out small, so that little is left to do for a compiler behind.
public final class KernelBuilder {
  public let target: VectorTarget
  public private(set) var buffers: [KernelBuffer] = []
  private var types: [RegisterType] = []
  private var blocks: [Block] = [Block()]
  /// Pure instructions of each open block.
  private var known: [[Key: Register]] = [[:]]
  private var constants: [Int: UInt64] = [:]

  private struct Key: Hashable {
    let instruction: Instruction
    let type: RegisterType
  }

  public init(target: VectorTarget) { self.target = target }

  /// Adds a buffer; its position is what `Access.buffer` names.
  public func buffer(_ dtype: DType, _ use: KernelBuffer.Use, count: Int) -> Int {
    buffers.append(KernelBuffer(dtype, use, count: count))
    return buffers.count - 1
  }

  /// The finished kernel.
  public func build(name: String, units: Int) -> Kernel {
    Kernel(name: name, buffers: buffers, units: units, body: blocks[0], types: types)
  }

  public func type(of register: Register) -> RegisterType { types[register.index] }

  // MARK: Instructions

  private func newRegister(_ type: RegisterType) -> Register {
    types.append(type)
    return Register(types.count - 1)
  }

  private func append(_ instruction: Instruction, results: [Register]) {
    blocks[blocks.count - 1].statements.append(Block.Statement(results: results, instruction: instruction))
  }

  /// Appends an instruction without side effects, or finds the register that has its value already.
  private func pure(_ instruction: Instruction, _ type: RegisterType) -> Register {
    let key = Key(instruction: instruction, type: type)
    for scope in known.reversed() { if let register = scope[key] { return register } }
    let register = newRegister(type)
    append(instruction, results: [register])
    known[known.count - 1][key] = register
    return register
  }

  /// The bits in each lane.
  public func constant(bits: UInt64, _ type: RegisterType) -> Register {
    let register = pure(.constant(bits: bits), type)
    constants[register.index] = bits
    return register
  }

  /// The number in each lane, rounded to the type.
  public func constant(_ value: Double, _ type: RegisterType) -> Register {
    switch type.scalar {
    case .f32: constant(bits: UInt64(Float(value).bitPattern), type)
    case .f64: constant(bits: value.bitPattern, type)
    case .i1: constant(bits: value != 0 ? 1 : 0, type)
    case .i8, .i16, .i32, .i64: constant(Int(value), type)
    }
  }

  /// The integer in each lane; a float type gets it rounded.
  public func constant(_ value: Int, _ type: RegisterType) -> Register {
    if type.scalar.isFloating { return constant(Double(value), type) }
    return constant(bits: KernelBuilder.truncated(UInt64(bitPattern: Int64(value)), type.scalar), type)
  }

  public func index(_ value: Int) -> Register { constant(value, .index) }

  /// The value of a register that is a known constant, as a signed integer.
  public func constantValue(of register: Register) -> Int? {
    constants[register.index].map { KernelBuilder.signed($0, type(of: register).scalar) }
  }

  public func firstUnit() -> Register { pure(.firstUnit, .index) }
  public func endUnit() -> Register { pure(.endUnit, .index) }
  /// 0, 1, 2, …
  public func lanes(_ type: RegisterType) -> Register { pure(.lanes, type) }

  public func unary(_ op: Unary, _ x: Register) -> Register { pure(.unary(op, x), type(of: x)) }

  public func binary(_ op: Binary, _ a: Register, _ b: Register) -> Register {
    let type = type(of: a)
    assert(type == self.type(of: b), "\(op): \(type) and \(self.type(of: b))")
    if let folded = folded(op, a, b, type) { return folded }
    return pure(.binary(op, a, b), type)
  }

  public func multiplyAdd(_ a: Register, _ b: Register, _ c: Register) -> Register {
    pure(.multiplyAdd(a, b, c), type(of: a))
  }

  public func compare(_ op: Comparison, _ a: Register, _ b: Register) -> Register {
    assert(type(of: a) == type(of: b), "\(op): \(type(of: a)) and \(type(of: b))")
    return pure(.compare(op, a, b), type(of: a).with(.i1))
  }

  public func select(_ condition: Register, _ a: Register, _ b: Register) -> Register {
    assert(type(of: a) == type(of: b), "select: \(type(of: a)) and \(type(of: b))")
    if a == b { return a }
    if type(of: condition).lanes == 1, let known = constants[condition.index] { return known != 0 ? a : b }
    return pure(.select(condition, a, b), type(of: a))
  }

  public func convert(_ op: Conversion, _ x: Register, to scalar: ScalarType) -> Register {
    pure(.convert(op, x), type(of: x).with(scalar))
  }

  /// The scalar in each of `lanes` lanes; the register itself for one lane.
  public func splat(_ x: Register, lanes: Int) -> Register {
    if lanes == type(of: x).lanes { return x }
    let type = type(of: x).with(lanes: lanes)
    if let bits = constants[x.index] { return constant(bits: bits, type) }
    return pure(.splat(x), type)
  }

  public func extract(_ x: Register, lane: Int) -> Register {
    if type(of: x).lanes == 1 { return x }
    if let bits = constants[x.index] { return constant(bits: bits, type(of: x).with(lanes: 1)) }
    return pure(.extract(x, lane: lane), type(of: x).with(lanes: 1))
  }

  public func shuffle(_ a: Register, _ b: Register, _ positions: [Int]) -> Register {
    pure(.shuffle(a, b, positions), type(of: a).with(lanes: positions.count))
  }

  // MARK: Memory

  /// `lanes` consecutive elements from `index` (in elements) on, or one for each lane of a vector `index`.
  public func load(_ buffer: Int, _ index: Register, lanes: Int = 1, mask: Register? = nil) -> Register {
    let type = RegisterType(buffers[buffer].dtype.scalarType, lanes: max(lanes, self.type(of: index).lanes))
    let register = newRegister(type)
    append(.load(Access(buffer: buffer, index: index, mask: mask)), results: [register])
    return register
  }

  public func store(_ buffer: Int, _ index: Register, _ value: Register, mask: Register? = nil) {
    assert(type(of: value).scalar == buffers[buffer].dtype.scalarType, "store of \(type(of: value))")
    append(.store(Access(buffer: buffer, index: index, mask: mask), value), results: [])
  }

  /// Hints that the cache line at `index` will be needed soon, in which level of the cache, and whether to be written.
  public func prefetch(_ buffer: Int, _ index: Register, level: Int = 1, isWrite: Bool = false) {
    append(.prefetch(Access(buffer: buffer, index: index), level: level, isWrite: isWrite), results: [])
  }

  /// Makes the run fail where the scalar condition holds; see `Instruction.fail`.
  public func fail(where condition: Register, code: Int, value: Register) {
    append(.fail(condition: condition, code: code, value: value), results: [])
  }

  // MARK: Nesting

  private func nested(_ body: () -> [Register]) -> Block {
    blocks.append(Block())
    known.append([:])
    let yields = body()
    known.removeLast()
    var block = blocks.removeLast()
    block.yields = yields
    return block
  }

  /// Rounds for `lower`, `lower + step`, … below `upper`.
  /// - Returns: the carried registers after the last round.
  @discardableResult
  public func loop(
    from lower: Register, to upper: Register, step: Int = 1, carrying initial: [Register] = [],
    _ body: (_ induction: Register, _ carried: [Register]) -> [Register]
  ) -> [Register] {
    if let lower = constantValue(of: lower), let upper = constantValue(of: upper) {
      if lower >= upper { return initial }
      // One round needs no loop.
      if lower + step >= upper { return body(index(lower), initial) }
    }
    let induction = newRegister(.index)
    let carried = initial.map { newRegister(type(of: $0)) }
    let block = nested { body(induction, carried) }
    let results = initial.map { newRegister(type(of: $0)) }
    append(
      .loop(
        Loop(
          induction: induction, lower: lower, upper: upper, step: step, carried: carried, initial: initial, body: block)
      ),
      results: results)
    return results
  }

  /// Rounds without carried registers.
  public func loop(from lower: Register, to upper: Register, step: Int = 1, _ body: (_ induction: Register) -> Void) {
    loop(from: lower, to: upper, step: step, carrying: []) { i, _ in
      body(i)
      return []
    }
  }

  public func loop(_ count: Int, _ body: (_ induction: Register) -> Void) {
    loop(from: index(0), to: index(count), body)
  }

  /// For each unit of this call.
  public func forEachUnit(_ body: (_ unit: Register) -> Void) { loop(from: firstUnit(), to: endUnit(), body) }

  /// Both blocks give registers of the same types.
  @discardableResult
  public func branch(
    _ condition: Register, then: () -> [Register], otherwise: () -> [Register] = { [] }
  ) -> [Register] {
    let first = nested(then)
    let second = nested(otherwise)
    let results = first.yields.map { newRegister(type(of: $0)) }
    append(.branch(Branch(condition: condition, then: first, otherwise: second)), results: results)
    return results
  }

  /// Rounds as long as `condition` holds.
  public func loop(
    carrying initial: [Register], while condition: ([Register]) -> Register, _ body: ([Register]) -> [Register]
  ) -> [Register] {
    let carried = initial.map { newRegister(type(of: $0)) }
    let test = nested { [condition(carried)] }
    let block = nested { body(carried) }
    let results = initial.map { newRegister(type(of: $0)) }
    append(
      .whileLoop(WhileLoop(carried: carried, initial: initial, condition: test, body: block)), results: results)
    return results
  }

  // MARK: Folding

  package static func truncated(_ bits: UInt64, _ type: ScalarType) -> UInt64 {
    type.bits == 64 ? bits : bits & (1 << UInt64(type.bits) - 1)
  }

  package static func signed(_ bits: UInt64, _ type: ScalarType) -> Int {
    let shift = 64 - type.bits
    return Int(Int64(bitPattern: bits << UInt64(shift)) >> Int64(shift))
  }

  /// Integer arithmetic on constants, and with neutral elements.
  private func folded(_ op: Binary, _ a: Register, _ b: Register, _ type: RegisterType) -> Register? {
    guard !type.scalar.isFloating else { return nil }
    let (x, y) = (constantValue(of: a), constantValue(of: b))
    switch op {
    case .add:
      if let x, let y { return constant(x &+ y, type) }
      if x == 0 { return b }
      if y == 0 { return a }
    case .subtract:
      if let x, let y { return constant(x &- y, type) }
      if y == 0 { return a }
    case .multiply:
      if let x, let y { return constant(x &* y, type) }
      if x == 1 { return b }
      if y == 1 { return a }
      if x == 0 { return a }
      if y == 0 { return b }
    case .divideUnsigned:
      if y == 1 { return a }
      if let x, let y, x >= 0, y > 0 { return constant(x / y, type) }
    case .remainderUnsigned:
      if y == 1 { return constant(0, type) }
      if let x, let y, x >= 0, y > 0 { return constant(x % y, type) }
    case .minimumSigned:
      if let x, let y { return constant(min(x, y), type) }
    case .maximumSigned:
      if let x, let y { return constant(max(x, y), type) }
    case .divide, .minimumNumber, .maximumNumber, .scaleByPowerOfTwo, .scaleNearOne, .divideSigned, .remainderSigned,
      .minimumUnsigned, .maximumUnsigned, .and, .or, .xor, .shiftLeft, .shiftRight, .shiftRightSigned:
      break
    }
    return nil
  }
}

/// Index arithmetic.
extension KernelBuilder {
  public func add(_ a: Register, _ b: Register) -> Register { binary(.add, a, b) }
  public func add(_ a: Register, _ b: Int) -> Register { binary(.add, a, constant(b, type(of: a))) }
  public func multiply(_ a: Register, _ b: Register) -> Register { binary(.multiply, a, b) }
  public func multiply(_ a: Register, _ b: Int) -> Register { binary(.multiply, a, constant(b, type(of: a))) }
}
