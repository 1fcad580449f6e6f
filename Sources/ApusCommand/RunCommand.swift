import Apus
import ArgumentParser
import Foundation

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs a graph once on given tensors and prints or saves its outputs.",
    discussion: """
      Inputs are NumPy files, in the order of the graph's parameters or by name:

        apus run model.graph --input x.npy
        apus run model.graph --input x=x.npy --input y=y.npy --output results
        apus run model.graph --random --bind batch=2 --backend interpreter -O0

      Their shapes bind the graph's symbols. Variables get first values from --seed, or their saved ones where FILE is a \
      folder that `apus train --save` wrote. Updates are computed and dropped. All files of --output are replaced, or \
      none. The interpreter with -O0 is the reference: \
      no pass has touched what it runs.
      """)

  @OptionGroup var input: GraphInput

  @Option(help: "What runs the graph: \(BackendOptions.names.joined(separator: " or ")).")
  var backend = "interpreter"

  @OptionGroup var passes: PassOptions

  @OptionGroup var feeding: FeedOptions

  @Option(name: .shortAndLong, help: "A folder for the outputs, one .npy file each; printed where it is left out.")
  var output: String?

  @Option(help: "Bind dropout, batch normalization and the like: training or inference.")
  var mode = Mode.inference

  @OptionGroup var subnormals: SubnormalOptions

  @OptionGroup var verification: VerifyOptions

  @Flag(help: "Print the outputs as JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Print floats with so many significant digits; with as many as it takes to read them back where it is left out.",
      valueName: "count"))
  var digits: Int?

  @Flag(help: "Name the first operator that makes a NaN or an infinity, its layer and its operands' ranges.")
  var checkNumerics = false

  @Option(
    help: ArgumentHelp(
      "Print a value of the graph by its name, before the outputs; may be repeated.", valueName: "value"))
  var print: [String] = []

  func validate() throws {
    guard digits.map((1...17).contains) ?? true else { throw ValidationError("--digits must be from 1 to 17.") }
    guard digits == nil || !json else { throw ValidationError("--json prints all digits: leave --digits out.") }
    guard output == nil || !json else {
      throw ValidationError("--output and --json are alternatives: give one of them.")
    }
  }

  func run() throws {
    let (graphs, saved) = try input.loadAll()
    for graph in graphs { try run(graph, bound: graph.bound(to: mode), saved) }
  }

  /// - Throws: `ApusError` that names the operator.
  private func requireFiniteValues(of graph: Graph, _ feeds: [String: Tensor], _ session: Session) throws {
    let inputs = graph.parameters.compactMap { feeds[graph.name(of: $0) ?? ""] }
    // What is missing is said by the run.
    guard inputs.count == graph.parameters.count else { return }
    let trace = try NonFiniteTrace(
      graph, feeds: inputs, variables: Dictionary(uniqueKeysWithValues: session.values.map { ($0.name, $0.value) }))
    if let cause = trace.first() { throw ApusError.input("@\(graph.name): \(cause)") }
  }

  /// - Parameter source: the graph as it was written, whose names the outputs keep.
  private func run(_ source: Graph, bound graph: Graph, _ saved: SavedModel?) throws {
    let feeds = try feeding.feeds(for: graph)
    if let output { try OutputPath.makeFolder(output, "--output") }
    var native = NativeBackend(verifies: verification.verify)
    native.subnormals = subnormals.choice
    let compilation = try passes.compilation(BackendOptions.make(backend, native: native))
    let session = Session(backend: compilation.backend, seed: feeding.seed, passes: compilation.passes)
    // Values are computed with the outputs: what a run fuses away is there then.
    let program = try session.load(print.isEmpty ? graph : graph.fetching(graph.outputs.map(graph.label) + print))
    try saved?.give(to: session)
    if checkNumerics { try requireFiniteValues(of: program.graph, feeds, session) }
    let results = try program.run(feeds)
    let outputs = Array(results.prefix(graph.outputs.count))
    for (name, value) in zip(print, results.dropFirst(graph.outputs.count)) {
      let line = "%\(name.trimmingPrefix("%")): \(TensorText.describe(value, digits: digits))\n"
      if json { Terminal.writeError(line) } else { Terminal.write(line) }
    }
    if checkNumerics, let (name, _) = zip(graph.outputs.map(graph.label), outputs).first(where: { !$1.isFinite }) {
      throw ApusError.input(
        "\(name) of @\(graph.name) is not finite, but the interpreter, with the same numbers, gets finite ones",
        help: "apus opt FILE --validate native compares them kernel by kernel")
    }
    let labels = source.outputs.map { String(source.label(of: $0).dropFirst()) }
    if let output {
      let files = OutputNames.files(for: labels).map { $0 + ".npy" }
      try AtomicFolder.replaceFiles(in: output) { draft in
        for (file, tensor) in zip(files, outputs) { try draft.write(file) { try NPY.write(tensor, into: $0) } }
      }
      for (file, tensor) in zip(files, outputs) { Terminal.write("\(output)/\(file): \(tensor.type)\n") }
    } else if json {
      let list = zip(labels, outputs).map { name, tensor in
        let shape = tensor.dimensions.map(String.init).joined(separator: ",")
        return
          "{\"data\":\(TensorJSON.elements(tensor)),\"dtype\":\"\(tensor.dtype)\",\"name\":\"\(name)\",\"shape\":[\(shape)]}"
      }
      Terminal.write("[\(list.joined(separator: ","))]\n")
    } else {
      for (name, tensor) in zip(labels, outputs) {
        Terminal.write("%\(name): \(TensorText.describe(tensor, digits: digits))\n")
      }
    }
  }
}
