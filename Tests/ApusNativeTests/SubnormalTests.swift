import Apus
import ApusNative
import TestSupport
import Testing

/// What becomes of results below the least normal number: kept, or zeros of their sign, by what a backend is told.
@Suite struct SubnormalTests {
  /// So many elements that two workers share them.
  private static let count = 100_003

  /// Half of %v, and for training half of it as its next value.
  private func graph(_ dtype: DType, updates: Bool) throws -> Graph {
    try Graph.parse(
      """
      graph @half(%x: \(dtype)[\(Self.count)]) {
        %v: \(dtype)[\(Self.count)] = variable(zeros)
        %c: \(dtype) = constant(0.5)
        %h = multiply(%v, %c)
        %y = multiply(%x, %c)
        \(updates ? "update %v = %h" : "")
        return %y, %h
      }
      """)[0]
  }

  /// The least normal number, its negative, half of the former and 1, again and again.
  private func sample(_ dtype: DType) throws -> Tensor {
    let least: [Double]
    switch dtype {
    case .f64: least = [0x1p-1022, -0x1p-1022, 0x1p-1023, 1]
    default: least = [0x1p-126, -0x1p-126, 0x1p-127, 1]
    }
    let values = (0..<Self.count).map { least[$0 % 4] }
    return try dtype == .f64 ? Tensor(values, [Self.count]) : Tensor(values.map { Float($0) }, [Self.count])
  }

  private func results(
    _ dtype: DType, _ subnormals: Subnormals, updates: Bool, workers: Int
  ) throws -> [[Double]] {
    var backend = NativeBackend(workers: workers)
    backend.subnormals = subnormals
    let executable = try backend.compile(graph(dtype, updates: updates))
    let x = try sample(dtype)
    let result = try executable.run([x], variables: [x])
    return (result.outputs + result.updates.map(\.value)).map { $0.doubles() }
  }

  @Test(arguments: [DType.f32, .f64], [1, 2, 3])
  func whatIsKept(_ dtype: DType, _ workers: Int) throws {
    let kept = try sample(dtype).doubles().map { $0 / 2 }
    let least = dtype == .f64 ? 0x1p-1022 : 0x1p-126
    let flushed = kept.map { abs($0) < least ? (0).withSign(of: $0) : $0 }
    for (subnormals, updates, expected) in [
      (Subnormals.auto, false, kept), (.auto, true, flushed), (.keep, true, kept), (.flush, false, flushed),
    ] {
      let results = try results(dtype, subnormals, updates: updates, workers: workers)
      #expect(results.count == (updates ? 3 : 2))
      for result in results {
        // Signs of zeros, too.
        #expect(result.map(\.bitPattern) == expected.map(\.bitPattern), "\(subnormals), updates \(updates)")
      }
      // The workers, of which this thread is one, are as before.
      #expect(Float(0x1p-126).halved == 0x1p-127)
    }
  }

  /// A run that fails restores the processor's register, too.
  @Test func afterFailures() throws {
    var backend = NativeBackend(workers: 2)
    backend.subnormals = .flush
    let graph = try Graph.parse(
      """
      graph @choose(%i: i32[3]) {
        %y = check_index(%i, size: 2)
        return %y
      }
      """)[0]
    let executable = try backend.compile(graph)
    #expect(throws: ApusError.self) { try executable.run([Tensor([Int32(0), 1, 2])], variables: []) }
    #expect(Float(0x1p-126).halved == 0x1p-127)
    let kept = try results(.f32, .keep, updates: true, workers: 2)
    #expect(kept[1][0] == 0x1p-127)
  }

  /// Plans say it, and only machine code of such plans changes the register.
  @Test func textsShowIt() throws {
    for (subnormals, flushes) in [(Subnormals.keep, false), (.auto, true)] {
      var backend = NativeBackend(target: try .named("x86-64-v3"))
      backend.subnormals = subnormals
      let program = try backend.plan(backend.optimized(graph(.f32, updates: true), passes: .level(.standard))).program
      #expect(program.flushesSubnormals == flushes)
      #expect(program.description.contains("flushes subnormals") == flushes)
      let assembly = try ProgramCompiler(target: backend.target).text(program, isAssembly: true)
      #expect(assembly.contains("ldmxcsr") == flushes)
    }
  }

  /// A mean of gradients that have become 0 ends in 0 rather than in subnormal numbers.
  @Test func meansOfGradientsEndInZero() throws {
    func least(_ subnormals: Subnormals) throws -> Double {
      var backend = NativeBackend(workers: 1)
      backend.subnormals = subnormals
      let graph = try Graph.parse(
        """
        graph @mean(%g: f32[64]) {
          %m: f32[64] = variable(ones)
          %rho: f32 = constant(0.9)
          %rest: f32 = constant(0.1)
          %1 = multiply(%m, %rho)
          %2 = multiply(%g, %rest)
          %3 = add(%1, %2)
          update %m = %3
          return %3
        }
        """)[0]
      let executable = try backend.compile(graph)
      var variables = [try Tensor(repeating: 1, .f32, [64])]
      let feeds = [try Tensor(zeros: .f32, [64])]
      for _ in 0..<1200 { _ = try executable.run(feeds, updating: &variables) }
      return variables[0].doubles()[0]
    }
    #expect(try least(.auto) == 0)
    let kept = try least(.keep)
    #expect(kept > 0 && kept < 0x1p-126)
  }
}

extension Float {
  /// In a function of its own, so that the processor computes it.
  @inline(never) fileprivate var halved: Float { self * 0.5 }
}

extension Double {
  fileprivate func withSign(of other: Double) -> Double { other.sign == .minus ? -self : self }
}
