import Apus
import ArgumentParser
import Foundation

struct OptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "opt", abstract: "Runs passes over a graph and shows what each of them does.",
    discussion: """
      Without other flags the resulting graph is printed, ready to be parsed again:

        apus opt model.graph --passes simplify,fuse
        apus opt model.graph -O2 --diff --stats --remarks

      `apus passes` lists passes, their options (fold-constants{limit=4096}) and the pipelines.
      """)

  @OptionGroup var input: GraphInput

  @Option(help: "Passes to run, separated by commas.")
  var passes: String?

  @Option(
    name: .customShort("O", allowingJoined: true),
    help: ArgumentHelp("A ready-made pipeline, 0 to 3.", valueName: "level"))
  var level: Int?

  @Option(help: "A named pipeline: \(NamedPipeline.all.map(\.name).joined(separator: ", ")).")
  var pipeline: String?

  @OptionGroup var transform: TransformOptions

  @Flag(help: "Show each pass's change as a diff of texts, instead of the graph.")
  var diff = false

  @Flag(help: "Show each pass's time, counts, and changes in nodes, FLOPs and bytes.")
  var stats = false

  @Flag(help: "Show why passes did or did not act (on standard error).")
  var remarks = false

  @OptionGroup var judging: JudgingOptions

  @Option(help: ArgumentHelp("Stop after this many passes.", valueName: "count"))
  var passLimit: Int?

  @Option(help: ArgumentHelp("Stop after this many rewrites, counted over all passes.", valueName: "count"))
  var rewriteLimit: Int?

  @Flag(help: "Elide large constants in the printed graph.")
  var elide = false

  func validate() throws {
    let given = [passes != nil, level != nil, pipeline != nil].count(where: \.self)
    guard given <= 1 else { throw ValidationError("--passes, -O and --pipeline are alternatives: give one of them.") }
    if let level, !(0...3).contains(level) { throw ValidationError("-O is 0, 1, 2 or 3.") }
    guard !judging.bisect || (!diff && !stats && !remarks && passLimit == nil && rewriteLimit == nil) else {
      throw ValidationError("--bisect prints the pass at fault: it goes with --validate, not with what shows passes.")
    }
    if let passLimit, passLimit < 0 { throw ValidationError("--pass-limit cannot be negative.") }
    if let rewriteLimit, rewriteLimit < 0 { throw ValidationError("--rewrite-limit cannot be negative.") }
  }

  private func chosen() throws -> Pipeline {
    if let passes { return try Pipeline(parsing: passes) }
    return try Pipeline.named(pipeline ?? "O\(level ?? 2)")
  }

  func run() throws {
    let pipeline = try chosen()
    let unbound = try input.loadUnbound()
    let graphs = try transform.graphs(unbound, of: input)
    let bindings = try input.parseBindings()
    if judging.bisect {
      for graph in graphs { try runBisection(pipeline, graph, TranslationValidation(bindings: bindings)) }
      return
    }
    if judging.validation != nil { try transform.checkGradients(of: unbound, bindings) }

    var texts: [String] = []
    for graph in graphs {
      let judge = TranslationValidation(bindings: bindings)
      let observers = judging.validation == nil ? [] : [judge]
      let result = try pipeline.run(graph, limit: passLimit, rewriteLimit: rewriteLimit, observers: observers)
      var text = ""
      if diff {
        for report in result.reports {
          let change = TextDiff(report.before, report.after)
          text +=
            "--- \(report.pass) on @\(graph.name)\(change.isEmpty ? ": no change" : "")\n\(colored(change.description))"
        }
      } else {
        text += result.graph.text(elide ? .readable : .exact)
      }
      if stats { text += (diff || stats ? "\n" : "") + result.statisticsTable() }
      if judging.validation != nil { Terminal.writeError("@\(graph.name): \(result.reports.count) passes validated\n") }
      report(judge.omissions, of: graph)
      if judging.validation == .native { try validateKernels(of: result.graph, from: graph, bindings) }
      if remarks { Terminal.writeError(result.remarksText()) }
      texts.append(text)
    }
    Terminal.write(texts.joined(separator: "\n"))
  }

  private func validateKernels(of graph: Graph, from original: Graph, _ bindings: [String: Int]) throws {
    let sizes = original.sizesForValidation(bindings)
    let (before, after) = (try original.specialized(sizes), try graph.specialized(sizes))
    // The passes that native code needs, or has of its own, are judged as any others.
    let native = NativeBackend()
    let pipeline = Compilation(backend: native, passes: .custom(Pipeline([]))).pipeline(for: after)
    let judge = TranslationValidation()
    let lowered = try pipeline.run(after, remarking: false, observers: [judge]).graph
    report(judge.omissions, of: graph)
    let verdict = try KernelValidation(native).verdict(on: lowered, from: before)
    if let fault = verdict.fault {
      throw ApusError(.defect, [Diagnostic(.error, "@\(graph.name): \(fault)", help: fault.details)])
    }
    Terminal.writeError("@\(graph.name): \(verdict)\n")
  }

  /// What could not be compared.
  private func report(_ omissions: [String], of graph: Graph) {
    for omission in omissions { Terminal.writeError("@\(graph.name): \(omission)\n") }
  }

  private func runBisection(_ pipeline: Pipeline, _ graph: Graph, _ judge: TranslationValidation) throws {
    let finder = FaultFinder(validation: judging.validation == nil ? nil : judge)
    guard let finding = try finder.firstFault(pipeline, graph) else {
      return Terminal.write("@\(graph.name): no fault in \(pipeline.passes.count) passes\n")
    }
    Terminal.write(finding.evidence)
    throw ApusError.defect("@\(graph.name): \(finding.headline(of: pipeline))")
  }

  private func colored(_ diff: String) -> String {
    guard Terminal.outputIsTerminal else { return diff }
    return diff.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      switch line.first {
      case "-": "\u{1B}[31m\(line)\u{1B}[0m"
      case "+": "\u{1B}[32m\(line)\u{1B}[0m"
      default: String(line)
      }
    }.joined(separator: "\n")
  }
}
