import ApusCore
import ApusKernels

/// Emits one kernel as a function of a module:
/// `void name(ptr b0, …, ptr bn, ptr status, i64 firstUnit, i64 endUnit, i64 failureBase)`.
struct KernelEmitter {
  let module: LLVMModule
  let kernel: Kernel
  private let function: Handle?
  private var values: [Handle?]

  private var llvm: LLVMLibrary { module.llvm }
  private var builder: Handle { module.builder }

  /// Adds the function to the module.
  static func emit(_ kernel: Kernel, as name: String, in module: LLVMModule) throws {
    var emitter = KernelEmitter(kernel, name, module)
    module.llvm.positionAtEnd(module.builder, module.block(emitter.function, "entry"))
    try emitter.emit(kernel.body)
    _ = module.llvm.returnVoid(module.builder)
  }

  private init(_ kernel: Kernel, _ name: String, _ module: LLVMModule) {
    self.kernel = kernel
    self.module = module
    values = [Handle?](repeating: nil, count: kernel.types.count)
    let pointer = module.pointer
    let i64 = module.int(64)
    function = module.function(
      name, kernel.buffers.map { _ in pointer } + [pointer, i64, i64, i64])
    for position in kernel.buffers.indices {
      // Buffers may be the same memory in place: no `noalias`.
      module.addEnumAttribute("nofree", to: function, at: UInt32(position + 1))
    }
  }

  private func argument(_ position: Int) -> Handle? { llvm.parameter(function, UInt32(position)) }
  private var status: Handle? { argument(kernel.buffers.count) }

  private func value(_ register: Register) throws -> Handle? {
    guard let value = values[register.index] else {
      throw ApusError.defect("kernel @\(kernel.name): \(register) is used before it is computed")
    }
    return value
  }

  // MARK: Types

  private func scalar(_ type: ScalarType) -> Handle? {
    switch type {
    case .f32: llvm.floatType(module.context)
    case .f64: llvm.doubleType(module.context)
    case .i1, .i8, .i16, .i32, .i64: module.int(type.bits)
    }
  }

  private func type(_ type: RegisterType) -> Handle? {
    type.lanes == 1 ? scalar(type.scalar) : llvm.vectorType(scalar(type.scalar), UInt32(type.lanes))
  }

  /// As elements lie in memory: truth values as bytes.
  private func memoryType(_ dtype: DType, lanes: Int) -> Handle? {
    let element = dtype == .bool ? module.int(8) : scalar(dtype.scalarType)
    return lanes == 1 ? element : llvm.vectorType(element, UInt32(lanes))
  }

  private func constant(_ bits: UInt64, _ type: RegisterType) -> Handle? {
    let integer = llvm.constInt(module.int(type.scalar.bits), bits, 0)
    let element = type.scalar.isFloating ? llvm.constBitCast(integer, scalar(type.scalar)) : integer
    guard type.lanes > 1 else { return element }
    var elements = [Handle?](repeating: element, count: type.lanes)
    return llvm.constVector(&elements, UInt32(type.lanes))
  }

  // MARK: Statements

  private mutating func emit(_ block: Block) throws {
    for statement in block.statements {
      switch statement.instruction {
      case .loop(let loop): try emit(loop, statement.results)
      case .branch(let branch): try emit(branch, statement.results)
      case .whileLoop(let loop): try emit(loop, statement.results)
      case .store(let access, let value): try store(access, self.value(value))
      case .fail(let condition, let code, let value):
        try fail(self.value(condition), code, self.value(value))
      default:
        let result = statement.results[0]
        values[result.index] = try emit(statement.instruction, kernel.type(of: result))
      }
    }
  }

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
      return try module.intrinsic("llvm.fma", [self.type(type)], [value(a), value(b), value(c)])
    case .compare(let op, let a, let b): return try compare(op, value(a), value(b), kernel.type(of: a).scalar)
    case .select(let condition, let a, let b):
      return try llvm.select(builder, value(condition), value(a), value(b), "")
    case .convert(let op, let x): return try convert(op, value(x), type)
    case .splat(let x): return try splat(value(x), type)
    case .extract(let x, let lane):
      return try llvm.extractElement(builder, value(x), module.constant(lane, bits: 32), "")
    case .shuffle(let a, let b, let positions):
      var mask = positions.map { module.constant($0, bits: 32) }
      return try llvm.shuffleVector(
        builder, value(a), value(b), llvm.constVector(&mask, UInt32(mask.count)), "")
    case .load(let access): return try load(access, type)
    case .store, .fail, .loop, .branch, .whileLoop:
      throw ApusError.defect("kernel @\(kernel.name): a statement without a result where one is needed")
    }
  }

  private func splat(_ x: Handle?, _ type: RegisterType) -> Handle? {
    let vector = self.type(type)
    let first = llvm.insertElement(builder, llvm.poison(vector), x, module.constant(0, bits: 32), "")
    return llvm.shuffleVector(
      builder, first, llvm.poison(vector), llvm.constNull(llvm.vectorType(module.int(32), UInt32(type.lanes))), "")
  }

  // MARK: Arithmetic

  private func unary(_ op: Unary, _ x: Handle?, _ type: RegisterType) -> Handle? {
    let own = self.type(type)
    switch op {
    case .negate: return llvm.floatNegate(builder, x, "")
    case .absolute: return module.intrinsic("llvm.fabs", [own], [x])
    case .squareRoot: return module.intrinsic("llvm.sqrt", [own], [x])
    case .floor: return module.intrinsic("llvm.floor", [own], [x])
    case .ceil: return module.intrinsic("llvm.ceil", [own], [x])
    case .round: return module.intrinsic("llvm.rint", [own], [x])
    case .not: return llvm.not(builder, x, "")
    case .countLeadingZeros: return module.intrinsic("llvm.ctlz", [own], [x, module.constant(0, bits: 1)])
    case .populationCount: return module.intrinsic("llvm.ctpop", [own], [x])
    case .reciprocalSquareRootEstimate:
      if hasAVX512, type == RegisterType(.f32, lanes: 16) {
        return module.intrinsic(
          "llvm.x86.avx512.rsqrt14.ps.512", [], [x, llvm.constNull(own), module.constant(-1, bits: 16)])
      }
      return llvm.binary(
        builder, Opcode.floatDivide, constant(oneBits(type.scalar), type),
        module.intrinsic("llvm.sqrt", [own], [x]), "")
    }
  }

  private func oneBits(_ type: ScalarType) -> UInt64 {
    type == .f64 ? Double(1).bitPattern : UInt64(Float(1).bitPattern)
  }

  private var hasAVX512: Bool { module.target.vector == .avx512 && module.target.triple.hasPrefix("x86_64") }

  private func binary(_ op: Binary, _ a: Handle?, _ b: Handle?, _ type: RegisterType) -> Handle? {
    let isFloat = type.scalar.isFloating
    let own = self.type(type)
    func plain(_ opcode: UInt32) -> Handle? { llvm.binary(builder, opcode, a, b, "") }
    switch op {
    case .add: return plain(isFloat ? Opcode.floatAdd : Opcode.add)
    case .subtract: return plain(isFloat ? Opcode.floatSubtract : Opcode.subtract)
    case .multiply: return plain(isFloat ? Opcode.floatMultiply : Opcode.multiply)
    case .divide: return plain(Opcode.floatDivide)
    case .minimumNumber: return module.intrinsic("llvm.minnum", [own], [a, b])
    case .maximumNumber: return module.intrinsic("llvm.maxnum", [own], [a, b])
    case .scaleByPowerOfTwo: return scale(a, b, type)
    case .divideSigned: return plain(Opcode.divideSigned)
    case .divideUnsigned: return plain(Opcode.divideUnsigned)
    case .remainderSigned: return plain(Opcode.remainderSigned)
    case .remainderUnsigned: return plain(Opcode.remainderUnsigned)
    case .minimumSigned: return module.intrinsic("llvm.smin", [own], [a, b])
    case .maximumSigned: return module.intrinsic("llvm.smax", [own], [a, b])
    case .minimumUnsigned: return module.intrinsic("llvm.umin", [own], [a, b])
    case .maximumUnsigned: return module.intrinsic("llvm.umax", [own], [a, b])
    case .and: return plain(Opcode.and)
    case .or: return plain(Opcode.or)
    case .xor: return plain(Opcode.xor)
    case .shiftLeft: return plain(Opcode.shiftLeft)
    case .shiftRight: return plain(Opcode.shiftRight)
    case .shiftRightSigned: return plain(Opcode.shiftRightSigned)
    }
  }

  /// x · 2ⁿ. Without an instruction for it: by two factors whose exponents are in range, so that results below the
  /// normal numbers are rounded once and those above overflow.
  private func scale(_ x: Handle?, _ n: Handle?, _ type: RegisterType) -> Handle? {
    if hasAVX512, type.scalar.bits * type.lanes == 512 {
      let suffix = type.scalar == .f32 ? "ps" : "pd"
      return module.intrinsic(
        "llvm.x86.avx512.mask.scalef.\(suffix).512", [],
        [
          x, n, llvm.constNull(self.type(type)), module.constant(-1, bits: type.scalar == .f32 ? 16 : 8),
          module.constant(4, bits: 32),
        ])
    }
    let integer = type.with(type.scalar == .f32 ? .i32 : .i64)
    let (bias, mantissa): (UInt64, UInt64) = type.scalar == .f32 ? (127, 23) : (1023, 52)
    let limit = bias + mantissa + 2
    func number(_ value: UInt64) -> Handle? { constant(value, integer) }
    let exponent = module.intrinsic(
      "llvm.fptosi.sat", [self.type(integer), self.type(type)], [n])
    let clamped = module.intrinsic(
      "llvm.smax", [self.type(integer)],
      [
        module.intrinsic("llvm.smin", [self.type(integer)], [exponent, number(2 * limit)]),
        constant(KernelEmitter.negative(2 * limit, integer.scalar), integer),
      ])
    let half = llvm.binary(builder, Opcode.shiftRightSigned, clamped, number(1), "")
    let first = llvm.binary(builder, Opcode.shiftRightSigned, half, number(1), "")
    // Four factors 2^(n/4), the last taking what is left, stay within the normal exponents for all n of interest.
    let rest = llvm.binary(
      builder, Opcode.subtract, clamped, llvm.binary(builder, Opcode.multiply, first, number(3), ""), "")
    func power(_ e: Handle?) -> Handle? {
      let biased = llvm.binary(builder, Opcode.add, e, number(bias), "")
      return llvm.cast(
        builder, Opcode.bitCast, llvm.binary(builder, Opcode.shiftLeft, biased, number(mantissa), ""),
        self.type(type), "")
    }
    let factor = power(first)
    var result = x
    // The largest factors first, away from the subnormal numbers: only the last product may round.
    for _ in 0..<3 { result = llvm.binary(builder, Opcode.floatMultiply, result, factor, "") }
    return llvm.binary(builder, Opcode.floatMultiply, result, power(rest), "")
  }

  private static func negative(_ value: UInt64, _ type: ScalarType) -> UInt64 {
    let bits = UInt64(bitPattern: -Int64(value))
    return type.bits == 64 ? bits : bits & (1 << UInt64(type.bits) - 1)
  }

  private func compare(_ op: Comparison, _ a: Handle?, _ b: Handle?, _ type: ScalarType) -> Handle? {
    if type.isFloating {
      let predicate: UInt32
      switch op {
      case .equal: predicate = 1
      case .greater: predicate = 2
      case .greaterEqual: predicate = 3
      case .less, .lessUnsigned: predicate = 4
      case .lessEqual, .lessEqualUnsigned: predicate = 5
      case .notEqual: predicate = 14
      }
      return llvm.floatCompare(builder, predicate, a, b, "")
    }
    let predicate: UInt32
    switch op {
    case .equal: predicate = 32
    case .notEqual: predicate = 33
    case .lessUnsigned: predicate = 36
    case .lessEqualUnsigned: predicate = 37
    case .greater: predicate = 38
    case .greaterEqual: predicate = 39
    case .less: predicate = 40
    case .lessEqual: predicate = 41
    }
    return llvm.integerCompare(builder, predicate, a, b, "")
  }

  private func convert(_ op: Conversion, _ x: Handle?, _ type: RegisterType) throws -> Handle? {
    let own = self.type(type)
    func plain(_ opcode: UInt32) -> Handle? { llvm.cast(builder, opcode, x, own, "") }
    switch op {
    case .signExtend: return plain(Opcode.signExtend)
    case .zeroExtend: return plain(Opcode.zeroExtend)
    case .truncate: return plain(Opcode.truncate)
    case .signedToFloat: return plain(Opcode.signedToFloat)
    case .unsignedToFloat: return plain(Opcode.unsignedToFloat)
    case .extend: return plain(Opcode.floatExtend)
    case .narrow: return plain(Opcode.floatTruncate)
    case .bits: return plain(Opcode.bitCast)
    case .floatToSigned, .floatToUnsigned:
      guard let source = sourceType(x) else { throw ApusError.defect("a conversion of nothing") }
      return module.intrinsic(
        op == .floatToSigned ? "llvm.fptosi.sat" : "llvm.fptoui.sat", [own, source], [x])
    case .halfToFloat:
      let half = vector(llvm.halfType(module.context), type.lanes)
      return llvm.cast(builder, Opcode.floatExtend, llvm.cast(builder, Opcode.bitCast, x, half, ""), own, "")
    case .floatToHalf:
      let half = vector(llvm.halfType(module.context), type.lanes)
      return llvm.cast(builder, Opcode.bitCast, llvm.cast(builder, Opcode.floatTruncate, x, half, ""), own, "")
    }
  }

  private func vector(_ element: Handle?, _ lanes: Int) -> Handle? {
    lanes == 1 ? element : llvm.vectorType(element, UInt32(lanes))
  }

  private func sourceType(_ x: Handle?) -> Handle? { llvm.typeOf(x) }

  // MARK: Memory

  private func load(_ access: Access, _ type: RegisterType) throws -> Handle? {
    let dtype = kernel.buffers[access.buffer].dtype
    let memory = memoryType(dtype, lanes: type.lanes)
    let address = module.address(
      memoryType(dtype, lanes: 1), argument(access.buffer), try value(access.index))
    let isGather = kernel.type(of: access.index).lanes > 1
    var loaded: Handle?
    if isGather {
      let mask = try access.mask.map(value) ?? constant(1, RegisterType(.i1, lanes: type.lanes))
      loaded = maskedLoad("llvm.masked.gather", memory, addresses(type.lanes), address, dtype, mask)
    } else if let mask = try access.mask.map(value) {
      if type.lanes == 1 {
        // One element: no access at all where the mask does not hold.
        loaded = conditionalLoad(mask, address, memory, dtype)
      } else {
        loaded = maskedLoad("llvm.masked.load", memory, module.pointer, address, dtype, mask)
      }
    } else {
      loaded = llvm.load(builder, memory, address, "")
      llvm.setAlignment(loaded, UInt32(dtype.byteCount))
    }
    guard dtype == .bool else { return loaded }
    return llvm.integerCompare(builder, 33, loaded, llvm.constNull(memory), "")
  }

  private func addresses(_ lanes: Int) -> Handle? { llvm.vectorType(module.pointer, UInt32(lanes)) }

  private func maskedLoad(
    _ name: String, _ memory: Handle?, _ pointers: Handle?, _ address: Handle?, _ dtype: DType, _ mask: Handle?
  ) -> Handle? {
    let declaration = module.declaration(name, [memory, pointers])
    // Until release 21 the alignment was an operand.
    let hasAlignment = llvm.parameterCount(declaration) == 4
    let zero = llvm.constNull(memory)
    return module.call(
      declaration,
      hasAlignment
        ? [address, module.constant(dtype.byteCount, bits: 32), mask, zero] : [address, mask, zero])
  }

  private func conditionalLoad(_ mask: Handle?, _ address: Handle?, _ memory: Handle?, _ dtype: DType) -> Handle? {
    let start = llvm.insertBlock(builder)
    let (then, end) = (module.block(function, "load"), module.block(function, "loaded"))
    _ = llvm.conditionalJump(builder, mask, then, end)
    llvm.positionAtEnd(builder, then)
    let loaded = llvm.load(builder, memory, address, "")
    llvm.setAlignment(loaded, UInt32(dtype.byteCount))
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, end)
    let phi = module.phi(memory)
    module.addIncoming(phi, loaded, from: then)
    module.addIncoming(phi, llvm.constNull(memory), from: start)
    return phi
  }

  private func store(_ access: Access, _ stored: Handle?) throws {
    let dtype = kernel.buffers[access.buffer].dtype
    let lanes = llvm.lanes(of: llvm.typeOf(stored))
    let memory = memoryType(dtype, lanes: lanes)
    let value = dtype == .bool ? llvm.cast(builder, Opcode.zeroExtend, stored, memory, "") : stored
    let address = module.address(
      memoryType(dtype, lanes: 1), argument(access.buffer), try self.value(access.index))
    let isScatter = kernel.type(of: access.index).lanes > 1
    let alignment = module.constant(dtype.byteCount, bits: 32)
    if isScatter || (access.mask != nil && lanes > 1) {
      let mask = try access.mask.map(self.value) ?? constant(1, RegisterType(.i1, lanes: lanes))
      let declaration = module.declaration(
        isScatter ? "llvm.masked.scatter" : "llvm.masked.store",
        [memory, isScatter ? addresses(lanes) : module.pointer])
      let hasAlignment = llvm.parameterCount(declaration) == 4
      _ = module.call(
        declaration, hasAlignment ? [value, address, alignment, mask] : [value, address, mask])
    } else if let mask = try access.mask.map(self.value) {
      let (then, end) = (module.block(function, "store"), module.block(function, "stored"))
      _ = llvm.conditionalJump(builder, mask, then, end)
      llvm.positionAtEnd(builder, then)
      llvm.setAlignment(llvm.store(builder, value, address), UInt32(dtype.byteCount))
      _ = llvm.jump(builder, end)
      llvm.positionAtEnd(builder, end)
    } else {
      llvm.setAlignment(llvm.store(builder, value, address), UInt32(dtype.byteCount))
    }
  }

  /// The first failure of a run keeps its code and value.
  private func fail(_ condition: Handle?, _ code: Int, _ value: Handle?) throws {
    let (then, win, end) = (
      module.block(function, "fail"), module.block(function, "first"), module.block(function, "go_on")
    )
    _ = llvm.conditionalJump(builder, condition, then, end)
    llvm.positionAtEnd(builder, then)
    let own = llvm.binary(
      builder, Opcode.add, argument(kernel.buffers.count + 3), module.constant(code), "")
    let exchange = llvm.compareExchange(builder, status, module.constant(0), own, 7, 2, 0)
    _ = llvm.conditionalJump(builder, llvm.extractValue(builder, exchange, 1, ""), win, end)
    llvm.positionAtEnd(builder, win)
    _ = llvm.store(builder, value, module.address(module.int(64), status, module.constant(1)))
    _ = llvm.jump(builder, end)
    llvm.positionAtEnd(builder, end)
  }

  // MARK: Nesting

  private mutating func emit(_ loop: Loop, _ results: [Register]) throws {
    let (lower, upper) = (try value(loop.lower), try value(loop.upper))
    let initial = try loop.initial.map(value)
    let (body, exit) = (module.block(function, "loop"), module.block(function, "done"))
    let entry = llvm.insertBlock(builder)
    let enters = llvm.integerCompare(builder, 40, lower, upper, "")
    _ = llvm.conditionalJump(builder, enters, body, exit)

    llvm.positionAtEnd(builder, body)
    let induction = module.phi(module.int(64))
    let carried = loop.carried.map { module.phi(type(kernel.type(of: $0))) }
    values[loop.induction.index] = induction
    for (register, phi) in zip(loop.carried, carried) { values[register.index] = phi }
    try emit(loop.body)
    let yields = try loop.body.yields.map(value)
    let next = llvm.binary(builder, Opcode.add, induction, module.constant(loop.step), "")
    let goesOn = llvm.integerCompare(builder, 40, next, upper, "")
    let end = llvm.insertBlock(builder)
    _ = llvm.conditionalJump(builder, goesOn, body, exit)
    module.addIncoming(induction, lower, from: entry)
    module.addIncoming(induction, next, from: end)
    for (phi, pair) in zip(carried, zip(initial, yields)) {
      module.addIncoming(phi, pair.0, from: entry)
      module.addIncoming(phi, pair.1, from: end)
    }
    llvm.positionAtEnd(builder, exit)
    for (result, pair) in zip(results, zip(initial, yields)) {
      let phi = module.phi(type(kernel.type(of: result)))
      module.addIncoming(phi, pair.0, from: entry)
      module.addIncoming(phi, pair.1, from: end)
      values[result.index] = phi
    }
  }

  private mutating func emit(_ branch: Branch, _ results: [Register]) throws {
    let (then, otherwise, exit) = (
      module.block(function, "then"), module.block(function, "else"), module.block(function, "done")
    )
    _ = llvm.conditionalJump(builder, try value(branch.condition), then, otherwise)
    var ends: [(block: Handle?, yields: [Handle?])] = []
    for (block, body) in [(then, branch.then), (otherwise, branch.otherwise)] {
      llvm.positionAtEnd(builder, block)
      try emit(body)
      ends.append((llvm.insertBlock(builder), try body.yields.map(value)))
      _ = llvm.jump(builder, exit)
    }
    llvm.positionAtEnd(builder, exit)
    for (position, result) in results.enumerated() {
      let phi = module.phi(type(kernel.type(of: result)))
      for end in ends { module.addIncoming(phi, end.yields[position], from: end.block) }
      values[result.index] = phi
    }
  }

  private mutating func emit(_ loop: WhileLoop, _ results: [Register]) throws {
    let initial = try loop.initial.map(value)
    let (test, body, exit) = (
      module.block(function, "while"), module.block(function, "do"), module.block(function, "done")
    )
    let entry = llvm.insertBlock(builder)
    _ = llvm.jump(builder, test)
    llvm.positionAtEnd(builder, test)
    let carried = loop.carried.map { module.phi(type(kernel.type(of: $0))) }
    for (register, phi) in zip(loop.carried, carried) { values[register.index] = phi }
    try emit(loop.condition)
    _ = llvm.conditionalJump(builder, try value(loop.condition.yields[0]), body, exit)
    llvm.positionAtEnd(builder, body)
    try emit(loop.body)
    let yields = try loop.body.yields.map(value)
    let end = llvm.insertBlock(builder)
    _ = llvm.jump(builder, test)
    for (phi, pair) in zip(carried, zip(initial, yields)) {
      module.addIncoming(phi, pair.0, from: entry)
      module.addIncoming(phi, pair.1, from: end)
    }
    llvm.positionAtEnd(builder, exit)
    for (result, phi) in zip(results, carried) { values[result.index] = phi }
  }
}

/// LLVM's numbers of opcodes (llvm-c/Core.h).
enum Opcode {
  static let add: UInt32 = 8
  static let floatAdd: UInt32 = 9
  static let subtract: UInt32 = 10
  static let floatSubtract: UInt32 = 11
  static let multiply: UInt32 = 12
  static let floatMultiply: UInt32 = 13
  static let divideUnsigned: UInt32 = 14
  static let divideSigned: UInt32 = 15
  static let floatDivide: UInt32 = 16
  static let remainderUnsigned: UInt32 = 17
  static let remainderSigned: UInt32 = 18
  static let shiftLeft: UInt32 = 20
  static let shiftRight: UInt32 = 21
  static let shiftRightSigned: UInt32 = 22
  static let and: UInt32 = 23
  static let or: UInt32 = 24
  static let xor: UInt32 = 25
  static let truncate: UInt32 = 30
  static let zeroExtend: UInt32 = 31
  static let signExtend: UInt32 = 32
  static let unsignedToFloat: UInt32 = 35
  static let signedToFloat: UInt32 = 36
  static let floatTruncate: UInt32 = 37
  static let floatExtend: UInt32 = 38
  static let bitCast: UInt32 = 41
}
