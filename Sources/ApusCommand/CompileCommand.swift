import Apus
import ArgumentParser
import Foundation

struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile", abstract: "Compiles a graph ahead of time, for C programs.",
    discussion: """
      Writes an object file, a C header and a file of weights, which need nothing else of Apus. All three are replaced, \
      or none:

        apus compile trained --bind batch=1 --output build
        cc main.c build/mlp.o -o main

      The header says how to call it, and --sample writes such a main.c. FILE's variables have the values that \
      `apus train --save` wrote, or first values from --seed.

      With --training it is a training step: loss, gradients and the optimizer's updates, which change the weights.
      """)

  @OptionGroup var input: GraphInput

  @Option(name: .shortAndLong, help: "The folder to write into.")
  var output: String

  @Option(help: "What all names in C begin with; the graph's name if left out.")
  var name: String?

  @Option(help: "The processor to make code for: \(NativeTarget.names.joined(separator: ", ")).")
  var targetCpu = "native"

  @Option(
    help: "Tiles by which Winograd's algorithm computes 3 × 3 convolutions: auto, off, 2, 4 or 6.")
  var winograd = BackendOptions.WinogradChoice.auto

  @OptionGroup var tuning: TuningOptions
  @OptionGroup var subnormals: SubnormalOptions

  @Flag(help: "Compile the whole training step of a model.")
  var training = false

  @OptionGroup var loss: LossOptions

  @Option(help: "The optimizer of --training, as for `apus train`; rmsprop if left out.")
  var optimizer: String?

  @Option(help: "Seed of first values.")
  var seed: UInt64 = 0

  @Flag(help: "Write a C program, too, that runs the code on zeros.")
  var sample = false

  @Flag(help: "Print the files' names as JSON.")
  var json = false

  private struct Report: Encodable {
    let object: String
    let header: String
    let weights: String
    let sample: String?
  }

  func validate() throws {
    guard training || optimizer == nil else { throw ValidationError("--optimizer belongs to --training.") }
  }

  func run() throws {
    let (source, saved) = try loadGraph()
    let name = name ?? AheadOfTimeLibrary.name(for: source.name)
    let graph = try source.bound(to: .inference)
    if let symbol = graph.symbols.first {
      throw ApusError.input(
        "graph @\(graph.name) has the symbolic dimension '\(symbol)'; code is made for one size",
        help: "bind it: --bind \(symbol)=32")
    }
    var backend = NativeBackend(target: try NativeTarget.named(targetCpu))
    backend.winogradTile = winograd.tile
    backend.tuning = try tuning.record()
    backend.subnormals = subnormals.choice
    // Nothing is run: only the values of variables are wanted.
    let session = Session(backend: InterpreterBackend(), seed: seed)
    _ = try session.load(graph)
    try saved?.give(to: session)
    let library = try AheadOfTimeLibrary(graph, name: name, backend: backend) { label in
      guard let value = session.value(of: label) else { throw ApusError.defect("variable '\(label)' has no value") }
      return value
    }
    try OutputPath.makeFolder(output, "--output")
    let report = Report(
      object: "\(output)/\(name).o", header: "\(output)/\(name).h", weights: "\(output)/\(name).weights",
      sample: sample ? "\(output)/\(name)_main.c" : nil)
    try AtomicFolder.replaceFiles(in: output) { draft in
      try draft.write("\(name).o", library.object)
      try draft.write("\(name).h", Array(library.header.utf8))
      try draft.write("\(name).weights", library.weights)
      if sample { try draft.write("\(name)_main.c", Array(library.sample.utf8)) }
    }
    if json { return try Terminal.writeJSON(report) }
    Terminal.write("\(report.object): \(library.object.count) bytes\n\(report.header)\n")
    Terminal.write("\(report.weights): \(library.weights.count) bytes\n")
    if let path = report.sample { Terminal.write("\(path)\n") }
  }

  /// The graph to compile, its symbols bound as far as --bind says.
  private func loadGraph() throws -> (graph: Graph, saved: SavedModel?) {
    guard training else { return try input.loadModel() }
    // The batch's symbol is needed until the training step is made.
    let (graph, saved) = try input.loadUnboundModel()
    let step = try graph.trainingStep(
      loss: loss.makeLoss(of: saved), optimizer: OptimizerRegistry.named(optimizer ?? "rmsprop"),
      metrics: loss.makeMetrics(of: saved))
    return (try input.one(of: input.bind([step])), saved)
  }
}
