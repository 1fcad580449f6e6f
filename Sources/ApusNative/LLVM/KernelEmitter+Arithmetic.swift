import ApusCore
import ApusKernels
import ApusLowering
import ApusPlanning

extension KernelEmitter {
  private var hasAVX512: Bool { ir.target.vector == .avx512 && ir.target.isX86 }

  func unary(_ op: Unary, _ x: Handle?, _ type: RegisterType) -> Handle? {
    let own = self.type(type)
    let isFloat = type.scalar.isFloating
    switch op {
    case .negate:
      return isFloat
        ? llvm.floatNegate(builder, x, "") : ir.binary(Opcode.subtract, llvm.constNull(own), x)
    case .absolute:
      return isFloat
        ? ir.intrinsic("llvm.fabs", [own], [x]) : ir.intrinsic("llvm.abs", [own], [x, ir.no])
    case .squareRoot: return ir.intrinsic("llvm.sqrt", [own], [x])
    case .floor: return ir.intrinsic("llvm.floor", [own], [x])
    case .ceil: return ir.intrinsic("llvm.ceil", [own], [x])
    case .round: return ir.intrinsic("llvm.rint", [own], [x])
    case .not: return llvm.not(builder, x, "")
    // Zero is allowed: it has as many leading zeros as it has bits.
    case .countLeadingZeros: return ir.intrinsic("llvm.ctlz", [own], [x, ir.no])
    case .populationCount: return ir.intrinsic("llvm.ctpop", [own], [x])
    case .reciprocalSquareRootEstimate:
      if hasAVX512, let result = inFullRegister(type, [x], reciprocalSquareRootInstruction) { return result }
      return ir.binary(Opcode.floatDivide, number(1, type), ir.intrinsic("llvm.sqrt", [own], [x]))
    }
  }

  func binary(_ op: Binary, _ a: Handle?, _ b: Handle?, _ type: RegisterType) -> Handle? {
    let isFloat = type.scalar.isFloating
    let own = self.type(type)
    switch op {
    case .add: return ir.binary(isFloat ? Opcode.floatAdd : Opcode.add, a, b)
    case .subtract: return ir.binary(isFloat ? Opcode.floatSubtract : Opcode.subtract, a, b)
    case .multiply: return ir.binary(isFloat ? Opcode.floatMultiply : Opcode.multiply, a, b)
    case .divide: return ir.binary(Opcode.floatDivide, a, b)
    case .minimumNumber: return ir.intrinsic("llvm.minnum", [own], [a, b])
    case .maximumNumber: return ir.intrinsic("llvm.maxnum", [own], [a, b])
    case .scaleByPowerOfTwo: return scale(a, b, type)
    case .scaleNearOne: return scaleNearOne(a, b, type)
    case .divideSigned: return ir.binary(Opcode.divideSigned, a, b)
    case .divideUnsigned: return ir.binary(Opcode.divideUnsigned, a, b)
    case .remainderSigned: return ir.binary(Opcode.remainderSigned, a, b)
    case .remainderUnsigned: return ir.binary(Opcode.remainderUnsigned, a, b)
    case .minimumSigned: return ir.intrinsic("llvm.smin", [own], [a, b])
    case .maximumSigned: return ir.intrinsic("llvm.smax", [own], [a, b])
    case .minimumUnsigned: return ir.intrinsic("llvm.umin", [own], [a, b])
    case .maximumUnsigned: return ir.intrinsic("llvm.umax", [own], [a, b])
    case .and: return ir.binary(Opcode.and, a, b)
    case .or: return ir.binary(Opcode.or, a, b)
    case .xor: return ir.binary(Opcode.xor, a, b)
    case .shiftLeft: return ir.binary(Opcode.shiftLeft, a, b)
    case .shiftRight: return ir.binary(Opcode.shiftRight, a, b)
    case .shiftRightSigned: return ir.binary(Opcode.shiftRightSigned, a, b)
    }
  }

  func compare(_ op: Comparison, _ a: Handle?, _ b: Handle?, _ type: ScalarType) throws -> Handle? {
    if type.isFloating {
      let predicate: UInt32
      switch op {
      case .equal: predicate = Predicate.floatEqual
      case .notEqual: predicate = Predicate.floatNotEqual
      case .less: predicate = Predicate.floatLess
      case .lessEqual: predicate = Predicate.floatLessEqual
      case .greater: predicate = Predicate.floatGreater
      case .greaterEqual: predicate = Predicate.floatGreaterEqual
      case .lessUnsigned, .lessEqualUnsigned: throw defect("\(op.rawValue) compares integers only")
      }
      return llvm.floatCompare(builder, predicate, a, b, "")
    }
    let predicate: UInt32
    switch op {
    case .equal: predicate = Predicate.equal
    case .notEqual: predicate = Predicate.notEqual
    case .less: predicate = Predicate.less
    case .lessEqual: predicate = Predicate.lessEqual
    case .greater: predicate = Predicate.greater
    case .greaterEqual: predicate = Predicate.greaterEqual
    case .lessUnsigned: predicate = Predicate.lessUnsigned
    case .lessEqualUnsigned: predicate = Predicate.lessEqualUnsigned
    }
    return llvm.integerCompare(builder, predicate, a, b, "")
  }

  func convert(_ op: Conversion, _ x: Handle?, from source: RegisterType, to type: RegisterType) -> Handle? {
    let own = self.type(type)
    switch op {
    case .signExtend: return ir.cast(Opcode.signExtend, x, own)
    case .zeroExtend: return ir.cast(Opcode.zeroExtend, x, own)
    case .truncate: return ir.cast(Opcode.truncate, x, own)
    case .signedToFloat: return ir.cast(Opcode.signedToFloat, x, own)
    case .unsignedToFloat: return ir.cast(Opcode.unsignedToFloat, x, own)
    case .extend: return ir.cast(Opcode.floatExtend, x, own)
    case .narrow: return ir.cast(Opcode.floatTruncate, x, own)
    case .bits: return ir.cast(Opcode.bitCast, x, own)
    case .floatToSigned: return ir.intrinsic("llvm.fptosi.sat", [own, self.type(source)], [x])
    case .floatToUnsigned: return ir.intrinsic("llvm.fptoui.sat", [own, self.type(source)], [x])
    case .halfToFloat:
      return ir.cast(Opcode.floatExtend, ir.cast(Opcode.bitCast, x, half(type.lanes)), own)
    case .floatToHalf:
      return ir.cast(Opcode.bitCast, ir.cast(Opcode.floatTruncate, x, half(type.lanes)), own)
    }
  }

  private func half(_ lanes: Int) -> Handle? { ir.vector(llvm.halfType(ir.context), lanes) }

  // MARK: Instructions of AVX-512

  private typealias FullInstruction = (_ operands: [Handle?], _ type: RegisterType) -> Handle?

  /// An instruction on whole 512-bit registers, for any type that fits into one: what is in the lanes beyond does not
  /// matter, and every number of lanes gives the same bits.
  private func inFullRegister(_ type: RegisterType, _ operands: [Handle?], _ instruction: FullInstruction) -> Handle? {
    let full = type.with(lanes: VectorTarget.avx512.lanes(of: type.scalar))
    if type.lanes == full.lanes { return instruction(operands, full) }
    if type.lanes > full.lanes {
      guard type.lanes % full.lanes == 0 else { return nil }
      let poison = llvm.poison(self.type(type))
      let parts = stride(from: 0, to: type.lanes, by: full.lanes).map { start in
        instruction(operands.map { ir.shuffle($0, poison, Array(start..<(start + full.lanes))) }, full)
      }
      return joined(parts, lanes: full.lanes)
    }
    if type.lanes == 1 {
      let wide = operands.map {
        llvm.insertElement(builder, llvm.constNull(self.type(full)), $0, ir.constant(0, bits: 32), "")
      }
      return llvm.extractElement(builder, instruction(wide, full), ir.constant(0, bits: 32), "")
    }
    // Zeros beyond the type's own lanes.
    let zero = llvm.constNull(self.type(type))
    let positions = (0..<full.lanes).map { min($0, type.lanes) }
    let result = instruction(operands.map { ir.shuffle($0, zero, positions) }, full)
    return ir.shuffle(result, llvm.poison(self.type(full)), Array(0..<type.lanes))
  }

  /// Vectors one after the other.
  private func joined(_ parts: [Handle?], lanes: Int) -> Handle? {
    var (parts, lanes) = (parts, lanes)
    while parts.count > 1 {
      if !parts.count.isMultiple(of: 2) { return nil }
      parts = stride(from: 0, to: parts.count, by: 2).map {
        ir.shuffle(parts[$0], parts[$0 + 1], Array(0..<(2 * lanes)))
      }
      lanes *= 2
    }
    return parts[0]
  }

  private func reciprocalSquareRootInstruction(_ operands: [Handle?], _ type: RegisterType) -> Handle? {
    type.scalar == .f32
      ? ir.intrinsic(
        "llvm.x86.avx512.rsqrt14.ps.512", [],
        [operands[0], llvm.constNull(self.type(type)), allLanesMask(type)])
      : ir.intrinsic(
        "llvm.x86.avx512.rsqrt14.pd.512", [],
        [operands[0], llvm.constNull(self.type(type)), allLanesMask(type)])
  }

  /// A mask register's bits for all lanes.
  private func allLanesMask(_ type: RegisterType) -> Handle? { ir.constant(-1, bits: type.lanes) }

  /// `_MM_FROUND_CUR_DIRECTION`: rounds as the processor is set.
  private static let currentRounding = 4

  private func scaleInstruction(_ operands: [Handle?], _ type: RegisterType) -> Handle? {
    ir.intrinsic(
      "llvm.x86.avx512.mask.scalef.\(type.scalar == .f32 ? "ps" : "pd").512", [],
      operands + [
        llvm.constNull(self.type(type)), allLanesMask(type), ir.constant(Self.currentRounding, bits: 32),
      ])
  }

  /// x · 2ⁿ, rounded once.
  ///
  /// Without an instruction for it: a product with three powers of two in the normal range. A first factor below 1 must
  /// not make a subnormal number that a later one would round again, so where n is less than the smallest normal
  /// exponent, the first factors are 2^-102 (2^-969): if such a product is subnormal, the whole is below half of the
  /// least subnormal number.
  private func scale(_ x: Handle?, _ n: Handle?, _ type: RegisterType) -> Handle? {
    if hasAVX512, let result = inFullRegister(type, [x, n], scaleInstruction) { return result }
    let exponentBias = exponentBias(type)
    let mantissaBits = mantissaBits(type)
    let lowest = 1 - exponentBias
    let down = lowest + mantissaBits + 1
    let i32 = type.with(.i32)
    func integer(_ value: Int) -> Handle? { constant(UInt64(UInt32(bitPattern: Int32(value))), i32) }

    // Beyond these, every number overflows or vanishes. Written so that it is one instruction, and NaN becomes a number.
    let most = Double(2 * exponentBias + mantissaBits + 1)
    func clamped(_ value: Handle?, _ predicate: UInt32, _ limit: Double) -> Handle? {
      ir.select(
        llvm.floatCompare(builder, predicate, value, number(limit, type), ""), value, number(limit, type))
    }
    let bounded = clamped(clamped(n, Predicate.floatLess, most), Predicate.floatGreater, -most)
    var exponent = ir.cast(Opcode.floatToSigned, bounded, self.type(i32))
    var result = x
    for _ in 0..<2 {
      let low = llvm.integerCompare(builder, Predicate.less, exponent, integer(lowest), "")
      let high = llvm.integerCompare(builder, Predicate.greater, exponent, integer(exponentBias), "")
      let step = ir.select(low, integer(down), ir.select(high, integer(exponentBias), integer(0)))
      result = ir.binary(Opcode.floatMultiply, result, power(step, type))
      exponent = ir.binary(Opcode.subtract, exponent, step)
    }
    return ir.binary(Opcode.floatMultiply, result, power(exponent, type))
  }

  /// x · 2ⁿ of an x near 1: by two powers of two, of which the first leaves a normal number.
  private func scaleNearOne(_ x: Handle?, _ n: Handle?, _ type: RegisterType) -> Handle? {
    if hasAVX512, let result = inFullRegister(type, [x, n], scaleInstruction) { return result }
    let i32 = type.with(.i32)
    // What NaN becomes is unspecified, but must be one number: frozen, both factors are of the same.
    let exponent = llvm.freeze(builder, ir.cast(Opcode.floatToSigned, n, self.type(i32)), "")
    let half = ir.binary(Opcode.shiftRightSigned, exponent, constant(1, i32))
    let scaled = ir.binary(Opcode.floatMultiply, x, power(half, type))
    return ir.binary(Opcode.floatMultiply, scaled, power(ir.binary(Opcode.subtract, exponent, half), type))
  }

  private func exponentBias(_ type: RegisterType) -> Int { type.scalar == .f32 ? 127 : 1023 }
  private func mantissaBits(_ type: RegisterType) -> Int { type.scalar == .f32 ? 23 : 52 }

  /// 2ⁿ of an `i32` exponent of a normal number.
  private func power(_ exponent: Handle?, _ type: RegisterType) -> Handle? {
    let isSingle = type.scalar == .f32
    let biased = ir.binary(Opcode.add, exponent, constant(UInt64(exponentBias(type)), type.with(.i32)))
    let wide = isSingle ? biased : ir.cast(Opcode.zeroExtend, biased, self.type(type.with(.i64)))
    let shift = constant(UInt64(mantissaBits(type)), type.with(isSingle ? .i32 : .i64))
    return ir.cast(Opcode.bitCast, ir.binary(Opcode.shiftLeft, wide, shift), self.type(type))
  }
}
