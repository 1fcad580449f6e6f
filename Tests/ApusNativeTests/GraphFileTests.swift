import Apus
import ApusNative
import TestSupport
import Testing

/// The graphs below Graphs, which passes and models are tested with, as native code.
@Suite struct GraphFileTests {
  static let paths = ["Passes", "Text"].flatMap { Repository.files(below: "Graphs/\($0)", ending: ".graph") }

  @Test(arguments: paths) func nativeCodeGivesWhatTheInterpreterDoes(_ path: String) throws {
    for graph in try GraphFile.load(Repository.file(path).path) {
      let bound = try graph.bound(to: .inference)
      let sizes = bound.symbols.enumerated().map { ($1, 3 + 2 * $0) }
      let graph = try bound.specialized(Dictionary(sizes, uniquingKeysWith: { first, _ in first }))
      let inputs = RandomInputs(seed: 7)
      func value(_ id: ValueID) throws -> Tensor {
        try inputs.tensor(graph.name(of: id) ?? "\(id)", graph.type(of: id))
      }
      let feeds = try graph.parameters.map(value)
      let variables = try graph.variables.map { try value($0.id) }
      let expected: RunResult
      do { expected = try InterpreterBackend().prepare(graph).run(feeds, variables: variables) } catch is ApusError {
        // Random numbers are no indices.
        continue
      }
      let actual = try NativeBackend(workers: 2, verifies: true).compile(graph).run(feeds, variables: variables)
      let pairs =
        zip(actual.outputs, expected.outputs).map { ($0, $1) }
        + zip(actual.updates, expected.updates).map { ($0.value, $1.value) }
      for (position, (a, b)) in pairs.enumerated() {
        let difference = TensorComparison.firstDifference(b, a, tolerance: a.dtype.isFloating ? 1e-4 : nil)
        #expect(difference == nil, "\(path): @\(graph.name), result \(position)")
      }
    }
  }
}
