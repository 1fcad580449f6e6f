import Apus
import ApusGraph
import ApusOperators
import Foundation
import Testing

/// The fuzzer finds what is planted, makes it small, and takes nothing else for a fault.
@Suite struct FuzzerTests {
  /// What a backend whose tanh is off by eighty units in the last place gives.
  private static func withWrongTanh(_ item: FuzzCase) throws -> [Tensor] {
    let wrong = try item.graph.expandingComposites().rewritten(sharingEqualNodes: false) { node, operands, builder in
      guard node.op is Tanh, builder.graph.type(of: operands[0]).dtype == .f32 else { return .keep }
      let y = try builder.append(Tanh(), operands, origin: Origin())[0]
      return .replace([try (builder.value(y) * 1.00001).id])
    }
    return try Interpreter(wrong).run(item.feeds, variables: item.variables).all
  }

  private static func plantedFault(_ item: FuzzCase) -> String? {
    var tally = Comparison.Tally()
    return try? Comparison.mismatch(
      Interpreter(item.graph).run(item.feeds, variables: item.variables).all, withWrongTanh(item), &tally
    ) { try FuzzChecker.sample(item, $0) }
  }

  @Test func aPlantedFaultIsFoundAndMadeSmall() throws {
    var found = 0
    for seed in UInt64(0)..<60 where found < 2 {
      let item = try FuzzCase.make(seed).0
      guard Self.plantedFault(item) != nil else { continue }
      found += 1
      let small = try GraphReducer { Self.plantedFault($0) != nil }.reduced(item)
      #expect(small.graph.computationCount <= 3, "seed \(seed): \(small.graph)")
      #expect(try small.graph.expandingComposites().nodes.contains { $0.op is Tanh }, "seed \(seed): \(small.graph)")
      let largest = small.values.values.map(\.count).max() ?? 0
      #expect(
        largest <= 4, "seed \(seed): \(largest) elements are left of \(item.values.values.map(\.count)): \(small.graph)"
      )

      let path = FileManager.default.temporaryDirectory.appendingPathComponent("fuzzer-test-\(seed).graph").path
      try small.write(to: path, remark: "planted")
      #expect(Self.plantedFault(try FuzzCase(contentsOf: path)) != nil, "the file no longer shows it: \(path)")
    }
    #expect(found == 2, "the fault shows in few graphs")
  }

  /// Another way to round is no fault, in any element of any graph.
  @Test func roundingIsNoFault() throws {
    for seed in UInt64(0)..<60 {
      let item = try FuzzCase.make(seed).0
      guard let right = try? Interpreter(item.graph).run(item.feeds, variables: item.variables).all else { continue }
      var tally = Comparison.Tally()
      let other = try FuzzChecker.sample(item, 1 << 32 + seed)
      let mismatch = try Comparison.mismatch(right, other, &tally) { try FuzzChecker.sample(item, $0) }
      #expect(mismatch == nil, "seed \(seed)")
    }
  }

  @Test func elementsAreComparedAsTheyShould() throws {
    func differs(_ a: Tensor, _ b: Tensor, samples: [Tensor] = []) throws -> Bool {
      var tally = Comparison.Tally()
      return try Comparison.mismatch([a], [b], &tally) { seed in
        [samples.isEmpty ? a : samples[Int(seed) % samples.count]]
      } != nil
    }
    let one = Tensor([1, .nan, .infinity] as [Float])
    #expect(try !differs(one, Tensor([Float(1).nextUp, .nan, .infinity])))
    #expect(try differs(one, Tensor([1.00001, .nan, .infinity] as [Float])))
    #expect(try differs(one, Tensor([1, 0, .infinity] as [Float])))
    #expect(try differs(one, Tensor([1, .nan, -.infinity] as [Float])))
    #expect(try differs(Tensor([0] as [Float]), Tensor([-0.0] as [Float])))
    #expect(try differs(Tensor([Int64.max]), Tensor([Int64.max - 1])))
    // What rounding moves may differ by as much, and by no more.
    let moved = [Tensor([0.999] as [Float]), Tensor([1.001] as [Float])]
    #expect(try !differs(Tensor([1] as [Float]), Tensor([1.002] as [Float]), samples: moved))
    #expect(try differs(Tensor([1] as [Float]), Tensor([1.02] as [Float]), samples: moved))
    #expect(try differs(Tensor([1] as [Float]), Tensor([.nan] as [Float]), samples: moved))
    // An overflow that rounding decides.
    let near = [Tensor([Float.greatestFiniteMagnitude]), Tensor([.infinity] as [Float])]
    #expect(try !differs(near[0], near[1], samples: near))
  }
}
