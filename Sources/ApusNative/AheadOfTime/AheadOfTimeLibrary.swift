import ApusCore
import ApusGraph
import ApusKernels
import ApusLowering
import ApusPasses
import ApusPlanning
import Foundation

/// A graph compiled ahead of time: an object file, a C header and weights, which need nothing else of Apus.
///
/// The code is that of a native run on one worker, so it gives the same bits.
public struct AheadOfTimeLibrary: Sendable {
  /// A relocatable, position-independent object file. It defines one symbol, and calls nothing.
  public let object: Data
  /// A C11 header, good for C++ too: shapes, sizes, and functions that load the weights and run the graph.
  public let header: String
  /// Variables and constants, each from a multiple of 64 bytes on.
  public let weights: Data

  /// - Parameters:
  ///   - graph: static, without updates, before the passes.
  ///   - name: a C identifier, which all names begin with.
  ///   - values: the variables' values, by label.
  /// - Throws: `ApusError` if the graph updates variables, a shape is symbolic or a value is missing.
  public init(
    _ graph: Graph, name: String, target: NativeTarget = .host, value: (_ variable: String) throws -> Tensor
  ) throws {
    guard CInterface.isIdentifier(name) else {
      throw ApusError.usage(
        "'\(name)' is no name for C",
        help: "letters, digits and _, the first no digit; for example \(CInterface.identifier(name))")
    }
    if let update = graph.updates.first {
      throw ApusError.input(
        "graph @\(graph.name) updates \(graph.label(of: update.variable)); only graphs that leave their variables alone can be compiled ahead of time",
        help: "compile the model for inference")
    }
    // Nothing is prepared: there is no first run to do it in. So filters would be transformed in each run.
    var backend = NativeBackend(workers: 1, target: target)
    backend.winogradTile = 1
    let optimized = try Compilation(backend: backend).optimized(graph).graph
    let (program, _) = try backend.plan(optimized, precomputing: false)
    let variables = try optimized.variables.map { try value($0.declaration.label) }
    var weights = Data()
    var sources: [CInterface.Source] = []
    for buffer in program.buffers {
      func stored(_ tensor: Tensor) -> CInterface.Source {
        let rest = weights.count % Memory.alignment
        if rest > 0 { weights.append(Data(count: Memory.alignment - rest)) }
        let offset = weights.count
        tensor.withUnsafeBytes { weights.append(contentsOf: $0) }
        return .weights(offset: offset)
      }
      switch buffer.place {
      case .arena(let offset): sources.append(.arena(offset: offset))
      // No launch reads it.
      case .variable where buffer.lifetime == nil: sources.append(.weights(offset: 0))
      case .constant(let tensor): sources.append(stored(tensor))
      case .variable(let position): sources.append(stored(variables[position]))
      case .parameter(let position): sources.append(.input(position))
      case .output(let position): sources.append(.output(position))
      case .precomputed, .dataset, .rows, .series: throw ApusError.defect("a single run has no rounds")
      }
    }
    self.weights = weights
    object = try ProgramCompiler(target: target).object(program, prefix: name)
    header = CInterface(graph: graph, program: program, name: name, sources: sources, weightBytes: weights.count).header
  }
}
