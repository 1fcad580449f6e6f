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

  @Option(help: "Bind dropout, batch normalization and the like first: training or inference.")
  var mode: Mode?

  @Flag(help: "Show each pass's change as a diff of texts, instead of the graph.")
  var diff = false

  @Flag(help: "Show each pass's time, counts, and changes in nodes, FLOPs and bytes.")
  var stats = false

  @Flag(help: "Show why passes did or did not act (on standard error).")
  var remarks = false

  @Flag(
    name: .customLong("validate"),
    help: "Run the graph before and after each pass on random inputs and compare the results.")
  var validates = false

  @Flag(help: "Find the first pass after which verification or the comparison of --validate fails.")
  var bisect = false

  @Option(help: ArgumentHelp("Stop after this many passes.", valueName: "count"))
  var passLimit: Int?

  @Flag(help: "Elide large constants in the printed graph.")
  var elide = false

  func validate() throws {
    let given = [passes != nil, level != nil, pipeline != nil].count(where: \.self)
    guard given <= 1 else { throw ValidationError("--passes, -O and --pipeline are alternatives: give one of them.") }
    if let level, !(0...3).contains(level) { throw ValidationError("-O is 0, 1, 2 or 3.") }
    guard !bisect || (!diff && !stats && !remarks && passLimit == nil) else {
      throw ValidationError("--bisect prints the pass at fault: it goes with --validate, not with what shows passes.")
    }
    if let passLimit, passLimit < 0 { throw ValidationError("--pass-limit cannot be negative.") }
  }

  private func chosen() throws -> Pipeline {
    if let passes { return try Pipeline(parsing: passes) }
    return try Pipeline.named(pipeline ?? "O\(level ?? 2)")
  }

  func run() throws {
    let pipeline = try chosen()
    let graphs = try input.load().map { graph in if let mode { try graph.bound(to: mode) } else { graph } }
    let validation = TranslationValidation(bindings: try input.parseBindings())
    if bisect {
      for graph in graphs { try runBisection(pipeline, graph, validation) }
      return
    }

    var texts: [String] = []
    for graph in graphs {
      let result = try pipeline.run(graph, limit: passLimit, observers: validates ? [validation] : [])
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
      if validates { Terminal.writeError("@\(graph.name): \(result.reports.count) passes validated\n") }
      if remarks { Terminal.writeError(result.remarksText()) }
      texts.append(text)
    }
    Terminal.write(texts.joined(separator: "\n"))
  }

  private func runBisection(_ pipeline: Pipeline, _ graph: Graph, _ validation: TranslationValidation) throws {
    let fault = try Bisection.firstFault(pipeline, graph) { original, result in
      validates ? try validation.firstMismatch(original, result, precision: pipeline.precision) : nil
    }
    if let fault {
      throw ApusError.defect(
        "@\(graph.name): pass \(fault.passCount) of \(pipeline.passes.count), '\(fault.culprit)', is at fault: \(fault.reason)"
      )
    }
    Terminal.write("@\(graph.name): no fault in \(pipeline.passes.count) passes\n")
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
