import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

/// Emits one kernel as a function of a module:
/// `void name(ptr b0, …, ptr bn, ptr status, i64 firstUnit, i64 endUnit, i64 failureBase)`.
///
/// Nothing in it calls outside of it: every instruction has machine code on every target, and the target's own
/// instruction where there is one.
struct KernelEmitter {
  let ir: IRBuilder
  let kernel: Kernel
  let function: Handle?
  var values: [Handle?]

  var llvm: LLVMLibrary { ir.llvm }
  var builder: Handle { ir.builder }

  /// Adds the function to the module.
  /// - Parameter isInternal: whether only this module can call it.
  static func emit(_ kernel: Kernel, as name: String, in ir: IRBuilder, isInternal: Bool = false) throws {
    var emitter = KernelEmitter(kernel, name, ir)
    if isInternal { ir.llvm.setLinkage(emitter.function, Linkage.internal) }
    ir.llvm.positionAtEnd(ir.builder, ir.block(emitter.function, "entry"))
    try emitter.emit(kernel.body)
    _ = ir.llvm.returnVoid(ir.builder)
  }

  /// The types of a kernel's parameters.
  static func parameters(of kernel: Kernel, _ ir: IRBuilder) -> [Handle?] {
    let i64 = ir.int(64)
    return kernel.buffers.map { _ in ir.pointer } + [ir.pointer, i64, i64, i64]
  }

  private init(_ kernel: Kernel, _ name: String, _ ir: IRBuilder) {
    self.kernel = kernel
    self.ir = ir
    values = [Handle?](repeating: nil, count: kernel.types.count)
    function = ir.function(name, KernelEmitter.parameters(of: kernel, ir))
    // `captures(none)` of later releases; unknown names are skipped.
    for position in 0...kernel.buffers.count {
      ir.addEnumAttribute("nofree", to: function, at: AttributePlace.parameter(position))
      ir.addEnumAttribute("nocapture", to: function, at: AttributePlace.parameter(position))
    }
    // The status alone: kernels that work in place get one buffer as two of their arguments.
    ir.addEnumAttribute("noalias", to: function, at: AttributePlace.parameter(kernel.buffers.count))
  }

  func argument(_ position: Int) -> Handle? { llvm.parameter(function, UInt32(position)) }
  var status: Handle? { argument(kernel.buffers.count) }
  var failureBase: Handle? { argument(kernel.buffers.count + 3) }

  func value(_ register: Register) throws -> Handle? {
    guard values.indices.contains(register.index), let value = values[register.index] else {
      throw defect("\(register) is used before it is computed")
    }
    return value
  }

  func defect(_ reason: String) -> ApusError { .defect("kernel @\(kernel.name): \(reason)") }

  // MARK: Types

  func scalar(_ type: ScalarType) -> Handle? {
    switch type {
    case .f32: llvm.floatType(ir.context)
    case .f64: llvm.doubleType(ir.context)
    case .i1, .i8, .i16, .i32, .i64: ir.int(type.bits)
    }
  }

  func type(_ type: RegisterType) -> Handle? { ir.vector(scalar(type.scalar), type.lanes) }

  /// The same bits in each lane.
  func constant(_ bits: UInt64, _ type: RegisterType) -> Handle? {
    let integer = llvm.constInt(ir.int(type.scalar.bits), bits, Flag.no)
    let element = type.scalar.isFloating ? llvm.constBitCast(integer, scalar(type.scalar)) : integer
    guard type.lanes > 1 else { return element }
    var elements = [Handle?](repeating: element, count: type.lanes)
    return llvm.constVector(&elements, UInt32(type.lanes))
  }

  /// The number in each lane.
  func number(_ value: Double, _ type: RegisterType) -> Handle? {
    switch type.scalar {
    case .f32: constant(UInt64(Float(value).bitPattern), type)
    case .f64: constant(value.bitPattern, type)
    case .i1, .i8, .i16, .i32, .i64: constant(UInt64(bitPattern: Int64(value)), type)
    }
  }

  // MARK: Statements

  mutating func emit(_ block: Block) throws {
    for statement in block.statements {
      switch statement.instruction {
      case .loop(let loop): try emit(loop, statement.results)
      case .branch(let branch): try emit(branch, statement.results)
      case .whileLoop(let loop): try emit(loop, statement.results)
      case .store(let access, let value): try store(access, value)
      case .prefetch(let access, let level, let isWrite): try prefetch(access, into: level, isWrite: isWrite)
      case .fail(let condition, let code, let value): try fail(self.value(condition), code, self.value(value))
      default:
        guard statement.results.count == 1 else { throw defect("an instruction has \(statement.results) as results") }
        let result = statement.results[0]
        values[result.index] = try emit(statement.instruction, kernel.type(of: result))
      }
    }
  }

  /// An instruction that computes one value.
  private func emit(_ instruction: Instruction, _ type: RegisterType) throws -> Handle? {
    switch instruction {
    case .constant(let bits): return constant(bits, type)
    case .lanes:
      if type.lanes == 1 { return constant(0, type) }
      var elements = (0..<type.lanes).map { constant(UInt64($0), type.with(lanes: 1)) }
      return llvm.constVector(&elements, UInt32(type.lanes))
    case .firstUnit: return argument(kernel.buffers.count + 1)
    case .endUnit: return argument(kernel.buffers.count + 2)
    case .unary(let op, let x): return try unary(op, value(x), type)
    case .binary(let op, let a, let b): return try binary(op, value(a), value(b), type)
    case .multiplyAdd(let a, let b, let c):
      return try ir.intrinsic("llvm.fma", [self.type(type)], [value(a), value(b), value(c)])
    case .compare(let op, let a, let b): return try compare(op, value(a), value(b), kernel.type(of: a).scalar)
    case .select(let condition, let a, let b): return try ir.select(value(condition), value(a), value(b))
    case .convert(let op, let x): return try convert(op, value(x), from: kernel.type(of: x), to: type)
    case .splat(let x): return try splat(value(x), type)
    case .extract(let x, let lane):
      return try llvm.extractElement(builder, value(x), ir.constant(lane, bits: 32), "")
    case .shuffle(let a, let b, let positions): return try shuffle(a, b, positions)
    case .load(let access): return try load(access, type)
    case .store, .prefetch, .fail, .loop, .branch, .whileLoop:
      throw defect("a statement without a result stands where one is needed")
    }
  }

  private func splat(_ x: Handle?, _ type: RegisterType) -> Handle? {
    let vector = self.type(type)
    let first = llvm.insertElement(builder, llvm.poison(vector), x, ir.constant(0, bits: 32), "")
    return llvm.shuffleVector(
      builder, first, llvm.poison(vector), llvm.constNull(llvm.vectorType(ir.int(32), UInt32(type.lanes))), "")
  }

  /// Scalars count as vectors of one lane; LLVM has no such thing among its scalars.
  private func shuffle(_ a: Register, _ b: Register, _ positions: [Int]) throws -> Handle? {
    let lanes = kernel.type(of: a).lanes
    guard kernel.type(of: b).lanes == lanes, positions.allSatisfy({ (0..<(2 * lanes)).contains($0) }) else {
      throw defect("shuffle \(a), \(b) \(positions) names lanes that do not exist")
    }
    let (first, second) = (try value(a), try value(b))
    if lanes > 1, positions.count > 1 { return ir.shuffle(first, second, positions) }
    func lane(_ position: Int) -> Handle? {
      let source = position < lanes ? first : second
      return lanes == 1 ? source : llvm.extractElement(builder, source, ir.constant(position % lanes, bits: 32), "")
    }
    if positions.count == 1 { return lane(positions[0]) }
    var result = llvm.poison(llvm.vectorType(scalar(kernel.type(of: a).scalar), UInt32(positions.count)))
    for (index, position) in positions.enumerated() {
      result = llvm.insertElement(builder, result, lane(position), ir.constant(index, bits: 32), "")
    }
    return result
  }
}
