import Apus
import ArgumentParser
import Foundation

struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "Prints a graph at a stage of the compiler.")

  enum Stage: String, CaseIterable, ExpressibleByArgument {
    case graph, optimized
  }

  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, dot, svg, json
  }

  @OptionGroup var input: GraphInput

  @Option(help: "graph: as written; optimized: after the passes of --level.")
  var stage = Stage.graph

  @Option(help: "text, dot (Graphviz), svg (needs Graphviz's dot) or json.")
  var format = Format.text

  @Flag(help: "Append the gradient of the only output, summed, by all trainable variables.")
  var gradient = false

  @Option(help: "Bind dropout, batch normalisation and the like first: training or inference.")
  var mode: Mode?

  @Option(name: .customShort("O", allowingJoined: true), help: "The pipeline of --stage optimized: 0 to 3.")
  var level = 2

  @Flag(help: "Print large constants in full, so that the text can be parsed again.")
  var full = false

  func run() throws {
    var graphs = try input.load()
    if let mode { graphs = try graphs.map { try $0.bound(to: mode) } }
    if gradient { graphs = try graphs.map { try $0.bound(to: mode ?? .inference).differentiated() } }
    if stage == .optimized {
      let pipeline = try Pipeline.named("O\(level)")
      graphs = try graphs.map { try pipeline.run($0.bound(to: mode ?? .inference)).graph }
    }
    switch format {
    case .text:
      let options = full ? PrintOptions.exact : .readable
      Terminal.write(graphs.map { $0.text(options) }.joined(separator: "\n"))
    case .dot: Terminal.write(graphs.map { $0.dot() }.joined())
    case .svg: Terminal.write(try graphs.map { try Graphviz.svg($0.dot()) }.joined())
    case .json: Terminal.write(try GraphJSON.text(graphs) + "\n")
    }
  }
}

extension Mode: ExpressibleByArgument {}
