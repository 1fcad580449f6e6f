import Apus
import ApusData
import ApusReport
import ArgumentParser
import Foundation

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Writes a page that shows a whole compilation.",
    discussion: """
      One file of HTML, which opens without a network or a server: the passes with what each changed, the graph at every \
      stage, the way of a value from the source line to the machine code, memory, kernels, remarks (Docs/Inspecting.md).

        apus report Graphs/Models/resnet50.graph --output resnet50.html
        apus report Graphs/Models/cnn.graph --training --bind batch=32 --profile --output step.html

      Symbols that --bind leaves out are 1, or 32 with --training. Drawings need Graphviz's program 'dot'.
      """)

  @OptionGroup var input: GraphInput
  @OptionGroup var transform: TransformOptions
  @OptionGroup var passes: PassOptions
  @OptionGroup var backend: BackendOptions

  @Option(name: .shortAndLong, help: "The file to write.")
  var output: String

  @Flag(help: "Run it, and show measured times beside the roof of this machine.")
  var profile = false

  @Option(help: "How long --profile measures, in seconds.")
  var seconds = 1.0

  @Flag(inversion: .prefixedNo, help: "Draw graphs.")
  var drawings = true

  func validate() throws {
    guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must be above 0 and at most 3600.") }
  }

  func run() throws {
    try OutputPath.checkFile(output, "--output")
    let graph = try input.one(of: transform.graphs(of: input)).bound(to: transform.mode ?? .inference)
    let size = transform.training ? 32 : 1
    let sizes = Dictionary(uniqueKeysWithValues: graph.symbols.map { ($0, size) })
    let made = try backend.make()
    if profile, !(made is NativeBackend) { throw ApusError.usage("--profile goes with --backend native") }
    var builder = ReportBuilder(compilation: try passes.compilation(made))
    builder.draws = drawings
    builder.profileSeconds = profile ? seconds : nil
    if input.file != "-" { builder.source = try GraphFile.text(input.file) }
    builder.settings = settings(graph, size, backend: made.name)
    let report = try builder.report(of: graph.specialized(sizes))
    let page = try ReportPage(report).html
    try AtomicFile.write(page, to: output)
    Terminal.write(
      "\(output): \(page.utf8.count) bytes, \(report.passes.count) passes, \(report.stages.count) stages\n")
    for note in report.notes { Terminal.writeError("note: \(note)\n") }
  }

  private func settings(_ graph: Graph, _ size: Int, backend: String) -> [String] {
    [transform.training ? "training step" : transform.gradient ? "gradients" : "\(transform.mode ?? .inference)"]
      + input.bindings + graph.symbols.map { "\($0) = \(size)" }
      + [backend, passes.passes.map { "--passes \($0)" } ?? "-O\(passes.level ?? 2)"]
  }
}
