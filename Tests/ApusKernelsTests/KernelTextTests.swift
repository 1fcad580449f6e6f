import ApusCore
import ApusKernels
import Testing

/// Printing and parsing are inverses, and what cannot be read is said with its place.
@Suite struct KernelTextTests {
  /// A kernel with every instruction.
  static let everything = """
    kernel @"every instruction"(b0: read f32[64], b1: write f32[64], b2: read_write i64[8], b3: read f16[16]) units 4 {
      %0: i64 = first_unit
      %1: i64 = end_unit
      %2: f32 = constant -0.0
      %3: f32 = constant nan
      %4: f32 = constant 0x7fc00001
      %5: f32 = constant -inf
      %6: f32 = constant 1e-45
      %7: f64 = constant 0.1
      %8: f64 = constant 0xfff8000000000000
      %9: i1 = constant true
      %10: i8 = constant -128
      %11: i64 = constant -9223372036854775808
      %12: i64x4 = lanes
      %13: f32x4 = splat %2
      %14: i64 = constant 4
      for %15: i64 = %0 to %1 step 1 {
        %16: i64 = multiply %15, %14
        %17: f32x4 = load b0[%16]
        %18: i1x4 = less %17, %13
        %19: f32x4 = load b0[%16], mask %18
        %20: f32x4 = multiply_add %17, %19, %13
        %21: f32x4 = shuffle %20, %13, [7, 0, 1, 4]
        %22: f32x4 = select %18, %20, %21
        store b1[%16], %22, mask %18
        prefetch b0[%16], level 2
        prefetch b1[%16], level 1 to write
        %23: f32 = extract %22[3]
        %24: i32 = float_to_signed %23
        %25: i32 = count_leading_zeros %24
        %26: i64 = sign_extend %25
        fail 3 if %9 with %26
      }
      %31: i64, %32: f32 = for %27: i64 = %0 to %14 step 2 carrying %28: i64 = %14, %29: f32 = %2 {
        %30: f32 = scale_by_power_of_two %29, %3
        yield %28, %30
      }
      %33: f32, %34: i64 = if %9 {
        yield %32, %31
      } else {
        yield %2, %0
      }
      if %9 {
        store b2[%0], %34
      }
      %39: i64 = while carrying %35: i64 = %34 {
        %36: i1 = less_unsigned %35, %14
        continue if %36
      } do {
        %37: i64 = minimum_signed %35, %31
        %38: i64 = not %37
        yield %38
      }
      %40: i16 = load b3[%0]
      %41: f32 = half_to_float %40
      %42: f32 = reciprocal_square_root_estimate %41
    }

    """

  @Test func everyInstructionSurvives() throws {
    let kernels = try Kernel.parse(Self.everything)
    #expect(kernels.map(\.description).joined() == Self.everything)
    #expect(try Kernel.parse(kernels[0].description) == kernels)
    #expect(kernels[0].name == "every instruction")
    #expect(KernelVerifier.violations(of: kernels[0]).isEmpty, "\(KernelVerifier.violations(of: kernels[0]))")
  }

  /// Bits of any kind, as constants of their types.
  @Test func constantsKeepTheirBits() throws {
    var state: UInt64 = 1
    for type in ScalarType.allCases {
      for round in 0..<400 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        // Few bits as well: subnormal numbers, NaN with payloads.
        var bits =
          round % 3 == 0 ? state : round % 3 == 1 ? state >> UInt64(round % 64) : ~(state >> UInt64(round % 64))
        if type.bits < 64 { bits &= 1 << UInt64(type.bits) - 1 }
        let builder = KernelBuilder(target: .avx2)
        _ = builder.constant(bits: bits, RegisterType(type))
        let kernel = builder.build(name: "constant", units: 1)
        #expect(try Kernel.parse(kernel.description) == [kernel], "0x\(String(bits, radix: 16)) as \(type.rawValue)")
      }
    }
  }

  @Test func everyOperationHasItsOwnWord() {
    let words =
      Unary.allCases.map(\.mnemonic) + Binary.allCases.map(\.mnemonic) + Comparison.allCases.map(\.mnemonic)
      + Conversion.allCases.map(\.mnemonic)
    #expect(Set(words).count == words.count)
  }

  static let header = "kernel @k(b0: read f32[4]) units 1 {\n"

  /// A text after the header, and what is said of it.
  static let faults: [(text: String, message: String)] = [
    (
      "  %0: i64 = constnat 1\n}",
      """
      <text>:2:13: error: there is no instruction 'constnat'
          %0: i64 = constnat 1
                    ^~~~~~~~
        help: did you mean 'constant'?
      """
    ),
    (
      "  %0: i64 = constant 1.5\n}",
      """
      <text>:2:22: error: '1.5' is not a number of type i64
          %0: i64 = constant 1.5
                             ^
      """
    ),
    ("  %0: i8 = constant 300\n}", "<text>:2:21: error: '300' is not a number of type i8"),
    ("  %0: f32x = constant 1\n}", "<text>:2:7: error: expected a type, as f32 or f32x16"),
    ("  %0: i64 = constant 1\n  %0: i64 = constant 2\n}", "<text>:3:4: error: %0 is defined twice"),
    ("  %1: i64 = constant 1\n}", "<text>:1:8: error: kernel @k defines %1 but not %0"),
    ("  %0: f32 = load c0[%1]\n}", "<text>:2:18: error: expected a place in a buffer, as b0[%4]"),
    ("  store b0[%0] %1\n}", "<text>:2:16: error: expected ',', found '%1'"),
    ("  %0: i64 = add %1\n}", "<text>:3:1: error: expected ',', found '}'"),
    ("  %0: i64 = constant 1\n", "<text>:3:1: error: the block does not end"),
    ("  for %0: i64 = %1 to %2 {\n}", "<text>:2:26: error: expected 'step', found '{'"),
    ("} kernel", "<text>:2:9: error: expected a name, as @main, found the end of the file"),
    ("  // only a comment\n} rest", "<text>:3:3: error: expected 'kernel', found 'rest'"),
  ]

  @Test(arguments: faults.indices) func faultsAreSaidWithTheirPlace(_ index: Int) {
    let (text, message) = Self.faults[index]
    do {
      _ = try Kernel.parse(Self.header + text)
      Issue.record("this was read: \(text)")
    } catch let error as ApusError {
      #expect(error.fault == .input)
      #expect(error.description.hasPrefix(message), "\(error)")
    } catch { Issue.record("\(error)") }
  }

  /// Cut anywhere, with any character changed: an error, never a crash.
  @Test func damagedTextsAreRefusedOrRead() {
    let bytes = Array(Self.everything.utf8)
    for end in stride(from: 0, to: bytes.count - 2, by: 7) {
      #expect(throws: ApusError.self) { try Kernel.parse(String(decoding: bytes[..<end], as: UTF8.self)) }
    }
    for position in stride(from: 0, to: bytes.count, by: 3) {
      for byte in [UInt8(ascii: "%"), 0xff, UInt8(ascii: "9"), UInt8(ascii: "}")] {
        var damaged = bytes
        damaged[position] = byte
        for kernel in (try? Kernel.parse(String(decoding: damaged, as: UTF8.self))) ?? [] {
          _ = KernelVerifier.violations(of: kernel)
        }
      }
    }
  }
}
