import Apus
import ApusKernels
import ApusLowering
import ApusPlanning
import ApusReport
import ArgumentParser
import Foundation

struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "Prints a graph at a stage of the compiler.",
    discussion: """
        apus dump Graphs/Models/mlp.graph --bind batch=32
        apus dump Graphs/Models/mlp.graph --training --loss mse --optimizer sgd
        apus dump Graphs/Models/mlp.graph --stage optimized --format svg > mlp.svg
        apus dump Graphs/Models/mlp.graph --training --bind batch=32 --stage plan
      """)

  enum Stage: String, CaseIterable, ExpressibleByArgument {
    case graph, optimized
    /// Of native code.
    case kernels, plan, llvm, asm
  }

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, dot, svg, json, html
    case modelExplorer = "model-explorer"
  }

  @OptionGroup var input: GraphInput

  @Option(
    help: """
      graph: as written; optimized: after the backend's passes. Of native code: kernels: the loop nests, one for each \
      fusion; plan: memory, order and barriers; llvm; asm.
      """)
  var stage = Stage.graph

  @Option(
    help: """
      text; json (Docs/dump.schema.json); html: a page that draws it, as `apus report`; dot (Graphviz), svg (needs Graphviz's \
      dot) or model-explorer. Stages of native code: text, json or html.
      """)
  var format = Format.text

  @OptionGroup var transform: TransformOptions

  @OptionGroup var passes: PassOptions

  @Option(help: "Whose passes --stage optimized runs: \(BackendOptions.names.joined(separator: " or ")).")
  var backend = "native"

  @Option(help: "The processor of native code: \(NativeTarget.names.joined(separator: ", ")).")
  var targetCpu = "native"

  @OptionGroup var memory: MemoryOptions
  @OptionGroup var subnormals: SubnormalOptions

  @OptionGroup var verification: VerifyOptions

  @Flag(help: "Print large constants, and a plan's kernels, so that the text can be parsed again.")
  var full = false

  func validate() throws {
    guard stage != .graph || (passes.level == nil && passes.passes == nil) else {
      throw ValidationError("-O and --passes belong to --stage optimized and the stages after it.")
    }
    guard !verification.verify || NativeStage(stage) != nil else {
      throw ValidationError("--verify belongs to the stages of native code.")
    }
    guard !full || [.text, .json].contains(format) else {
      throw ValidationError("--full belongs to --format text and json.")
    }
    guard [.text, .json, .html].contains(format) || NativeStage(stage) == nil else {
      throw ValidationError("--stage \(stage.rawValue) is not a graph: --format is text, json or html.")
    }
  }

  func run() throws {
    var graphs = try transform.graphs(of: input)
    var native = NativeBackend(target: try NativeTarget.named(targetCpu), verifies: verification.verify)
    memory.apply(to: &native)
    native.subnormals = subnormals.choice
    if stage != .graph {
      let compilation = try passes.compilation(BackendOptions.make(backend, native: native))
      graphs = try graphs.map { graph in
        let before = try graph.bound(to: transform.mode ?? .inference)
        let after = try compilation.optimized(before).graph
        if stage == .optimized {
          Terminal.writeError(
            "@\(graph.name): \(before.kernelCount) kernels before the passes, \(after.kernelCount) after\n")
        }
        return after
      }
    }
    if format == .html { return try writePage(input.one(of: graphs), native) }
    if let stage = NativeStage(stage, verification, isComplete: full) {
      return Terminal.write(try format == .json ? stage.json(of: graphs, native) : stage.text(of: graphs, native))
    }
    switch format {
    case .text:
      let options = full ? PrintOptions.exact : .readable
      Terminal.write(graphs.map { $0.text(options) }.joined(separator: "\n"))
    case .dot: Terminal.write(graphs.map { $0.dot() }.joined())
    case .svg: Terminal.write(try graphs.map { try Graphviz.svg($0.dot()) }.joined())
    case .json:
      let limit = full ? nil : PrintOptions.readable.elidingConstantsAbove
      Terminal.write(try GraphJSON.text(graphs, elidingConstantsAbove: limit) + "\n")
    case .modelExplorer: Terminal.write(try ModelExplorerJSON.text(graphs) + "\n")
    case .html: break
    }
  }

  private func writePage(_ graph: Graph, _ native: NativeBackend) throws {
    var builder = ReportBuilder(compilation: Compilation(backend: native))
    builder.settings = ["stage \(stage.rawValue)"]
    if input.file != "-" { builder.source = try GraphFile.text(input.file) }
    let report = try builder.snapshot(of: graph, named: stage.rawValue, isNative: NativeStage(stage) != nil)
    Terminal.write(try ReportPage(report).html)
  }
}

extension Graph {
  /// How many nodes compute something: each is a kernel of its own where nothing fuses them, and a fusion is one.
  fileprivate var kernelCount: Int {
    nodes.count { $0.op.traits.isDisjoint(with: [.declaration, .movesData]) }
  }
}

/// A stage behind the graph's.
private struct NativeStage {
  let stage: DumpCommand.Stage
  let verification: VerifyOptions?
  /// Whether plans are printed with all that is needed to read them back.
  let isComplete: Bool

  init?(_ stage: DumpCommand.Stage, _ verification: VerifyOptions? = nil, isComplete: Bool = false) {
    (self.verification, self.isComplete) = (verification, isComplete)
    switch stage {
    case .graph, .optimized: return nil
    case .kernels, .plan, .llvm, .asm: self.stage = stage
    }
  }

  /// One document: of each graph the program of a run, then that which is run once before it, as `apus report` has them.
  /// - Parameter graphs: after the backend's passes.
  func json(of graphs: [Graph], _ backend: NativeBackend) throws -> String {
    let plans = try graphs.map { graph in (graph, try programs(of: graph, backend)) }
    let compiler = ProgramCompiler(target: backend.target, verifies: backend.verifies)
    return try Report.ProgramData.text(plans, compiler: [.llvm, .asm].contains(stage) ? compiler : nil)
  }

  /// - Parameter graphs: after the backend's passes.
  func text(of graphs: [Graph], _ backend: NativeBackend) throws -> String {
    try graphs.map { try text(of: $0, backend) }.joined()
  }

  private func programs(of graph: Graph, _ backend: NativeBackend) throws -> [KernelProgram] {
    let (program, preparation) = try backend.plan(graph)
    let programs = [program] + (preparation.map { [$0] } ?? [])
    try verification?.check(programs)
    return programs
  }

  /// In the order in which they run.
  private func text(of graph: Graph, _ backend: NativeBackend) throws -> String {
    let programs = try programs(of: graph, backend).reversed()
    let compiler = ProgramCompiler(target: backend.target, verifies: backend.verifies)
    switch stage {
    case .graph, .optimized: return graph.text(.readable)
    case .kernels:
      var kernels: [Kernel] = []
      for kernel in programs.flatMap(\.kernels) where !kernels.contains(kernel) { kernels.append(kernel) }
      return kernels.map(\.description).joined(separator: "\n")
    case .plan: return programs.map { $0.text(isComplete: isComplete) }.joined(separator: "\n")
    case .llvm, .asm:
      return try programs.map { try compiler.text($0, isAssembly: stage == .asm) }.joined(separator: "\n")
    }
  }
}
