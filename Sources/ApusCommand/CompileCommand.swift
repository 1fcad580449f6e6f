import Apus
import ArgumentParser
import Foundation

struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile", abstract: "Compiles a graph ahead of time, for C programs.",
    discussion: """
      Writes an object file, a C header and a file of weights, which need nothing else of Apus:

        apus compile trained --bind batch=1 --output build
        cc main.c build/mlp.o -o main

      The header says how to call it. FILE's variables have the values that `apus train --save` wrote, or first values \
      from --seed.
      """)

  @OptionGroup var input: GraphInput

  @Option(name: .shortAndLong, help: "The folder to write into.")
  var output: String

  @Option(help: "What all names in C begin with; the graph's name where left out.")
  var name: String?

  @Option(help: "The processor to make code for: \(NativeTarget.names.joined(separator: ", ")).")
  var targetCpu = "native"

  @Option(help: "Seed of first values.")
  var seed: UInt64 = 0

  @Flag(help: "Print the files' names as JSON.")
  var json = false

  private struct Report: Encodable {
    let object: String
    let header: String
    let weights: String
  }

  func run() throws {
    let source = try input.loadOne()
    let name = name ?? String(source.name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    let graph = try source.bound(to: .inference)
    if let symbol = graph.symbols.first {
      throw ApusError.input(
        "graph @\(graph.name) has the symbolic dimension '\(symbol)'; code is made for one size",
        help: "bind it: --bind \(symbol)=32")
    }
    let session = Session(backend: NativeBackend(), seed: seed)
    _ = try session.load(graph)
    if input.isSavedModel { try session.loadWeights(from: input.file) }
    let library = try AheadOfTimeLibrary(
      graph, name: name, target: NativeTarget.named(targetCpu)
    ) { label in
      guard let value = session.value(of: label) else { throw ApusError.defect("variable '\(label)' has no value") }
      return value
    }
    try OutputPath.makeFolder(output, "--output")
    let report = Report(
      object: "\(output)/\(name).o", header: "\(output)/\(name).h", weights: "\(output)/\(name).weights")
    do {
      try library.object.write(to: URL(fileURLWithPath: report.object), options: .atomic)
      try Data(library.header.utf8).write(to: URL(fileURLWithPath: report.header), options: .atomic)
      try library.weights.write(to: URL(fileURLWithPath: report.weights), options: .atomic)
    } catch {
      throw ApusError.input("'\(output)' cannot be written into: \(error.localizedDescription)")
    }
    if json { return try Terminal.writeJSON(report) }
    Terminal.write("\(report.object): \(library.object.count) bytes\n\(report.header)\n")
    Terminal.write("\(report.weights): \(library.weights.count) bytes\n")
  }
}
