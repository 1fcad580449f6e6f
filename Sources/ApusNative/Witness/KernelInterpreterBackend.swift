import ApusCore
import ApusGraph
import ApusKernelInterpreter
import ApusKernels
import ApusPlanning

/// Runs the kernels of graphs without LLVM: the same passes, lowering and plan as native code, then `InterpretedProgram`.
///
/// A witness, not a way to be fast: the graph's interpreter differs from it if lowering is wrong, native code if code
/// generation is. `StageVerdict` draws the conclusion.
public struct KernelInterpreterBackend: Backend {
  /// What lowers and plans; its code generator is not used.
  public var native: NativeBackend

  public init(_ native: NativeBackend = NativeBackend()) { self.native = native }

  public var name: String { "kernels" }

  public func prepare(_ graph: Graph) throws -> any Executable { try executable(graph) }

  public func passes(for graph: Graph) -> BackendPasses { native.passes(for: graph) }

  public func executable(_ graph: Graph) throws -> KernelInterpreterExecutable {
    let (program, preparation) = try native.plan(graph)
    return try KernelInterpreterExecutable(graph, program, preparation: preparation)
  }
}

/// A graph whose kernels are interpreted.
public final class KernelInterpreterExecutable: Executable {
  private let graph: Graph
  private let program: InterpretedProgram
  private let preparation: InterpretedProgram?
  private let updated: [Int]
  private let outputTypes: [(dtype: DType, dimensions: [Int])]

  /// - Parameters:
  ///   - graph: as it was lowered.
  package init(_ graph: Graph, _ program: KernelProgram, preparation: KernelProgram?) throws {
    self.graph = graph
    self.program = try InterpretedProgram(program)
    self.preparation = try preparation.map { try InterpretedProgram($0) }
    updated = try graph.updatedVariables
    outputTypes = graph.outputTypes.map { ($0.dtype, $0.shape.numbers ?? []) }
  }

  public func run(_ feeds: [Tensor], variables: [Tensor]) throws -> RunResult {
    try graph.checkArguments(feeds, variables)
    var values = variables
    for position in values.indices { try values[position].makeUnique() }
    let prepared = try preparation?.outputs { place in
      if case .variable(let position) = place { values[position].rawAddress } else { nil }
    }
    let outputs = try outputTypes.map { try Tensor(uninitialized: $0.dtype, $0.dimensions) }
    try program.run { place in
      switch place {
      case .parameter(let position): feeds[position].rawAddress
      case .variable(let position): values[position].rawAddress
      case .precomputed(let position): prepared?[position].rawAddress
      case .output(let position): outputs[position].rawAddress
      case .arena, .constant, .dataset, .rows, .series: nil
      }
    }
    extendLifetime(feeds)
    extendLifetime(prepared)
    extendLifetime(outputs)
    return RunResult(outputs: outputs, updates: updated.map { ($0, values[$0]) })
  }
}

extension InterpretedProgram {
  /// Runs the program once and gives its outputs, as bytes.
  fileprivate func outputs(_ address: (ProgramBuffer.Place) -> UnsafeRawPointer?) throws -> [Tensor] {
    let outputs = try program.makeOutputs()
    try run { place in
      if case .output(let position) = place { outputs[position].rawAddress } else { address(place) }
    }
    extendLifetime(outputs)
    return outputs
  }
}
