import ApusKernels

/// The functions of one lane that instructions apply, by operation and type; nil if the operation does not take the type.
enum ScalarFunctions {
  static func unary(_ op: Unary, _ type: ScalarType) -> UnaryFunction? {
    switch type {
    case .f32: FloatArithmetic<Float>.unary(op)
    case .f64: FloatArithmetic<Double>.unary(op)
    case .i1, .i8, .i16, .i32, .i64: IntegerArithmetic(type: type).unary(op)
    }
  }

  static func binary(_ op: Binary, _ type: ScalarType) -> BinaryFunction? {
    switch type {
    case .f32: FloatArithmetic<Float>.binary(op)
    case .f64: FloatArithmetic<Double>.binary(op)
    case .i1, .i8, .i16, .i32, .i64: IntegerArithmetic(type: type).binary(op)
    }
  }

  static func compare(_ op: Comparison, _ type: ScalarType) -> BinaryFunction? {
    switch type {
    case .f32: FloatArithmetic<Float>.compare(op)
    case .f64: FloatArithmetic<Double>.compare(op)
    case .i1, .i8, .i16, .i32, .i64: IntegerArithmetic(type: type).compare(op)
    }
  }

  static func convert(_ op: Conversion, from source: ScalarType, to result: ScalarType) -> UnaryFunction? {
    switch op {
    case .signExtend:
      return { KernelBuilder.truncated(UInt64(bitPattern: Int64(KernelBuilder.signed($0, source))), result) }
    case .zeroExtend, .bits: return { $0 }
    case .truncate: return { KernelBuilder.truncated($0, result) }
    case .signedToFloat:
      if result == .f32 { return { Float(KernelBuilder.signed($0, source)).bits } }
      return { Double(KernelBuilder.signed($0, source)).bits }
    case .unsignedToFloat:
      if result == .f32 { return { Float($0).bits } }
      return { Double($0).bits }
    case .floatToSigned: return saturating(from: source) { signed($0, result) }
    case .floatToUnsigned: return saturating(from: source) { unsigned($0, result) }
    case .extend: return { Double(Float(bits: $0)).bits }
    case .narrow: return { Float(Double(bits: $0)).bits }
    case .halfToFloat: return { Float(Float16(bitPattern: UInt16(truncatingIfNeeded: $0))).bits }
    case .floatToHalf: return { UInt64(Float16(Float(bits: $0)).bitPattern) }
    }
  }

  /// A double holds every float.
  private static func saturating(
    from source: ScalarType, _ convert: @escaping @Sendable (Double) -> UInt64
  ) -> UnaryFunction? {
    switch source {
    case .f32: { convert(Double(Float(bits: $0))) }
    case .f64: { convert(Double(bits: $0)) }
    case .i1, .i8, .i16, .i32, .i64: nil
    }
  }

  private static func signed(_ x: Double, _ type: ScalarType) -> UInt64 {
    if x.isNaN { return 0 }
    let end = Double(sign: .plus, exponent: type.bits - 1, significand: 1)
    let number =
      x >= end ? Int64.max >> Int64(64 - type.bits) : x <= -end ? Int64.min >> Int64(64 - type.bits) : Int64(x)
    return KernelBuilder.truncated(UInt64(bitPattern: number), type)
  }

  private static func unsigned(_ x: Double, _ type: ScalarType) -> UInt64 {
    if x.isNaN || x <= 0 { return 0 }
    return x >= Double(sign: .plus, exponent: type.bits, significand: 1)
      ? UInt64.max >> UInt64(64 - type.bits) : UInt64(x)
  }
}
