import Apus
import ApusNative
import ApusPlanning
import Foundation
import TestSupport
import Testing

/// What is compiled ahead of time is what a session would run. `CompileModelsTests` runs it in C.
@Suite struct AheadOfTimeTests {
  private static let models = Repository.files(below: "Graphs/Models", ending: ".graph")

  /// For every model: the program of the object is the one that a session runs, Winograd's layers and all.
  @Test(arguments: models) func thePlanIsThatOfANativeRun(_ path: String) throws {
    let graph = try #require(Graph.parse(Repository.text(path), file: path, catalog: .standard).first)
      .bound(to: .inference).specialized(["batch": 1])
    let backend = NativeBackend(workers: 2)
    let (program, preparation) = try backend.plan(Compilation(backend: backend).optimized(graph).graph)
    let library = try AheadOfTimeLibrary(graph, name: "model", backend: backend, value: Self.zeros(graph))
    #expect(library.program.text(isComplete: true) == program.text(isComplete: true))
    let prepared = program.buffers.filter { if case .precomputed = $0.place { true } else { false } }
    #expect(prepared.isEmpty == (preparation == nil))
    if path.contains("vgg16") { #expect(prepared.count > 5) }
  }

  /// The plan does not depend on the values of variables.
  private static func zeros(_ graph: Graph) -> (String) throws -> Tensor {
    { label in
      let type = try #require(graph.variables.first { $0.declaration.label == label }).declaration.type
      return try Tensor(zeros: type.dtype, type.shape.numbers ?? [])
    }
  }

  /// Filters are transformed by the kernel interpreter where the machine cannot run the code: with the same bits.
  @Test func filtersArePreparedWithoutTheProcessor() throws {
    let builder = GraphBuilder("filters")
    let x = try builder.parameter("x", .f32, [1, 12, 12, 16])
    let w = try builder.variable("w", .f32, [3, 3, 16, 24], .glorotUniform)
    let graph = try builder.build([x.convolution(w, padding: .same)])
    var backend = NativeBackend(workers: 1)
    backend.winogradTile = 4
    func weights(runsHere: Bool) throws -> Data {
      try AheadOfTimeLibrary(graph, name: "filters", backend: backend, runsHere: runsHere) { _ in
        try RandomInputs(seed: 9).tensor("w", TensorType(.f32, [3, 3, 16, 24]))
      }.weights
    }
    let here = try weights(runsHere: true)
    #expect(here.count >= 36 * 16 * 24 * 4)
    #expect(try weights(runsHere: false) == here)
  }
}
