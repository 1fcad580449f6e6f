import Apus
import ApusData
import ArgumentParser
import Foundation

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Writes the computation of a small graph as formulas with numbers.",
    discussion: """
      With --gradient also the chain rule: each local derivative by the operator's own rule, product by product to the \
      derivative of the first output by each trainable variable, then a step of gradient descent. All numbers are the \
      interpreter's.

        apus explain Docs/Examples/two_neurons.graph --gradient --input x=x.npy --input t=t.npy
        apus explain Docs/Examples/two_neurons.graph --gradient --random --output chain.html
      """)

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, latex, html
  }

  @OptionGroup var input: GraphInput
  @OptionGroup var feeding: FeedOptions

  @Flag(help: "Show the gradient of the first output, a scalar.")
  var gradient = false

  @Option(help: "The step of gradient descent of --gradient; 0.01 if left out.")
  var learningRate: Double?

  @Option(help: "text, latex or html; left out: html where --output ends with .html, else text.")
  var format: Format?

  @Option(name: .shortAndLong, help: "The file to write; printed where it is left out.")
  var output: String?

  @Option(
    help: ArgumentHelp(
      "So many significant digits; as many as it takes to read numbers back where it is left out.", valueName: "count"))
  var digits: Int?

  func validate() throws {
    guard digits.map((1...17).contains) ?? true else { throw ValidationError("--digits must be from 1 to 17.") }
    guard learningRate?.isFinite ?? true else { throw ValidationError("--learning-rate must be a finite number.") }
    guard learningRate == nil || gradient else { throw ValidationError("--learning-rate goes with --gradient.") }
  }

  func run() throws {
    if let output { try OutputPath.checkFile(output, "--output") }
    let (model, saved) = try input.loadModel()
    let graph = try model.bound(to: .inference)
    let feeds = try feeding.feeds(for: graph)
    let session = Session(backend: InterpreterBackend(), seed: feeding.seed, passes: .level(.none))
    let program = try session.load(graph)
    try saved?.give(to: session)
    // Says what is wrong with feeds before anything is explained.
    _ = try program.run(feeds)
    let tensors = graph.parameters.compactMap { feeds[graph.name(of: $0) ?? ""] }
    let explanation = try GradientExplanation(
      graph.specialized(graph.bindings(for: tensors.map(\.dimensions))), feeds: tensors,
      variables: graph.variables.compactMap { session.value(of: $0.declaration.label) }, isDifferentiated: gradient,
      learningRate: learningRate ?? 0.01, digits: digits)
    let text = try text(of: explanation)
    guard let output else { return Terminal.write(text) }
    try AtomicFile.write(text, to: output)
  }

  private func text(of explanation: GradientExplanation) throws -> String {
    switch format ?? (output?.hasSuffix(".html") == true ? .html : .text) {
    case .text: return explanation.text
    case .latex: return explanation.latex
    case .html:
      do { return explanation.html(drawing: try Graphviz.svg(explanation.dot)) } catch let error as ApusError
        where error.fault == .input
      {
        Terminal.writeError("note: the page has no drawing: \(error.message)\n")
        return explanation.html()
      }
    }
  }
}
