import ApusGraph
import ApusInspection
import ApusKernels
import ApusMeasurement
import ApusNative
import ApusPlanning
import Foundation

/// Makes the page's data of a plan and its code.
struct ProgramBuilder {
  private let nodes: LaunchNodes
  private let compiler: ProgramCompiler?

  /// - Parameters:
  ///   - graph: what was planned.
  ///   - compiler: makes the texts of kernels; nil: there is no LLVM.
  init(_ graph: Graph, _ compiler: ProgramCompiler?) {
    nodes = LaunchNodes(graph)
    self.compiler = compiler
  }

  func data(_ program: KernelProgram, _ profile: LaunchProfile?) throws -> Report.ProgramData {
    var data = Report.ProgramData(
      name: program.name, kernels: try kernels(program), launches: [], barriers: [],
      buffers: program.buffers.map(buffer), arenaBytes: program.arenaByteCount, liveBytes: [])
    var depth = 0
    let stepCount = program.steps.walk { event, position in
      switch event {
      case .launch(let launch): data.launches.append(self.launch(launch, position.number, isInside: depth > 0))
      case .barrier: data.barriers.append(position.number)
      case .enterLoop: depth += 1
      case .condition(_, of: .branch): depth += 1
      case .leaveLoop, .leaveBranch: depth -= 1
      case .condition, .otherwise: break
      }
    }
    data.liveBytes = MemoryTimeline(data.buffers, stepCount: stepCount).bytes
    for row in profile?.rows ?? [] {
      guard let launch = row.launch, data.launches.indices.contains(launch) else {
        data.barrierSeconds = row.seconds
        continue
      }
      data.launches[launch].seconds = row.seconds
      data.launches[launch].roofShare = row.roofShare
    }
    return data
  }

  private func kernels(_ program: KernelProgram) throws -> [Report.KernelData] {
    let symbols = ProgramCompiler.textSymbols(program.kernels)
    let llvm = try compiler.map { FunctionTexts(llvm: try $0.text(program, isAssembly: false)) }
    let assembly = try compiler.map { FunctionTexts(assembly: try $0.text(program, isAssembly: true), symbols) }
    return zip(program.kernels, symbols).map { kernel, symbol in
      Report.KernelData(
        name: kernel.name, symbol: symbol, units: kernel.units, isDouble: kernel.isDouble, nest: kernel.description,
        llvm: llvm?[symbol], assembly: assembly?[symbol])
    }
  }

  private func launch(_ launch: Launch, _ step: Int, isInside: Bool) -> Report.LaunchData {
    Report.LaunchData(
      kernel: launch.kernel, step: step, origin: launch.origin, node: nodes.address(launch.origin, isInside: isInside),
      isSerial: launch.isSerial, flops: launch.flopCount, bytes: launch.byteCount,
      buffers: launch.arguments.map(\.buffer))
  }

  private func buffer(_ buffer: ProgramBuffer) -> Report.BufferData {
    var data = Report.BufferData(
      name: buffer.name, node: nodes.address(ofValue: buffer.name), bytes: buffer.byteCount, place: buffer.place.word,
      first: buffer.lifetime?.lowerBound, last: buffer.lifetime?.upperBound)
    if case .arena(let offset) = buffer.place { data.offset = offset }
    return data
  }
}

extension Report.ProgramData {
  private struct Document: Encodable {
    let version: Int
    let programs: [Report.ProgramData]
  }

  /// The programs of graphs as one document of JSON (Docs/dump.schema.json), keys sorted.
  /// - Parameters:
  ///   - plans: what was planned, and its programs in the order of `Report.programs`.
  ///   - compiler: adds LLVM's text and assembly; nil: they are left out.
  public static func text(
    _ plans: [(graph: Graph, programs: [KernelProgram])], compiler: ProgramCompiler?
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let programs = try plans.flatMap { graph, programs in
      let builder = ProgramBuilder(graph, compiler)
      return try programs.map { try builder.data($0, nil) }
    }
    let document = Document(version: GraphJSON.version, programs: programs)
    return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
  }
}

extension ProgramBuffer.Place {
  fileprivate var word: String {
    switch self {
    case .parameter: "parameter"
    case .variable: "variable"
    case .precomputed: "precomputed"
    case .constant: "constant"
    case .output: "output"
    case .arena: "arena"
    case .dataset: "data set"
    case .rows: "rows"
    case .series: "series"
    }
  }
}

/// Finds the nodes that launches and buffers name.
struct LaunchNodes {
  /// By `%label = operator`: outside of loops, and in the bodies of control flow.
  private var outer: [String: String] = [:]
  private var inner: [String: String] = [:]
  /// By label.
  private var values: [String: String] = [:]

  init(_ graph: Graph) { collect(graph, prefix: "", isInside: false) }

  private mutating func collect(_ graph: Graph, prefix: String, isInside: Bool) {
    for node in graph.nodes {
      let address = "\(prefix)\(node.id.index)"
      for result in node.results {
        let label = graph.label(of: result)
        if values[label] == nil { values[label] = address }
        let origin = "\(label) = \(node.op.name)"
        if isInside { inner[origin] = inner[origin] ?? address } else { outer[origin] = address }
      }
      guard node.op.traits.contains(.controlFlow) else { continue }
      for (number, region) in node.regions.enumerated() {
        collect(region, prefix: "\(address).\(number).", isInside: true)
      }
    }
  }

  /// - Parameter isInside: whether the launch is in a loop or a branch.
  func address(_ origin: String, isInside: Bool) -> String? {
    // `%9 = fusion (pack 32x10x128)` is a part of `%9 = fusion`.
    let name = origin.split(separator: " (").first.map(String.init) ?? origin
    return (isInside ? inner[name] ?? outer[name] : outer[name] ?? inner[name]) ?? address(ofValue: name)
  }

  /// - Parameter name: a label, alone or with what follows it.
  func address(ofValue name: String) -> String? {
    name.split(separator: " ").first.flatMap { values[String($0)] }
  }
}

/// How much of the arena is in use at each step: buffers that share a place count once.
struct MemoryTimeline {
  private(set) var bytes: [Int] = []

  init(_ buffers: [Report.BufferData], stepCount: Int) {
    var starting = [[Int]](repeating: [], count: stepCount + 1)
    for (number, buffer) in buffers.enumerated() {
      if buffer.offset != nil, let first = buffer.first, first <= stepCount { starting[first].append(number) }
    }
    var live: [Int] = []
    for step in 0..<stepCount {
      live += starting[step]
      live.removeAll { (buffers[$0].last ?? -1) < step }
      let spans = live.map { (buffers[$0].offset ?? 0, (buffers[$0].offset ?? 0) + buffers[$0].bytes) }.sorted {
        $0 < $1
      }
      var (sum, end) = (0, 0)
      for span in spans where span.1 > end {
        sum += span.1 - max(end, span.0)
        end = span.1
      }
      bytes.append(sum)
    }
  }
}
