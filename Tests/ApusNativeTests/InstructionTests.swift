import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// Every arithmetic instruction on every type that takes it, as scalars and as vectors, against `ScalarReference`.
@Suite struct InstructionTests {
  static let dtypes: [(DType, ScalarType)] = [
    (.f32, .f32), (.f64, .f64), (.bool, .i1), (.i8, .i8), (.bf16, .i16), (.i32, .i32), (.i64, .i64),
  ]
  static let unary: [Unary] = [
    .negate, .absolute, .squareRoot, .floor, .ceil, .round, .not, .countLeadingZeros, .populationCount,
  ]
  static let binary: [Binary] = [
    .add, .subtract, .multiply, .divide, .minimumNumber, .maximumNumber, .divideSigned, .divideUnsigned,
    .remainderSigned, .remainderUnsigned, .minimumSigned, .maximumSigned, .minimumUnsigned, .maximumUnsigned, .and, .or,
    .xor, .shiftLeft, .shiftRight, .shiftRightSigned,
  ]
  static let comparisons: [Comparison] = [
    .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .lessUnsigned, .lessEqualUnsigned,
  ]
  static let conversions: [Conversion] = [
    .signExtend, .zeroExtend, .truncate, .signedToFloat, .unsignedToFloat, .floatToSigned, .floatToUnsigned, .extend,
    .narrow, .halfToFloat, .bits,
  ]

  /// Numbers where something changes. Those below the normal range are hexadecimal: decimal ones are not exact.
  static func edges(_ type: ScalarType) -> [UInt64] {
    switch type {
    case .f32:
      return [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, 3.7, -3.7, 0x2cap-149, -0x2cap-149, 0x1p-126, 3.4e38, -3.4e38, 127.5,
        128, 255.5, 32767.5, 65504, 2_147_483_520, 2_147_483_648, 4_294_967_040, 9.223372e18, 1.8446744e19,
        Float.infinity, -.infinity, .nan, 8_388_607.5, -2_147_483_648, 16_777_216,
      ].map { UInt64($0.bitPattern) }
    case .f64:
      return [
        0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, 3.7, -3.7, 0x1p-1074, -0x1p-1074, 0x1p-1022, 1.7e308,
        -1.7e308, 127.5, 128, 255.5, Double(bitPattern: 0x1268_8b70_e62b), 65504, 2_147_483_647.5, 2_147_483_648,
        4_294_967_295.5,
        9.223372036854775e18, 9.223372036854776e18, Double.infinity, -.infinity, .nan, 4_503_599_627_370_495.5,
        1.8446744073709552e19, 0.1,
      ].map(\.bitPattern)
    case .i1: return (0..<32).map { UInt64($0 * 5 / 3 % 2) }
    case .i8, .i16, .i32, .i64:
      let top = UInt64(1) << UInt64(type.bits - 1)
      let values: [UInt64] =
        [top, top &- 1, top &+ 1, ~0, ~1, 0, 1, 2, 3, 7, 100, 0x5a5a_5a5a_5a5a_5a5a]
        + (0..<20).map { UInt64(0x9e37_79b9_7f4a_7c15) &* ($0 + 1) }
      return values.map { ScalarReference.truncated($0, type) }
    }
  }

  /// Each edge with twelve others, one list for each operand.
  static func pairs(_ type: ScalarType) -> (a: [UInt64], b: [UInt64]) {
    let edges = edges(type)
    let others = (0..<12).map { $0 * 5 }
    return (
      edges.flatMap { a in others.map { _ in a } },
      edges.indices.flatMap { index in others.map { edges[(index + $0) % edges.count] } }
    )
  }

  /// A result of a kernel: its type, how it is computed, what it must be.
  struct Column {
    var label: String
    var dtype: DType
    var emit: (_ b: KernelBuilder, _ x: Register, _ y: Register) -> Register
    var expected: (_ x: UInt64, _ y: UInt64) -> UInt64

    var isExtremum: Bool { label == "minimumNumber" || label == "maximumNumber" }
  }

  static func columns(_ type: ScalarType, _ dtype: DType) -> [Column] {
    var columns: [Column] = []
    for op in unary where ScalarReference.unary(op, 0, type) != nil {
      columns.append(
        Column(label: "\(op)", dtype: dtype) { b, x, _ in
          b.unary(op, x)
        } expected: { x, _ in
          ScalarReference.unary(op, x, type) ?? 0
        })
    }
    for op in binary where ScalarReference.binary(op, 0, 1, type) != nil {
      // The machine's divisions trap and its shifts differ outside of these operands, and no kernel goes there.
      func safe(_ y: UInt64) -> UInt64 {
        switch op {
        case .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned: (y & 6) | 1
        case .shiftLeft, .shiftRight, .shiftRightSigned: y & UInt64(type.bits - 1)
        default: y
        }
      }
      columns.append(
        Column(label: "\(op)", dtype: dtype) { b, x, y in
          let kind = b.type(of: y)
          switch op {
          case .divideSigned, .remainderSigned, .divideUnsigned, .remainderUnsigned:
            return b.binary(
              op, x, b.binary(.or, b.binary(.and, y, b.constant(6, kind)), b.constant(1, kind)))
          case .shiftLeft, .shiftRight, .shiftRightSigned:
            return b.binary(op, x, b.binary(.and, y, b.constant(type.bits - 1, kind)))
          default: return b.binary(op, x, y)
          }
        } expected: { x, y in
          ScalarReference.binary(op, x, safe(y), type) ?? 0
        })
    }
    for op in comparisons where ScalarReference.compare(op, 0, 0, type) != nil {
      columns.append(
        Column(label: "\(op)", dtype: .bool) { b, x, y in
          b.compare(op, x, y)
        } expected: { x, y in
          ScalarReference.compare(op, x, y, type) == true ? 1 : 0
        })
    }
    for op in conversions {
      for (other, to) in dtypes where ScalarReference.convert(op, 0, from: type, to: to) != nil {
        columns.append(
          Column(label: "\(op) to \(to)", dtype: other) { b, x, _ in
            b.convert(op, x, to: to)
          } expected: { x, _ in
            ScalarReference.convert(op, x, from: type, to: to) ?? 0
          })
      }
    }
    columns.append(
      Column(label: "select", dtype: dtype) { b, x, y in
        b.select(b.compare(.equal, x, y), b.constant(1, b.type(of: x)), y)
      } expected: { x, y in
        let one: UInt64 = type == .f32 ? UInt64(Float(1).bitPattern) : type == .f64 ? Double(1).bitPattern : 1
        return (ScalarReference.compare(.equal, x, y, type) ?? false) ? one : y
      })
    if type.isFloating {
      columns.append(
        Column(label: "multiplyAdd", dtype: dtype) { b, x, y in
          b.multiplyAdd(x, y, x)
        } expected: { x, y in
          if type == .f32 {
            let (x, y) = (Float(bitPattern: UInt32(x)), Float(bitPattern: UInt32(y)))
            return UInt64(x.addingProduct(x, y).bitPattern)
          }
          let (x, y) = (Double(bitPattern: x), Double(bitPattern: y))
          return x.addingProduct(x, y).bitPattern
        })
    }
    return columns
  }

  @Test(arguments: runnableTargets, [1, 2, 8, 16, 32])
  func everyArithmeticInstruction(_ target: NativeTarget, lanes: Int) throws {
    for (dtype, type) in InstructionTests.dtypes {
      let columns = InstructionTests.columns(type, dtype)
      let (a, b) = InstructionTests.pairs(type)
      let builder = KernelBuilder(target: target.vector)
      let inputs = (0..<2).map { _ in builder.buffer(dtype, .read, count: a.count) }
      let outputs = columns.map { builder.buffer($0.dtype, .write, count: a.count) }
      builder.forEachUnit { unit in
        let at = builder.multiply(unit, lanes)
        let x = builder.load(inputs[0], at, lanes: lanes)
        let y = builder.load(inputs[1], at, lanes: lanes)
        for (output, column) in zip(outputs, columns) { builder.store(output, at, column.emit(builder, x, y)) }
      }
      let kernel = builder.build(name: "every \(type)", units: a.count / lanes)
      var buffers =
        [Elements(dtype, bits: a), Elements(dtype, bits: b)] + columns.map { Elements(zeros: a.count, $0.dtype) }
      try run(kernel, on: target, &buffers)
      for (position, column) in columns.enumerated() {
        let result = buffers[position + 2]
        for index in a.indices {
          let expected = column.expected(a[index], b[index])
          // Which zero the larger of 0 and -0 is differs from processor to processor.
          let isZero = column.isExtremum && ScalarReference.compare(.equal, result.bits[index], 0, type) == true
          if isZero, ScalarReference.compare(.equal, expected, 0, type) == true { continue }
          guard ScalarReference.isSame(result.bits[index], expected, column.dtype.scalarType) else {
            Issue.record(
              """
              \(column.label) of \(type)x\(lanes) on \(target.name): 0x\(String(a[index], radix: 16)), \
              0x\(String(b[index], radix: 16)) gives 0x\(String(result.bits[index], radix: 16)), not \
              0x\(String(expected, radix: 16))
              """)
            break
          }
        }
      }
    }
  }

  /// Every half number there and back, and that numbers between two of them go to the nearer one, the even one halfway.
  @Test(arguments: runnableTargets, [1, 8, 16])
  func halfFloats(_ target: NativeTarget, lanes: Int) throws {
    let finite = (0..<UInt16(0x7c00)).flatMap { [$0, $0 | 0x8000] }
    let special: [UInt16] = [0x7c00, 0xfc00, 0x7e00]
    let halves = (finite + special + [UInt16](repeating: 0, count: 13)).map(UInt64.init)
    let count = halves.count / lanes * lanes
    let b = KernelBuilder(target: target.vector)
    let half = b.buffer(.f16, .read, count: halves.count)
    let wide = b.buffer(.f32, .write, count: halves.count)
    let back = b.buffer(.f16, .write, count: halves.count)
    let between = b.buffer(.f16, .write, count: halves.count)
    b.forEachUnit { unit in
      let at = b.multiply(unit, lanes)
      let x = b.load(half, at, lanes: lanes)
      let value = b.convert(.halfToFloat, x, to: .f32)
      b.store(wide, at, value)
      b.store(back, at, b.convert(.floatToHalf, value, to: .i16))
      // Halfway to the next: half of the distance between the patterns' values.
      let next = b.convert(
        .halfToFloat, b.add(x, b.constant(1, b.type(of: x))), to: .f32)
      let middle = b.multiply(b.add(value, next), b.constant(0.5, b.type(of: value)))
      b.store(between, at, b.convert(.floatToHalf, middle, to: .i16))
    }
    let kernel = b.build(name: "half", units: count / lanes)
    var buffers = [
      Elements(.f16, bits: halves), Elements(zeros: halves.count, .f32), Elements(zeros: halves.count, .f16),
      Elements(zeros: halves.count, .f16),
    ]
    try run(kernel, on: target, &buffers)
    let widened = buffers[1].floats
    for index in 0..<count {
      let pattern = UInt16(halves[index])
      let expected = ScalarReference.half(pattern)
      #expect(widened[index] == expected || expected.isNaN && widened[index].isNaN, "half \(pattern)")
      #expect(expected.isNaN || buffers[2].bits[index] == halves[index], "back to \(pattern)")
      if pattern & 0x7fff < 0x7bff {
        #expect(buffers[3].bits[index] == UInt64(pattern % 2 == 0 ? pattern : pattern + 1), "beyond \(pattern)")
      }
    }
  }

  /// 1/√x to 14 bits, whatever the number of lanes.
  @Test(arguments: runnableTargets, [1, 4, 8, 16, 32])
  func reciprocalSquareRoots(_ target: NativeTarget, lanes: Int) throws {
    let values = (0..<64).map { Float(sign: .plus, exponent: $0 * 3 - 96, significand: 1 + Float($0) / 64) }
    let b = KernelBuilder(target: target.vector)
    let (x, y) = (b.buffer(.f32, .read, count: 64), b.buffer(.f32, .write, count: 64))
    b.forEachUnit { unit in
      let at = b.multiply(unit, lanes)
      b.store(y, at, b.unary(.reciprocalSquareRootEstimate, b.load(x, at, lanes: lanes)))
    }
    var buffers = [Elements(values), Elements(zeros: 64, .f32)]
    try run(b.build(name: "rsqrt", units: 64 / lanes), on: target, &buffers)
    for (value, result) in zip(values, buffers[1].floats) {
      let error = (Double(result) * Double(value).squareRoot() - 1).magnitude
      #expect(error < 1.0 / 16384, "1/√\(value) is \(result)")
    }
  }

  @Test(arguments: runnableTargets, [1, 8, 16])
  func constantsLanesAndShuffles(_ target: NativeTarget, lanes: Int) throws {
    let b = KernelBuilder(target: target.vector)
    let x = b.buffer(.f32, .read, count: 64)
    let reversed = b.buffer(.f32, .write, count: lanes)
    let both = b.buffer(.f32, .write, count: 2 * lanes)
    let count = b.buffer(.i32, .write, count: lanes)
    let last = b.buffer(.f32, .write, count: lanes)
    b.forEachUnit { at in
      let low = b.load(x, b.index(0), lanes: lanes)
      let high = b.load(x, b.index(32), lanes: lanes)
      b.store(reversed, at, b.shuffle(low, high, (0..<lanes).reversed()))
      b.store(both, at, b.shuffle(low, high, (0..<(2 * lanes)).map { $0 % 2 == 0 ? $0 / 2 : lanes + $0 / 2 }))
      let i32 = RegisterType(.i32, lanes: lanes)
      b.store(count, at, b.binary(.add, b.lanes(i32), b.constant(-3, i32)))
      b.store(last, at, b.splat(b.extract(low, lane: lanes - 1), lanes: lanes))
    }
    let values = (0..<64).map(Float.init)
    var buffers = [
      Elements(values), Elements(zeros: lanes, .f32), Elements(zeros: 2 * lanes, .f32), Elements(zeros: lanes, .i32),
      Elements(zeros: lanes, .f32),
    ]
    try run(b.build(name: "shuffles", units: 1), on: target, &buffers)
    let interleaved: [Float] = (0..<lanes).flatMap { [values[$0], values[32 + $0]] }
    let counts: [UInt64] = (0..<lanes).map { UInt64(UInt32(bitPattern: Int32($0 - 3))) }
    #expect(buffers[1].floats == values[0..<lanes].reversed())
    #expect(buffers[2].floats == interleaved)
    #expect(buffers[3].bits == counts)
    #expect(buffers[4].floats == [Float](repeating: Float(lanes - 1), count: lanes))
  }
}
