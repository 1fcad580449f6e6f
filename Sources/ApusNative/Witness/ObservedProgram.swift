import ApusCore
import ApusGraph
import ApusKernels
import ApusPlanning

/// A program that copies each value right after the launch that has written it, so that it can be looked at although its
/// memory is used again.
struct ObservedProgram {
  /// A value of the graph, and the launch that writes it.
  struct Point {
    let origin: String
    let value: ValueID
  }

  private(set) var program: KernelProgram
  private(set) var points: [Point] = []
  private let graph: Graph

  /// - Parameter graph: as it was lowered. Loops and branches are looked at by what launches after them make of their results.
  init(_ program: KernelProgram, _ graph: Graph, target: ProcessorModel) {
    self.program = program
    self.graph = graph
    var ids: [ProgramBuffer.Place: ValueID] = [:]
    // A launch that writes a variable computes its new value.
    for (position, variable) in graph.variables.enumerated() {
      ids[.variable(position)] = graph.updates.first { $0.variable == variable.id }?.value
    }
    var named: [String: ValueID] = [:]
    // The buffers of a loop's results hold first values before it, and its body's own in it.
    for node in graph.nodes where node.op.traits.isDisjoint(with: [.declaration, .controlFlow]) {
      for id in node.results { named[graph.label(of: id)] = id }
    }
    var steps: [ProgramStep] = []
    for step in program.steps {
      steps.append(step)
      guard case .launch(let launch) = step else { continue }
      let written = zip(launch.arguments, program.kernels[launch.kernel].buffers).filter { $1.use != .read }
        .map { $0.0.buffer }
      for buffer in written {
        let bytes = program.buffers[buffer].byteCount
        guard let id = ids[program.buffers[buffer].place] ?? named[program.buffers[buffer].name],
          graph.type(of: id).byteCount == bytes, bytes > 0
        else { continue }
        // The launch may write a part, and another one the rest: the last one counts.
        points.removeAll { $0.value == id }
        let copy = copyLaunch(of: buffer, bytes, for: id, target)
        points.append(Point(origin: launch.origin, value: id))
        steps += [.barrier, .launch(copy), .barrier]
      }
    }
    self.program.steps = steps
  }

  private mutating func copyLaunch(
    of buffer: Int, _ bytes: Int, for id: ValueID, _ target: ProcessorModel
  ) -> Launch {
    let kernel = Kernel.copy(byteCount: bytes, target: target)
    let position = program.kernels.firstIndex(of: kernel) ?? program.kernels.count
    if position == program.kernels.count { program.kernels.append(kernel) }
    let place = ProgramBuffer.Place.output(graph.outputs.count + id.index)
    let copied: Int
    if let known = program.buffers.firstIndex(where: { $0.place == place }) {
      copied = known
    } else {
      copied = program.buffers.count
      program.buffers.append(
        ProgramBuffer(name: "copy of \(program.buffers[buffer].name)", byteCount: bytes, place: place))
    }
    return Launch(
      kernel: position, arguments: [Location(buffer: buffer), Location(buffer: copied)],
      origin: "copy of \(program.buffers[buffer].name)")
  }

  /// Runs the program.
  /// - Parameter body: runs it, told where memory is.
  /// - Returns: for each point the value.
  func run(
    _ feeds: [Tensor], _ variables: [Tensor],
    _ body: ((ProgramBuffer.Place) -> UnsafeRawPointer?) throws -> Void
  ) throws -> [Tensor] {
    func memory(_ type: TensorType) throws -> Tensor {
      try Tensor(uninitialized: type.dtype, type.shape.numbers ?? [])
    }
    // Written in place.
    var own = variables
    for position in own.indices { try own[position].makeUnique() }
    let outputs = try graph.outputTypes.map(memory)
    let copies = try points.map { try memory(graph.type(of: $0.value)) }
    try body { place in
      switch place {
      case .parameter(let position): return feeds[position].rawAddress
      case .variable(let position): return own[position].rawAddress
      case .output(let position) where position < outputs.count: return outputs[position].rawAddress
      case .output(let position):
        let id = ValueID(position - outputs.count)
        return points.firstIndex { $0.value == id }.map { copies[$0].rawAddress }
      case .precomputed, .arena, .constant, .dataset, .rows, .series: return nil
      }
    }
    extendLifetime(feeds)
    extendLifetime(own)
    extendLifetime(outputs)
    return copies
  }
}
