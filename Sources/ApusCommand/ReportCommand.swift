import Apus
import ApusData
import ApusMeasurement
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
        apus report Graphs/Models/mlp.graph --values --input digits.npy --output values.html
        apus report Graphs/Models/lenet5.graph --validate --bisect --output verdict.html

      --values runs the stages and compares them with the graph as given, which the interpreter runs in double precision. \
      --validate judges the passes as `apus opt` does, and the page has the verdicts; it is written whatever they are, and a \
      fault is an error all the same.
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

  @Option(help: "How long --profile measures, in seconds; 1 if left out.")
  var seconds: Double?

  @Flag(help: "Run it, and show ranges, zeros, NaN and errors of the values at each stage.")
  var values = false

  @OptionGroup var feeding: InputOptions
  @OptionGroup var judging: JudgingOptions

  @Flag(inversion: .prefixedNo, help: "Draw graphs.")
  var drawings = true

  func validate() throws {
    guard values || !feeding.isGiven else {
      throw ValidationError("--input and --seed go with --values.")
    }
    guard let seconds else { return }
    guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must be above 0 and at most 3600.") }
    guard profile else { throw ValidationError("--seconds goes with --profile.") }
  }

  func run() throws {
    try OutputPath.checkFile(output, "--output")
    let unbound = try input.one(of: input.loadUnbound())
    let graph = try input.one(of: transform.graphs([unbound], of: input)).bound(to: transform.mode ?? .inference)
    let given = try feeding.files(for: graph)
    let sizes = sizes(of: graph, fitting: given)
    let made = try backend.make()
    if !(made is NativeBackend) {
      if profile { throw ApusError.usage("--profile goes with --backend native") }
      if judging.validation == .native { throw ApusError.usage("--validate native goes with --backend native") }
    }
    var builder = ReportBuilder(compilation: try passes.compilation(made))
    builder.draws = drawings
    builder.profileSeconds = profile ? seconds ?? 1 : nil
    if input.file != "-" { builder.source = try GraphFile.text(input.file) }
    builder.settings = settings(graph, sizes, backend: made.name)
    let sized = try graph.specialized(sizes)
    if values { builder.inputs = try inputs(of: sized, given) }
    builder.judging = try judges(of: unbound)
    let report = try builder.report(of: sized)
    let page = try ReportPage(report).html
    try AtomicFile.write(page, to: output)
    Terminal.write(
      "\(output): \(page.utf8.count) bytes, \(report.passes.count) passes, \(report.stages.count) stages; \(report.settings.joined(separator: ", "))\n"
    )
    for note in report.notes { Terminal.writeError("note: \(note)\n") }
    guard let verdict = report.verdict else { return }
    for omission in verdict.omissions { Terminal.writeError("note: \(omission)\n") }
    guard verdict.isSound else { throw ApusError.defect("@\(sized.name): \(verdict.headline)") }
    Terminal.writeError("@\(sized.name): \(verdict.headline)\n")
  }

  /// What --validate and --bisect ask for; nil if neither is given.
  private func judges(of unbound: Graph) throws -> ReportJudging? {
    guard judging.validation != nil || judging.bisect else { return nil }
    var judges = ReportJudging(validation: judging.validation == nil ? nil : TranslationValidation())
    judges.bisects = judging.bisect
    judges.comparesKernels = judging.validation == .native
    if judging.validation != nil, let verdict = try transform.gradientVerdict(of: unbound, input.parseBindings()) {
      let isWrong = if case .mismatch = verdict { true } else { false }
      judges.checks = [Report.Check("gradients", isSound: !isWrong, "\(verdict)")]
    }
    return judges
  }

  /// What --bind left out: as the inputs that are given have it, or the standard sizes.
  private func sizes(of graph: Graph, fitting feeds: [String: Tensor]) -> [String: Int] {
    var sizes = transform.standardSizes(of: graph)
    for id in graph.parameters {
      guard let feed = feeds[graph.name(of: id) ?? ""] else { continue }
      for (dimension, size) in zip(graph.type(of: id).shape.dims, feed.dimensions) {
        if let symbol = dimension.symbol { sizes[symbol] = size }
      }
    }
    return sizes
  }

  /// For the parameters what was given, else random numbers as `apus bench` takes them; for the variables their saved or
  /// first values.
  private func inputs(of graph: Graph, _ given: [String: Tensor]) throws -> ReportInputs {
    var sources: [String] = []
    let feeds = try graph.parameters.map { id in
      let name = graph.name(of: id) ?? ""
      sources.append(given[name] == nil ? "\(name) random with seed \(feeding.seed)" : "\(name) as given")
      return try given[name] ?? RandomInputs(seed: feeding.seed).tensor(for: id, of: graph)
    }
    let session = Session(backend: InterpreterBackend(), seed: feeding.seed)
    _ = try session.load(graph)
    if input.isSavedModel { try SavedModel(contentsOf: input.file).give(to: session) }
    return ReportInputs(
      feeds: feeds, variables: graph.variables.compactMap { session.value(of: $0.declaration.label) }, sources: sources)
  }

  private func settings(_ graph: Graph, _ sizes: [String: Int], backend: String) -> [String] {
    [transform.training ? "training step" : transform.gradient ? "gradients" : "\(transform.mode ?? .inference)"]
      + input.bindings + graph.symbols.map { "\($0) = \(sizes[$0] ?? 1)" }
      + [backend, passes.passes.map { "--passes \($0)" } ?? "-O\(passes.level ?? 2)"]
  }
}
