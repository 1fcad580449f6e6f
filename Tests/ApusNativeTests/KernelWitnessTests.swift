import Apus
import ApusKernelInterpreter
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import TestSupport
import Testing

/// Kernels run without LLVM: each instruction against `ScalarReference`, each operator against independent values, and
/// whole graphs bit by bit against native code.
@Suite struct KernelWitnessTests {
  private func interpret(_ kernel: Kernel, _ inputs: [Elements], _ outputs: [DType], count: Int) throws -> [Tensor] {
    let tensors =
      try inputs.map { input in
        var tensor = try Tensor(zeros: input.dtype, [count])
        tensor.withUnsafeMutableBytes { $0.copyBytes(from: input.bytes) }
        return tensor
      } + outputs.map { try Tensor(zeros: $0, [count]) }
    let failure = try InterpretedKernel(kernel).run(tensors.map { UnsafeMutableRawPointer(mutating: $0.rawAddress) })
    #expect(failure == nil)
    return Array(tensors.dropFirst(inputs.count))
  }

  @Test(arguments: [1, 4, 16]) func everyArithmeticInstruction(lanes: Int) throws {
    for (dtype, type) in InstructionTests.dtypes {
      let columns = InstructionTests.columns(type, dtype)
      let (a, b) = InstructionTests.pairs(type)
      let builder = KernelBuilder(target: .avx2)
      let inputs = (0..<2).map { _ in builder.buffer(dtype, .read, count: a.count) }
      let outputs = columns.map { builder.buffer($0.dtype, .write, count: a.count) }
      builder.forEachUnit { unit in
        let at = builder.multiply(unit, lanes)
        let x = builder.load(inputs[0], at, lanes: lanes)
        let y = builder.load(inputs[1], at, lanes: lanes)
        for (output, column) in zip(outputs, columns) { builder.store(output, at, column.emit(builder, x, y)) }
      }
      let kernel = builder.build(name: "every \(type)", units: a.count / lanes)
      let results = try interpret(
        kernel, [Elements(dtype, bits: a), Elements(dtype, bits: b)], columns.map(\.dtype), count: a.count)
      for (column, result) in zip(columns, results) {
        let bits = result.withUnsafeBytes { bytes in
          a.indices.map { index in
            (0..<column.dtype.byteCount).reduce(UInt64(0)) {
              $0 | UInt64(bytes[index * column.dtype.byteCount + $1]) << UInt64(8 * $1)
            }
          }
        }
        for index in a.indices {
          let expected = column.expected(a[index], b[index])
          guard ScalarReference.isSame(bits[index], expected, column.dtype.scalarType) else {
            Issue.record(
              "\(column.label) of \(type): \(a[index]), \(b[index]) gives \(bits[index]), not \(expected)")
            break
          }
        }
      }
    }
  }

  @Test func everyReferenceCase() throws {
    var faults: [String: [String]] = [:]
    for reference in try ReferenceCase.loadAll() {
      do {
        faults[reference.op, default: []] += try reference.mismatches(in: KernelInterpreterBackend(), slack: 4)
      } catch { faults[reference.op, default: []].append("\(reference): \(error)") }
    }
    for (op, messages) in faults.sorted(by: { $0.key < $1.key }) where !messages.isEmpty {
      Issue.record("\(op): \(messages.count) faults, as \(messages.prefix(2).joined(separator: "; "))")
    }
  }

  /// Without an instruction for estimates of roots, native code and the kernel interpreter give the same bits.
  @Test(arguments: GraphFileTests.paths) func nativeCodeGivesTheSameBits(_ path: String) throws {
    let target = try NativeTarget.named("x86-64-v3")
    guard target.isRunnable else { return }
    for graph in try GraphFile.load(Repository.file(path).path) {
      let bound = try graph.bound(to: .inference)
      let sizes = bound.symbols.enumerated().map { ($1, 3 + 2 * $0) }
      let graph = try bound.specialized(Dictionary(sizes, uniquingKeysWith: { first, _ in first }))
      let inputs = RandomInputs(seed: 7)
      func value(_ id: ValueID) throws -> Tensor {
        try inputs.tensor(graph.name(of: id) ?? "\(id)", graph.type(of: id))
      }
      let feeds = try graph.parameters.map(value)
      let variables = try graph.variables.map { try value($0.id) }
      let native = NativeBackend(workers: 1, target: target)
      let kernels = Result { try KernelInterpreterBackend(native).compile(graph).run(feeds, variables: variables) }
      let code = Result { try native.compile(graph).run(feeds, variables: variables) }
      switch (kernels, code) {
      case (.failure(let a as ApusError), .failure(let b as ApusError)): #expect(a.message == b.message)
      case (.failure(let error), _), (_, .failure(let error)): Issue.record("\(path): @\(graph.name): \(error)")
      case (.success(let a), .success(let b)):
        let pairs = zip(a.outputs + a.updates.map(\.value), b.outputs + b.updates.map(\.value))
        for (position, (x, y)) in pairs.enumerated() where x != y {
          let (p, q) = (x.doubles(), y.doubles())
          let differing = p.indices.filter { !(p[$0] == q[$0] || p[$0].isNaN && q[$0].isNaN) }
          #expect(
            differing.isEmpty,
            "\(path): @\(graph.name), result \(position): \(differing.prefix(3).map { "\(p[$0]) and \(q[$0])" })")
        }
      }
    }
  }

  /// An access outside, and a division that traps, are said with the kernel, the line and the element.
  @Test func whatLeavesItsBufferIsFound() throws {
    let text = """
      kernel @gather(b0: read i64[4], b1: write i64[4]) units 4 {
        %0: i64 = first_unit
        %1: i64 = end_unit
        for %2: i64 = %0 to %1 step 1 {
          %3: i64 = load b0[%2]
          %4: i64 = load b0[%3]
          %5: i64 = divide_signed %2, %4
          store b1[%2], %5
        }
      }
      """
    let kernel = try InterpretedKernel(try #require(try Kernel.parse(text).first))
    func run(_ elements: [Int64]) throws {
      let (input, output) = (Tensor(elements), Tensor([0, 0, 0, 0] as [Int64]))
      _ = try kernel.run([input, output].map { UnsafeMutableRawPointer(mutating: $0.rawAddress) })
    }
    func defect(_ elements: [Int64]) -> String {
      do { try run(elements) } catch let error as ApusError where error.fault == .defect { return error.message } catch
      {}
      return "nothing"
    }
    #expect(defect([1, 1, 2, 3]) == "nothing")
    #expect(
      defect([1, 2, 4, 3])
        == "kernel @gather, line 6, `%4: i64 = load b0[%3]` reads b0[4] in lane 0, but b0 has 4 elements")
    #expect(
      defect([0, 0, 0, 0]) == "kernel @gather, line 7, `%5: i64 = divide_signed %2, %4` divides 0 by 0")
  }
}
