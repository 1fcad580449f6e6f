import Apus
import ApusGraph
import ApusOperators
import Foundation
import TestSupport
import Testing

/// Operators of a program's own that are wrong: the error names the operator and what its author has to mend.
@Suite struct WrongOperatorTests {
  private func graph(_ op: some Operator) throws -> Graph {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3])
    return try builder.build([try builder.append(op, [x])[0]])
  }

  private func run(_ op: some Operator) throws -> [Tensor] {
    try Interpreter(graph(op)).run([Tensor([1, 2, 3] as [Float])], variables: []).outputs
  }

  // MARK: Kernels

  @Test func aMissingKernelNamesProtocolAndFile() throws {
    expectError("the interpreter has no kernel for without_kernel") { try run(WithoutKernel()) }
    expectError("WithoutKernel must conform to Interpretable (Sources/ApusInterpreter/Interpretable.swift)") {
      try run(WithoutKernel())
    }
    expectError("there is no native code for without_kernel") { try NativeBackend().prepare(graph(WithoutKernel())) }
    expectError("ElementLowerable (Sources/ApusLowering/ElementLowerable.swift)") {
      try NativeBackend().prepare(graph(WithoutKernel()))
    }
    // The files are there.
    for file in ["Interpreter/Interpretable", "Lowering/ElementLowerable", "Lowering/NodeLowering", "Graph/Operator"] {
      #expect(FileManager.default.fileExists(atPath: Repository.file("Sources/Apus\(file).swift").path))
    }
  }

  @Test(arguments: [WrongKernel.Result.shape, .dtype, .fewer, .more]) func aKernelGivesWhatItsShapeRuleSays(
    _ result: WrongKernel.Result
  ) throws {
    expectError("= wrong_kernel: its kernel gives (") { try run(WrongKernel(result)) }
    expectError("but its shape rule says (f32[3])") { try run(WrongKernel(result)) }
  }

  @Test func aRightKernelRuns() throws {
    #expect(try run(WrongKernel(.right)) == [Tensor([1, 2, 3] as [Float])])
  }

  // MARK: Expansions

  @Test func anExpansionGivesWhatItsShapeRuleSays() throws {
    for op in [WrongExpansion(count: 0), WrongExpansion(count: 2), WrongExpansion(count: 1, sums: true)] {
      expectError("the expansion of wrong_expansion gives (") { try run(op) }
      expectError("but its shape rule says (f32[3])") { try gradient(op) }
    }
    #expect(try run(WrongExpansion(count: 1)) == [Tensor([1, 2, 3] as [Float])])
  }

  private func gradient(_ op: some Operator) throws -> [Value] {
    let builder = GraphBuilder()
    let x = try builder.parameter("x", .f32, [3])
    return try gradients(of: builder.append(op, [x])[0].sum(), withRespectTo: [x])
  }

  /// With a shape rule of its own, and with one that follows from the expansion.
  @Test func anEndlessExpansionIsNamed() throws {
    expectError("the expansion of endless does not end: endless → endless …") { try run(Endless()) }
    expectError("the expansion of endless does not end: endless → endless …") { try gradient(Endless()) }
    expectError("the expansion of ping does not end: ping → pong → ping …") { try run(Ping()) }
    #expect(Endless().flopCount([TensorType(.f32, [3])], [TensorType(.f32, [3])], []) == 0)
  }

  // MARK: Modes

  @Test func aBindingGivesWhatItsShapeRuleSays() throws {
    let graph = try graph(WrongBinding())
    expectError("wrong_binding, bound to training, gives (f32), but its shape rule says (f32[3])") {
      try graph.bound(to: .training)
    }
    #expect(try graph.bound(to: .inference).outputTypes == [TensorType(.f32, [3])])
  }
}

// MARK: The operators

private protocol OperatorWithoutGradient: Operator {}
extension OperatorWithoutGradient {
  func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }
}

private func record(_ name: String, traits: OperatorTraits = []) -> OperatorRecord {
  OperatorRecord(name, .elementwise, "an operator of a test", operands: [OperandRecord("x", .floating)], traits: traits)
}

private struct WithoutKernel: OperatorWithoutGradient {
  static let record = ApusOperatorsTests.record("without_kernel", traits: .elementwise)
}

struct WrongKernel: Interpretable {
  enum Result: Sendable { case right, shape, dtype, fewer, more }
  var result = Result.right
  init() {}
  init(_ result: Result) { self.result = result }

  static let record = ApusOperatorsTests.record("wrong_kernel")
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }
  func gradient(_ context: GradientContext) throws -> [Value?] { [nil] }
  func evaluate(_ operands: inout [Tensor], _ context: KernelContext) throws -> [Tensor] {
    switch result {
    case .right: operands
    case .shape: [try operands[0].reshaped([3, 1])]
    case .dtype: [Tensor(operands[0].doubles())]
    case .fewer: []
    case .more: operands + operands
    }
  }
}

private struct WrongExpansion: CompositeOperator {
  var count = 1
  var sums = false
  static let record = ApusOperatorsTests.record("wrong_expansion")
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }
  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] {
    let x = sums ? try operands[0].sum() : operands[0]
    return [Value](repeating: x, count: count)
  }
}

private struct Endless: CompositeOperator {
  static let record = ApusOperatorsTests.record("endless")
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }
  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { try builder.append(self, operands) }
}

private struct Ping: CompositeOperator {
  static let record = ApusOperatorsTests.record("ping")
  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { try builder.append(Pong(), operands) }
}

private struct Pong: CompositeOperator {
  static let record = ApusOperatorsTests.record("pong")
  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { try builder.append(Ping(), operands) }
}

private struct WrongBinding: ModeDependentOperator {
  static let countsSteps = false
  static let record = ApusOperatorsTests.record("wrong_binding")
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [operands[0]] }
  func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value] {
    mode == .training ? [try operands[0].sum()] : operands
  }
}
