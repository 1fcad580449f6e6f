import Apus
import ArgumentParser

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Counts parameters, FLOPs, bytes and memory of a graph, layer by layer.",
    discussion: """
      FLOPs: arithmetic operations, a multiply-add counts two. Bytes: operands and results of each node, what a run would \
      move if each node read and wrote memory. Peak memory: intermediate values needed at once while a layer is computed.

      Symbols that --bind leaves out are 1, or 32 with --training, as for `apus report`.

        apus stats Graphs/Models/resnet50.graph --bind batch=1
        apus stats Graphs/Models/cnn.graph --training --bind batch=32 --optimized
      """)

  @OptionGroup var input: GraphInput
  @OptionGroup var transform: TransformOptions

  @Flag(help: "After the passes of native code: a fusion reads and writes its operands and results only.")
  var optimized = false

  @Flag(help: "Print one line of JSON.")
  var json = false

  func run() throws {
    let compilation = Compilation(backend: NativeBackend())
    let statistics = try transform.graphs(of: input).map { graph in
      let sizes = transform.standardSizes(of: graph)
      if !sizes.isEmpty {
        let words = graph.symbols.map { "\($0) = \(sizes[$0] ?? 1)" }.joined(separator: ", ")
        Terminal.writeError("@\(graph.name): counted with \(words); --bind gives other sizes\n")
      }
      let sized = try graph.specialized(sizes)
      guard optimized else { return GraphStatistics(sized) }
      return try GraphStatistics(compilation.optimized(sized.bound(to: transform.mode ?? .inference)).graph)
    }
    if json { return try Terminal.writeJSON(statistics) }
    Terminal.write(statistics.map(\.text).joined(separator: "\n"))
  }
}
