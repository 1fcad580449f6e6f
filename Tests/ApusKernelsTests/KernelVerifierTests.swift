import ApusCore
import ApusKernels
import Testing

/// Each rule refuses a kernel that breaks it, by the statement's line, and no kernel that keeps it.
@Suite struct KernelVerifierTests {
  private static func kernel(_ body: String, units: Int = 4) throws -> Kernel {
    let buffers = "b0: read f32[64], b1: write f32[64], b2: read_write i64[8]"
    return try Kernel.parse("kernel @k(\(buffers)) units \(units) {\n\(body)\n}")[0]
  }

  /// A body, and what is said of it.
  static let faults: [(body: String, message: String)] = [
    // Registers.
    ("%0: i64 = add %1, %1\n%1: i64 = constant 1", "line 2, `%0: i64 = add %1, %1`: it reads %1 before its definition"),
    ("%0: i64 = add %7, %7", "it reads %7, which is not defined"),
    (
      "%0: i1 = constant true\nif %0 {\n%1: i64 = constant 1\n}\nstore b2[%1], %1",
      "line 6, `store b2[%1], %1`: it reads %1, which another block defines"
    ),
    (
      "%0: i1 = constant true\n%1: i64 = if %0 {\n%2: i64 = constant 1\nyield %2\n} else {\nyield %2\n}",
      "it yields %2, which another block defines"
    ),
    // Types.
    ("%0: i64 = constant 1\n%1: i32 = negate %0", "line 3, `%1: i32 = negate %0`: %0 is i64, not i32"),
    ("%0: i64 = constant 1\n%1: i64 = square_root %0", "square_root does not take i64"),
    ("%0: f64 = constant 1\n%1: f64 = reciprocal_square_root_estimate %0", "does not take f64"),
    ("%0: f32 = constant 1\n%1: f32 = xor %0, %0", "xor does not take f32"),
    ("%0: i1 = constant true\n%1: i1 = add %0, %0", "add does not take i1"),
    ("%0: i64 = constant 1\n%1: i64 = multiply_add %0, %0, %0", "multiply_add does not take i64"),
    ("%0: f32 = constant 1\n%1: i1 = less_unsigned %0, %0", "less_unsigned does not take f32"),
    ("%0: f32x4 = lanes", "it gives f32x4"),
    ("%0: i32 = first_unit", "it gives i32"),
    ("%0: i8 = constant 0x1ff", "the bits do not fit in i8"),
    ("%0: i64x4 = lanes\n%1: i1 = less %0, %0", "it gives i1"),
    ("%0: i64x4 = lanes\n%1: i1x2 = less %0, %0", "it gives i1x2"),
    ("%0: i64 = constant 1\n%1: i64 = select %0, %0, %0", "the condition %0 is i64"),
    ("%0: i64x4 = lanes\n%1: i64x8 = lanes\n%2: i1x8 = less %1, %1\n%3: i64x4 = select %2, %0, %0", "is i1x8"),
    ("%0: i64 = constant 1\n%1: i64 = sign_extend %0", "it converts i64 to i64"),
    ("%0: i1 = constant true\n%1: f32 = signed_to_float %0", "it converts i1 to f32"),
    ("%0: f32x2 = splat %1\n%1: f32 = constant 1", "before its definition"),
    ("%0: f64 = constant 1\n%1: f32x4 = splat %0", "%0 is f64 and the result f32x4"),
    ("%0: i64x4 = lanes\n%1: i64 = extract %0[4]", "%0 has no lane 4"),
    ("%0: i64x4 = lanes\n%1: i64x2 = shuffle %0, %0, [0, 8]", "there is no lane 8"),
    ("%0: i64x4 = lanes\n%1: i64x4 = shuffle %0, %0, [0, 7]", "it gives i64x4"),
    // Blocks.
    ("%0: i64 = constant 1\nfor %1: i64 = %0 to %0 step 0 {\n}", "the loop has step 0"),
    ("%0: i32 = constant 1\nfor %1: i64 = %0 to %0 step 1 {\n}", "the loop's lower bound %0 is i32"),
    (
      "%0: i64 = constant 1\n%3: i64 = for %1: i64 = %0 to %0 step 1 carrying %2: i64 = %0 {\n}",
      "there are 1 carried registers and 0 values that the body yields"
    ),
    (
      "%0: i64 = constant 1\n%3: f32 = for %1: i64 = %0 to %0 step 1 carrying %2: i64 = %0 {\nyield %2\n}",
      "%2 is i64 and %3 is f32"
    ),
    ("%0: i64 = constant 1\nif %0 {\n}", "the condition %0 is i64"),
    ("%0: i1 = constant true\n%1: i1 = if %0 {\nyield %0\n}", "there are 1 results and 0 values that the second block"),
    ("%0: i64 = constant 1\nwhile {\ncontinue if %0\n} do {\n}", "the condition %0 is i64"),
    ("%0: i64 = constant 1\nyield %0", "the kernel's own block yields values"),
    // Memory.
    ("%0: i64 = constant 1\n%1: f32 = load b1[%0]", "b1 is for writing only"),
    ("%0: i64 = constant 1\n%1: f32 = constant 1\nstore b0[%0], %1", "b0 is for reading only"),
    ("%0: i64 = constant 1\n%1: f32 = load b5[%0]", "there is no buffer b5"),
    ("%0: i64 = constant 1\n%1: f64 = load b0[%0]", "b0 holds f32, not f64"),
    ("%0: i32 = constant 1\n%1: f32 = load b0[%0]", "the index %0 is i32"),
    ("%0: i64 = constant 1\n%1: i1 = constant true\n%2: f32x4 = load b0[%0], mask %1", "the mask %1 is i1"),
    ("%0: i64 = constant 1\nprefetch b0[%0], level 4", "there is no level 4"),
    ("%0: i64 = constant 1\nprefetch b0[%0], level 1 to write", "b0 is for reading only"),
    ("%0: i64 = constant 1\nfail 1 if %0 with %0", "the condition %0 is i64"),
    ("%0: i1 = constant true\nfail 1 if %0 with %0", "the value %0 is i1"),
    ("%0: i1 = constant true\n%1: i64 = constant 1\nfail 0 if %0 with %1", "the code is 0"),
  ]

  @Test(arguments: faults.indices) func faultsAreFound(_ index: Int) throws {
    let (body, message) = Self.faults[index]
    let kernel = try Self.kernel(body)
    do {
      try KernelVerifier.check(kernel)
      Issue.record("nothing is said of:\n\(kernel)")
    } catch let error as ApusError {
      #expect(error.fault == .defect)
      #expect(error.description.contains(message), "\(error)")
      #expect(error.message.hasPrefix("kernel @k, line ") || error.message.hasPrefix("kernel @k: "), "\(error)")
    }
  }

  // MARK: Bounds

  static let perUnit = """
    %0: i64 = first_unit
    %1: i64 = end_unit
    %2: i64 = constant 16
    for %3: i64 = %0 to %1 step 1 {
    %4: i64 = multiply %3, %2
    """

  /// Bodies whose accesses leave their buffers, and the range that is said.
  static let outside: [(body: String, range: String)] = [
    ("%0: i64 = constant 64\n%1: f32 = load b0[%0]", "b0[64] to b0[64]"),
    ("%0: i64 = constant -1\n%1: f32 = load b0[%0]", "b0[-1] to b0[-1]"),
    ("%0: i64 = constant 61\n%1: f32x4 = load b0[%0]", "b0[61] to b0[64]"),
    (perUnit + "\n%5: f32x17 = load b0[%4]\n}", "b0[0] to b0[64]"),
    (
      // The last iteration alone.
      """
      %0: i64 = constant 0
      %1: i64 = constant 63
      for %2: i64 = %0 to %1 step 4 {
      %3: f32x5 = load b0[%2]
      }
      """, "b0[0] to b0[64]"
    ),
    (
      // Lanes below 3 from 62 on.
      """
      %0: i32x4 = lanes
      %1: i32 = constant 3
      %2: i32x4 = splat %1
      %3: i1x4 = less %0, %2
      %4: i64 = constant 62
      %5: f32x4 = load b0[%4], mask %3
      """, "b0[62] to b0[64]"
    ),
    (
      """
      %0: i64x4 = lanes
      %1: i64 = constant 22
      %2: i64x4 = splat %1
      %3: i64x4 = multiply %0, %2
      %4: f32x4 = load b0[%3]
      """, "b0[0] to b0[66]"
    ),
    (
      // Whatever the loaded number is.
      """
      %0: i64 = constant 0
      %1: i64 = load b2[%0]
      %2: i64 = constant 8
      %3: i64 = remainder_unsigned %1, %2
      %4: i64 = constant 64
      %5: i64 = add %3, %4
      %6: f32 = load b0[%5]
      """, "b0[64] to b0[71]"
    ),
  ]

  @Test(arguments: outside.indices) func accessesOutsideAreFound(_ index: Int) throws {
    let (body, range) = Self.outside[index]
    let violations = KernelVerifier.violations(of: try Self.kernel(body))
    #expect(violations.first?.message.contains(range) ?? false, "\(violations) for\n\(body)")
  }

  /// Bodies that stay inside, for reasons that a coarse analysis would not see.
  static let inside: [String] = [
    perUnit + "\n%5: f32x16 = load b0[%4]\n}",
    // Masked at the end.
    """
    %0: i32x4 = lanes
    %1: i32 = constant 2
    %2: i32x4 = splat %1
    %3: i1x4 = less %0, %2
    %4: i64 = constant 62
    %5: f32x4 = load b0[%4], mask %3
    """,
    // A loop that never runs.
    """
    %0: i64 = constant 64
    for %1: i64 = %0 to %0 step 1 {
    %2: f32 = load b0[%1]
    }
    """,
    // A branch that never runs.
    """
    %0: i64 = constant 64
    %1: i1 = less %0, %0
    if %1 {
    %2: f32 = load b0[%0]
    }
    """,
    // Up to a minimum.
    """
    %0: i64 = first_unit
    %1: i64 = end_unit
    %2: i64 = constant 17
    %3: i64 = constant 64
    for %4: i64 = %0 to %1 step 1 {
    %5: i64 = multiply %4, %2
    %6: i64 = add %5, %2
    %7: i64 = minimum_signed %6, %3
    for %8: i64 = %5 to %7 step 1 {
    %9: f32 = load b0[%8]
    }
    }
    """,
    // Below a condition that is not known: it may never hold.
    """
    %0: i64 = constant 64
    %1: i64 = constant 0
    %2: i64 = load b2[%1]
    %3: i1 = less %2, %1
    if %3 {
    %4: f32 = load b0[%0]
    }
    """,
    // The index is not known.
    """
    %0: i64 = constant 0
    %1: i64 = load b2[%0]
    %2: f32 = load b0[%1]
    """,
  ]

  @Test(arguments: inside.indices) func accessesInsideAreNot(_ index: Int) throws {
    let violations = KernelVerifier.violations(of: try Self.kernel(Self.inside[index]))
    #expect(violations.isEmpty, "\(violations) for\n\(Self.inside[index])")
  }
}
