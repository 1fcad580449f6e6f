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

  @OptionGroup var verification: VerifyOptions

  @Flag(help: "Print the outputs as JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Print floats with so many significant digits; with as many as it takes to read them back where it is left out.",
      valueName: "count"))
  var digits: Int?

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

  /// - Parameter source: the graph as it was written, whose names the outputs keep.
  private func run(_ source: Graph, bound graph: Graph, _ saved: SavedModel?) throws {
    let feeds = try feeding.feeds(for: graph)
    if let output { try OutputPath.makeFolder(output, "--output") }
    let compilation = try passes.compilation(
      BackendOptions.make(backend, native: NativeBackend(verifies: verification.verify)))
    let session = Session(backend: compilation.backend, seed: feeding.seed, passes: compilation.passes)
    let program = try session.load(graph)
    try saved?.give(to: session)
    let outputs = try program.run(feeds)
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
