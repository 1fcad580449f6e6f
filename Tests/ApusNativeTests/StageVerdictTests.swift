import Apus
import ApusKernels
import ApusLowering
import ApusNative
import ApusPlanning
import Testing

/// A fault planted in lowering, and one in code generation, each named as such by the three witnesses.
@Suite struct StageVerdictTests {
  private static let text = """
    graph @difference(%x: f32[5, 7], %y: f32[5, 7]) {
      %d: f32[5, 7] = subtract(%x, %y)
      %s: f32[5] = reduce_sum(%d, axes: [1])
      return %s
    }
    """

  private let feeds: [Tensor]

  init() throws {
    let inputs = RandomInputs(seed: 3)
    feeds = try ["x", "y"].map { try inputs.tensor($0, TensorType(.f32, Shape([5, 7]))) }
  }

  /// What the three witnesses say if lowering gives `lowered` of the right program, and code generation treats
  /// `compiled` of that as if it were it.
  private func verdict(
    lowered: (KernelProgram) -> KernelProgram = { $0 }, compiled: (KernelProgram) -> KernelProgram = { $0 }
  ) throws -> StageVerdict {
    let native = NativeBackend(workers: 1)
    let graph = try native.optimized(Graph.parse(Self.text)[0])
    let (program, preparation) = try native.plan(graph)
    let kernels = try KernelInterpreterExecutable(graph, lowered(program), preparation: preparation)
    let code = try NativeExecutable(
      graph, compiled(lowered(program)), preparation: preparation,
      ProgramCompiler(target: native.target, verifies: true, cache: nil), workers: 1)
    return try StageVerdict.of(
      graph: InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs,
      kernels: kernels.run(feeds, variables: []).outputs, native: code.run(feeds, variables: []).outputs
    ) { a, b in
      zip(a, b).compactMap { TensorComparison.firstDifference($0, $1, tolerance: 1e-4).map { "\($0)" } }.first
    }
  }

  /// Subtractions of floats become sums.
  private func withSums(_ program: KernelProgram) -> KernelProgram {
    var program = program
    for index in program.kernels.indices {
      let kernel = program.kernels[index]
      program.kernels[index].body = kernel.body.mapInstructions { instruction in
        guard case .binary(.subtract, let a, let b) = instruction, kernel.type(of: a).scalar == .f32 else {
          return instruction
        }
        return .binary(.add, a, b)
      }
    }
    return program
  }

  @Test func withoutAFaultAllAgree() throws { #expect(try verdict() == .agreement) }

  @Test func aFaultInLoweringIsNamed() throws {
    let verdict = try verdict(lowered: withSums)
    guard case .lowering = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(verdict.description.hasPrefix("lowering is at fault: the kernels do not compute what the graph says"))
  }

  @Test func aFaultInCodeGenerationIsNamed() throws {
    let verdict = try verdict(compiled: withSums)
    guard case .codeGeneration = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(
      verdict.description.hasPrefix("code generation is at fault: native code does not give what its kernels do"))
  }

  @Test func faultsInBothAreNamed() throws {
    let verdict = try verdict(lowered: withSums) { program in
      var program = program
      // No launch: what is in the output is not what the kernels give.
      program.steps = []
      return program
    }
    guard case .both = verdict else {
      Issue.record("\(verdict)")
      return
    }
  }
}

extension Block {
  /// The same block with other instructions; those in nested blocks too.
  fileprivate func mapInstructions(_ change: (Instruction) -> Instruction) -> Block {
    var block = self
    for index in block.statements.indices {
      switch block.statements[index].instruction {
      case .loop(var loop):
        loop.body = loop.body.mapInstructions(change)
        block.statements[index].instruction = .loop(loop)
      case .branch(var branch):
        branch.then = branch.then.mapInstructions(change)
        branch.otherwise = branch.otherwise.mapInstructions(change)
        block.statements[index].instruction = .branch(branch)
      case let instruction: block.statements[index].instruction = change(instruction)
      }
    }
    return block
  }
}
