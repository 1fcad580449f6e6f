import ApusCore
import ApusGraph
import ApusKernelInterpreter
import ApusKernels
import ApusLowering
import ApusPasses
import ApusPlanning
import Foundation

/// A graph compiled ahead of time: an object file, a C header and weights, which need nothing else of Apus.
///
/// The plan is that of a native run, what is computed once (Winograd's filters) is among the weights, and the number of
/// threads changes nothing: so it gives the same bits.
public struct AheadOfTimeLibrary: Sendable {
  /// A relocatable, position-independent object file. It defines one symbol, and calls nothing.
  public let object: Data
  /// A C11 header, good for C++ too: shapes, sizes, and functions that load the weights and run the graph.
  public let header: String
  /// A C program that runs the graph on zeros.
  public let sample: String
  /// Variables, constants and what is computed once, each from a multiple of 64 bytes on.
  public let weights: Data
  /// The plan that the object was made from.
  package let program: KernelProgram

  /// A name for C, near to a graph's.
  public static func name(for graph: String) -> String { CNames.prefix(graph) }

  /// - Parameters:
  ///   - graph: static, before the passes. If it updates variables, runs change the weights.
  ///   - name: a C identifier, which all names begin with.
  ///   - backend: its target, and how it chooses algorithms; its workers do not matter.
  ///   - value: the variables' values, by label.
  /// - Throws: `ApusError` if a shape is symbolic, the name is none for C or a value is missing.
  public init(
    _ graph: Graph, name: String, backend: NativeBackend = NativeBackend(),
    value: (_ variable: String) throws -> Tensor
  ) throws {
    try self.init(graph, name: name, backend: backend, runsHere: backend.target.isRunnable, value: value)
  }

  /// - Parameter runsHere: whether this machine runs the target's code. Otherwise what is computed once is computed by the
  ///   kernel interpreter, which gives the same bits.
  package init(
    _ graph: Graph, name: String, backend: NativeBackend, runsHere: Bool,
    value: (_ variable: String) throws -> Tensor
  ) throws {
    guard CNames.isIdentifier(name) else {
      throw ApusError.usage(
        "'\(name)' is no name for C",
        help: "letters, digits and _, the first no digit; for example \(CNames.prefix(name))")
    }
    guard !CNames.shadowsHeader(name) else {
      throw ApusError.usage(
        "\(name).h would be found in place of the system's header of that name",
        help: "another name, as \(CNames.prefix(name))")
    }
    let optimized = try Compilation(backend: backend).optimized(graph).graph
    let (program, preparation) = try backend.plan(optimized)
    let variables = try optimized.variables.map { try value($0.declaration.label) }
    let prepared = try preparation.map { try Self.results(of: $0, variables, backend, runsHere: runsHere) } ?? []
    var weights = Weights()
    var sources: [CInterface.Source] = []
    var stored: [CInterface.Variable] = []
    // Several buffers may be the same memory: a variable, and what becomes its new value in place.
    var offsets: [ProgramBuffer.Place: Int] = [:]
    func offset(_ place: ProgramBuffer.Place, _ tensor: Tensor) -> Int {
      if let known = offsets[place] { return known }
      let offset = weights.add(tensor)
      offsets[place] = offset
      return offset
    }
    for buffer in program.buffers {
      switch buffer.place {
      case .arena(let offset): sources.append(.arena(offset: offset))
      // No launch reads it.
      case .variable where buffer.lifetime == nil: sources.append(.weights(offset: 0))
      case .constant(let tensor): sources.append(.weights(offset: offset(buffer.place, tensor)))
      case .precomputed(let position): sources.append(.weights(offset: offset(buffer.place, prepared[position])))
      case .variable(let position):
        let isNew = offsets[buffer.place] == nil
        let place = offset(buffer.place, variables[position])
        sources.append(.weights(offset: place))
        if isNew {
          stored.append(
            CInterface.Variable(
              label: optimized.variables[position].declaration.label, offset: place,
              byteCount: variables[position].byteCount))
        }
      case .parameter(let position): sources.append(.input(position))
      case .output(let position): sources.append(.output(position))
      case .dataset, .rows, .series: throw ApusError.defect("a single run has no rows")
      }
    }
    self.weights = weights.bytes
    self.program = program
    object = try ProgramCompiler(target: backend.target).object(program, prefix: name)
    let interface = CInterface(
      graph: graph, program: program, name: name, sources: sources, weightBytes: weights.bytes.count, variables: stored)
    (header, sample) = (interface.header, interface.sample)
  }

  /// What is computed before the first run.
  private static func results(
    of preparation: KernelProgram, _ variables: [Tensor], _ backend: NativeBackend, runsHere: Bool
  ) throws -> [Tensor] {
    if runsHere {
      let compiler = ProgramCompiler(target: backend.target, cache: backend.cache)
      return try Preparation(preparation, compiler).results(
        of: variables, workers: backend.workers, areZero: true)
    }
    let results = try preparation.makeOutputs(areZero: true)
    try InterpretedProgram(preparation).run { Preparation.address($0, variables, results) }
    return results
  }
}

/// The bytes of the weights file.
private struct Weights {
  private(set) var bytes = Data()

  /// - Returns: where the tensor begins.
  mutating func add(_ tensor: Tensor) -> Int {
    let rest = bytes.count % Memory.alignment
    if rest > 0 { bytes.append(Data(count: Memory.alignment - rest)) }
    let offset = bytes.count
    tensor.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return offset
  }
}
