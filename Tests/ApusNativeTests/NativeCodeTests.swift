import ApusCore
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Foundation
import Testing

@Suite struct NativeCodeTests {
  private func object() throws -> (data: Data, symbol: String) {
    let result = try KernelCompiler(verifies: true).compile([ObjectCacheTests.kernel(2)])
    return (result.objects[0], result.symbols[0])
  }

  @Test func functionsAreFoundByName() throws {
    let (data, symbol) = try object()
    let code = try NativeCode([data])
    _ = try code.address(of: symbol)
    #expect(throws: ApusError.self) { try code.address(of: "missing") }
    #expect(code.byteCount >= 4096)
  }

  /// Files that are cut off or damaged give an error, or code that is never run; nothing is read or written outside of
  /// them.
  @Test func damagedObjectsAreRefused() throws {
    let (data, _) = try object()
    // The last 8 bytes are a size that nothing needs.
    for length in stride(from: 0, to: data.count - 8, by: 7) {
      #expect(throws: ApusError.self, "cut off at \(length)") { try NativeCode([data.prefix(length)]) }
    }
    for position in data.indices {
      var damaged = data
      damaged[position] ^= position % 2 == 0 ? 0xff : 1
      _ = try? NativeCode([damaged])
    }
  }

  @Test func theSameFunctionTwiceIsRefused() throws {
    let (data, _) = try object()
    #expect(throws: ApusError.self) { try NativeCode([data, data]) }
  }

  @Test func otherProcessorsCodeIsRefused() throws {
    let objects = try KernelCompiler(target: .named("aarch64"), verifies: true).compile([NativeTargetTests.kernel()])
      .objects
    let error = #expect(throws: ApusError.self) { try NativeCode(objects) }
    #expect(error?.message.contains("x86-64") == true)
  }
}

@Suite struct NativeTargetTests {
  /// One of everything that a target's instruction selection could stumble over, in vectors of 16 bytes.
  static func kernel() -> Kernel {
    let b = KernelBuilder(target: .neon)
    let (x, y) = (b.buffer(.f32, .read, count: 64), b.buffer(.f32, .write, count: 64))
    let h = b.buffer(.f16, .write, count: 64)
    b.forEachUnit { unit in
      let at = b.multiply(unit, 4)
      let value = b.load(x, at, lanes: 4)
      let n = b.unary(.round, value)
      let scaled = b.binary(.scaleByPowerOfTwo, b.unary(.squareRoot, b.unary(.absolute, value)), n)
      let root = b.unary(.reciprocalSquareRootEstimate, scaled)
      let mask = b.compare(.less, value, root)
      b.store(y, at, b.multiplyAdd(scaled, root, b.select(mask, value, root)))
      b.store(y, b.multiply(b.lanes(RegisterType(.i64, lanes: 4)), 3), value, mask: mask)
      b.store(h, at, b.convert(.floatToHalf, value, to: .i16), mask: mask)
      b.fail(where: b.extract(mask, lane: 0), code: 1, value: unit)
    }
    return b.build(name: "everything", units: 16)
  }

  /// Lines are fetched to be written by an instruction that not all processors with AVX2 list: code for these does without.
  @Test(arguments: [("x86-64-v3", false), ("x86-64-v4", true), ("znver4", true), ("emeraldrapids", true)])
  func linesAreFetchedToBeWritten(_ name: String, _ isKnown: Bool) throws {
    let b = KernelBuilder(target: .neon)
    let y = b.buffer(.f32, .write, count: 64)
    b.forEachUnit { unit in b.prefetch(y, b.multiply(unit, 16), isWrite: true) }
    let compiler = KernelCompiler(target: try .named(name), verifies: true)
    let text = try compiler.textAssembly([b.build(name: "fetch", units: 4)])
    #expect(text.contains("prefetch") && text.contains("prefetchw") == isKnown, "\(text)")
  }

  @Test(arguments: NativeTarget.names) func everyTargetGivesAssembly(_ name: String) throws {
    let compiler = KernelCompiler(target: try .named(name), verifies: true)
    let text = try compiler.textAssembly([NativeTargetTests.kernel()])
    #expect(text.contains("everything:"))
    // Nothing outside is called.
    let calls = text.split(separator: "\n").filter { line in
      let word = line.split(whereSeparator: \.isWhitespace).first ?? ""
      return ["call", "callq", "bl", "blr"].contains(word)
    }
    #expect(calls.isEmpty, "\(calls)")
    if name == "aarch64" { #expect(text.contains("fmla") && text.contains(".4s")) }
    let llvm = try compiler.textLLVM([NativeTargetTests.kernel()])
    #expect(llvm.contains("define void @everything(ptr"))
    #expect(llvm.contains("no-builtins"))
  }

  @Test func namesAreChecked() throws {
    let error = #expect(throws: ApusError.self) { try NativeTarget.named("x86-64-v5") }
    #expect(error?.description.contains("x86-64-v") == true)
    let native = try NativeTarget.named("native")
    #expect(native == .host)
    #expect(throws: ApusError.self) { try NativeTarget.named("aarch64").checkRunnable() }
  }

  @Test func registersAreComputedBeforeTheyAreUsed() throws {
    let kernel = NativeTargetTests.kernel()
    var broken = kernel
    broken.body.statements.removeFirst()
    #expect(throws: ApusError.self) { try KernelCompiler().compile([broken]) }
  }
}
