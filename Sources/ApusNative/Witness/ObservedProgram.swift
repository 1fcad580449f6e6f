import ApusCore
import ApusGraph
import ApusKernels
import ApusOperators
import ApusPlanning

/// A program that copies each value right after the launch that has written it, so that it can be looked at although its
/// memory is used again.
struct ObservedProgram {
  /// A value of the graph, and the last launch that writes it.
  struct Point {
    var origin: String
    let value: ValueID
    fileprivate let buffer: Int
  }

  /// What a run made: the value of each point, the outputs, and the variables after it.
  struct Values {
    var points: [Tensor]
    var outputs: [Tensor]
    var variables: [Tensor]
  }

  private(set) var program: KernelProgram
  private(set) var points: [Point] = []
  private let graph: Graph
  /// The types of what the program itself gives, before its copies.
  private let outputTypes: [TensorType]

  /// - Parameters:
  ///   - graph: as it was lowered. Loops and branches are looked at by what launches after them make of their results.
  ///   - isPreparation: whether the program computes what others read as `.precomputed`, and not the graph's outputs.
  init(_ program: KernelProgram, _ graph: Graph, target: ProcessorModel, isPreparation: Bool = false) {
    self.program = program
    self.graph = graph
    outputTypes =
      isPreparation
      ? program.outputByteCounts.map { TensorType(.u8, Shape([$0])) } : graph.outputTypes
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
    // A buffer of that name and size may be one of a region that is computed node by node.
    for (label, type) in graph.nodes.flatMap(\.labelsOfRegions) {
      if let id = named[label], graph.type(of: id).byteCount == type.byteCount { named[label] = nil }
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
        let known = points.firstIndex { $0.value == id && $0.buffer == buffer }
        let point = known ?? points.count
        if known == nil { points.append(Point(origin: launch.origin, value: id, buffer: buffer)) }
        points[point].origin = launch.origin
        steps += [.barrier, .launch(copyLaunch(of: buffer, bytes, for: point, target)), .barrier]
      }
    }
    self.program.steps = steps
  }

  private mutating func copyLaunch(
    of buffer: Int, _ bytes: Int, for point: Int, _ target: ProcessorModel
  ) -> Launch {
    let kernel = Kernel.copy(byteCount: bytes, target: target)
    let position = program.kernels.firstIndex(of: kernel) ?? program.kernels.count
    if position == program.kernels.count { program.kernels.append(kernel) }
    let place = ProgramBuffer.Place.output(outputTypes.count + point)
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

  /// Runs a program, told where its memory is.
  typealias Run = ((ProgramBuffer.Place) -> UnsafeRawPointer?) throws -> Void

  /// Runs the program.
  /// - Parameters:
  ///   - precomputed: what its preparation gave.
  ///   - body: runs it.
  func run(_ feeds: [Tensor], _ variables: [Tensor], precomputed: [Tensor], _ body: Run) throws -> Values {
    // Filled, so that what a kernel leaves out is not by chance what another run has left there.
    func memory(_ type: TensorType) throws -> Tensor {
      var tensor = try Tensor(uninitialized: type.dtype, type.shape.numbers ?? [])
      tensor.withUnsafeMutableBytes { for index in $0.indices { $0[index] = 0xFF } }
      return tensor
    }
    // Written in place.
    var own = variables
    for position in own.indices { try own[position].makeUnique() }
    let outputs = try outputTypes.map(memory)
    let copies = try points.map { try memory(graph.type(of: $0.value)) }
    try body { place in
      switch place {
      case .parameter(let position): return feeds[position].rawAddress
      case .variable(let position): return own[position].rawAddress
      case .output(let position) where position < outputs.count: return outputs[position].rawAddress
      case .output(let position): return copies[position - outputs.count].rawAddress
      case .precomputed(let position): return precomputed[position].rawAddress
      case .arena, .constant, .dataset, .rows, .series: return nil
      }
    }
    extendLifetime(feeds)
    extendLifetime(precomputed)
    return Values(points: copies, outputs: outputs, variables: own)
  }
}

/// The programs of a plan, observed: what is computed once, such as packed weights, and what each run computes.
struct ObservedPlan {
  let program: ObservedProgram
  let preparation: ObservedProgram?

  init(_ plan: (program: KernelProgram, preparation: KernelProgram?), _ graph: Graph, target: ProcessorModel) {
    program = ObservedProgram(plan.program, graph, target: target)
    preparation = plan.preparation.map { ObservedProgram($0, graph, target: target, isPreparation: true) }
  }

  /// Points of the preparation come first, as it runs first.
  var points: [ObservedProgram.Point] { (preparation?.points ?? []) + program.points }

  /// Runs both.
  /// - Parameters:
  ///   - preparing: runs the preparation, if there is one.
  ///   - running: runs the program.
  func run(
    _ feeds: [Tensor], _ variables: [Tensor], preparing: ObservedProgram.Run, running: ObservedProgram.Run
  ) throws -> ObservedProgram.Values {
    // The preparation knows the buffers of inputs, too, though it reads none.
    let before = try preparation?.run(feeds, variables, precomputed: [], preparing)
    var values = try program.run(feeds, variables, precomputed: before?.outputs ?? [], running)
    values.points = (before?.points ?? []) + values.points
    return values
  }
}

extension Node {
  /// What the values in the node's regions are called, down to the last region; nothing in a nest, which one kernel computes.
  fileprivate var labelsOfRegions: [(label: String, type: TensorType)] {
    if let fusion = op as? Fusion, fusion.domain != nil { return [] }
    return regions.flatMap { region in
      region.nodes.flatMap { node in
        node.results.map { (region.label(of: $0), region.type(of: $0)) } + node.labelsOfRegions
      }
    }
  }
}
