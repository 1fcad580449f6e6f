import ApusCore
import ApusKernels
import ApusPlanning

extension KernelBuilder {
  /// A number as another element type, by the rules of `cast`: floats round to nearest even, float to integer truncates
  /// and saturates, NaN becomes 0; integers keep their low bits.
  func cast(_ x: Register, from source: DType, to target: DType) -> Register {
    if source == target { return x }
    switch (source.kind, target.kind) {
    case (.boolean, .floating):
      let type = type(of: x).with(target == .f64 ? .f64 : .f32)
      return round(select(x, constant(1.0, type), constant(0.0, type)), to: target)
    case (.boolean, _):
      let type = type(of: x).with(target.scalarType)
      return select(x, constant(1, type), constant(0, type))
    case (.floating, .floating): return round(widened(x, source, keepingDouble: target == .f64), to: target)
    case (.floating, .boolean):
      let wide = widened(x, source)
      return compare(.notEqual, wide, constant(0.0, type(of: wide)))
    case (.floating, _):
      return convert(
        target.kind == .unsigned ? .floatToUnsigned : .floatToSigned, widened(x, source), to: target.scalarType)
    case (_, .boolean): return compare(.notEqual, x, constant(0, type(of: x)))
    case (_, .floating):
      // From i64 to the half types in one rounding: to odd in f64 first, which a second rounding cannot spoil.
      return fromInteger(x, isSigned: source.kind == .signed, to: target)
    case (_, _):
      let (from, to) = (type(of: x).scalar, target.scalarType)
      if from == to { return x }
      if from.bits > to.bits { return convert(.truncate, x, to: to) }
      return convert(source.kind == .signed ? .signExtend : .zeroExtend, x, to: to)
    }
  }

  /// f32 or f64 of a floating element.
  private func widened(_ x: Register, _ source: DType, keepingDouble: Bool = false) -> Register {
    switch source {
    case .bf16:
      return convert(
        .bits, binary(.shiftLeft, convert(.zeroExtend, x, to: .i32), constant(16, type(of: x).with(.i32))), to: .f32)
    case .f16: return convert(.halfToFloat, x, to: .f32)
    case .f32, .f64, .i8, .u8, .i32, .i64, .bool: return x
    }
  }

  /// f32 or f64 rounded once to a floating type.
  private func round(_ x: Register, to target: DType) -> Register {
    let from = type(of: x).scalar
    switch target {
    case .f64: return from == .f64 ? x : convert(.extend, x, to: .f64)
    case .f32: return from == .f32 ? x : convert(.narrow, x, to: .f32)
    case .f16: return convert(.floatToHalf, narrowedToOdd(x), to: .i16)
    case .bf16: return bfloat(narrowedToOdd(x))
    case .i8, .u8, .i32, .i64, .bool: return x
    }
  }

  /// f32 from f64 with the last bit set where anything was cut off: rounding that again to fewer bits gives what
  /// rounding once would have (Boldo and Melquiond 2008).
  private func narrowedToOdd(_ x: Register) -> Register {
    guard type(of: x).scalar == .f64 else { return x }
    let nearest = convert(.narrow, x, to: .f32)
    let back = convert(.extend, nearest, to: .f64)
    let bits = convert(.bits, nearest, to: .i32)
    let type = type(of: bits)
    // One step towards zero where rounding went away from it, then the last bit.
    let isAway = compare(.greater, unary(.absolute, back), unary(.absolute, x))
    let cut = select(isAway, binary(.subtract, bits, constant(1, type)), bits)
    let odd = binary(.or, cut, constant(1, type))
    let isExact = compare(.equal, back, x)
    let isNaN = compare(.notEqual, x, x)
    return convert(.bits, select(binary(.or, isExact, isNaN), bits, odd), to: .f32)
  }

  /// bf16 of f32: the upper half, rounded to nearest even; NaN stays one, quiet.
  private func bfloat(_ x: Register) -> Register {
    let bits = convert(.bits, x, to: .i32)
    let type = type(of: bits)
    let upper = binary(.shiftRight, bits, constant(16, type))
    let bias = binary(.add, binary(.and, upper, constant(1, type)), constant(0x7fff, type))
    let rounded = binary(.shiftRight, binary(.add, bits, bias), constant(16, type))
    let quiet = binary(.or, upper, constant(0x40, type))
    return convert(.truncate, select(compare(.notEqual, x, x), quiet, rounded), to: .i16)
  }

  private func fromInteger(_ x: Register, isSigned: Bool, to target: DType) -> Register {
    let op: Conversion = isSigned ? .signedToFloat : .unsignedToFloat
    switch target {
    case .f32, .f64: return convert(op, x, to: target.scalarType)
    case .bf16, .f16, .i8, .u8, .i32, .i64, .bool:
      guard type(of: x).scalar == .i64 else { return round(convert(op, x, to: .f64), to: target) }
      // Beyond 2⁵³ f64 rounds too: to odd there.
      let nearest = convert(op, x, to: .f64)
      let back = convert(.floatToSigned, nearest, to: .i64)
      let bits = convert(.bits, nearest, to: .i64)
      let type = type(of: bits)
      let isAway = compare(.greater, absolute(back), absolute(x))
      let cut = select(isAway, binary(.subtract, bits, constant(1, type)), bits)
      let odd = binary(.or, cut, constant(1, type))
      return round(convert(.bits, select(compare(.equal, back, x), bits, odd), to: .f64), to: target)
    }
  }

  private func absolute(_ x: Register) -> Register {
    let zero = constant(0, type(of: x))
    return select(compare(.less, x, zero), binary(.subtract, zero, x), x)
  }
}
