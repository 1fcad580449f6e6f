import Apus
import TestSupport
import Testing

/// Graphs with control flow that a text still describes after damage: whatever follows either works or is refused.
@Suite struct DamagedGraphTests {
  @Test func transformationsRefuseOrKeepTheRules() throws {
    let text = try Repository.text("Graphs/Text/regions.graph")
    var generator = MutationGenerator(seeds: [text], seed: 5)
    var (bound, differentiated) = (0, 0)
    for _ in 0..<3_000 {
      let damaged = String(decoding: generator.next(), as: UTF8.self)
      guard let graph = try? Graph.parse(damaged).first else { continue }
      for mode in Mode.allCases {
        guard let plain = expectingInput(damaged, { try graph.bound(to: mode) }) else { continue }
        bound += 1
        guard let full = expectingInput(damaged, { try plain.differentiated() }) else { continue }
        differentiated += 1
        guard let expanded = expectingInput(damaged, { try full.expandingComposites() }) else { continue }
        for (stage, result) in [("bound", plain), ("differentiated", full), ("expanded", expanded)] {
          let violations = result.violations().map(\.description)
          #expect(violations == [], "\(stage): \(damaged)")
        }
      }
    }
    #expect(bound > 100 && differentiated > 100, "\(bound) were bound and \(differentiated) differentiated")
  }

  /// An error must be the input's fault: a defect is one of Apus.
  private func expectingInput(_ text: String, _ body: () throws -> Graph) -> Graph? {
    do { return try body() } catch let error as ApusError {
      #expect(error.fault == .input, "\(error)\n\(text)")
    } catch {
      Issue.record("\(error) is no ApusError\n\(text)")
    }
    return nil
  }

  @Test func theGraphItselfTrains() throws {
    let graph = try Graph.parse(try Repository.text("Graphs/Text/regions.graph"))[0]
    let training = try graph.bound(to: .training).differentiated().specialized(["time": 3, "batch": 2])
    try training.verify(after: "differentiation")
    #expect(training.outputs.count == 5 && training.updates.count == 3)
    let feeds = [
      try Tensor(repeating: 0.5, .f32, [3, 2, 4]), Tensor([1, 3] as [UInt8]), try Tensor(zeros: .f32, [2, 4]),
      Tensor(scalar: true),
    ]
    let variables = try training.variables.map { variable in
      try Tensor(repeating: 0.5, variable.declaration.type.dtype, variable.declaration.type.shape.numbers ?? [])
    }
    let outputs = try Interpreter(training).run(feeds, variables: variables).outputs
    #expect(outputs[2].dimensions == [4, 4])
    #expect(outputs.allSatisfy { $0.doubles().allSatisfy { $0.isFinite } })
  }
}
