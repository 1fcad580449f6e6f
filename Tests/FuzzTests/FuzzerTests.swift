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
    // An outlier of its own perturbations says nothing; one that they reach does.
    #expect(try !differs(Tensor([10] as [Float]), Tensor([-20] as [Float]), samples: moved))
    #expect(try differs(Tensor([1] as [Float]), Tensor([-20] as [Float]), samples: moved))
    // An overflow that rounding decides.
    let near = [Tensor([Float.greatestFiniteMagnitude]), Tensor([.infinity] as [Float])]
    #expect(try !differs(near[0], near[1], samples: near))
  }

  /// What is wrong with a result that another implementation gave instead of the interpreter's.
  private func mismatch(
    _ text: String, _ x: [Float], _ dimensions: [Int], passes: Bool = false, found: ([Float]) -> [Float]
  ) throws -> String? {
    let item = FuzzCase(graph: try Graph.parse(text)[0], values: ["x": try Tensor(x, dimensions)])
    let right = try Interpreter(item.graph).run(item.feeds, variables: item.variables).all
    let other = try Tensor(found(right[0].elements(as: Float.self)), right[0].shape.numbers ?? [])
    var tally = Comparison.Tally()
    return try Comparison.mismatch(right, [other], &tally) { try FuzzChecker.sample(item, $0, passes: passes) }
  }

  /// Of zeros of both signs an extremum is either; of zeros of one sign it is that.
  @Test(arguments: ["reduce_max", "reduce_min"]) func extremaOfZeros(_ op: String) throws {
    let graph = "graph @g(%x: f32[3]) { %y = \(op)(%x) return %y }"
    let negated: ([Float]) -> [Float] = { $0.map { -$0 } }
    #expect(try mismatch(graph, [0, -0.0, 0], [3], found: negated) == nil)
    #expect(try mismatch(graph, [0, 0, 0], [3], found: negated) != nil)
    #expect(try mismatch(graph, [-0.0, -0.0, -0.0], [3], found: negated) != nil)
  }

  /// Parts that are put side by side keep a −0, which a sum of padded parts does not. No other sum may.
  @Test func zerosOfJoinedParts() throws {
    let graph = """
      graph @g(%x: f32[2]) {
        %1 = pad(%x, low: [0], high: [2], interior: [])
        %2 = pad(%x, low: [2], high: [0], interior: [])
        %3 = add(%1, %2)
        return %3
      }
      """
    let kept: ([Float]) -> [Float] = { _ in [-0.0, 1, -0.0, 1] }
    #expect(try mismatch(graph, [-0.0, 1], [2], passes: true, found: kept) == nil)
    #expect(try mismatch(graph, [-0.0, 1], [2], passes: false, found: kept) != nil)
    #expect(try mismatch(graph, [-0.0, 1], [2], passes: true) { _ in [-0.0, 1, 0, 2] } != nil)
    let sum = "graph @g(%x: f32[2]) { %c: f32[2] = constant(0) %y = add(%x, %c) return %y }"
    #expect(try mismatch(sum, [-0.0, 1], [2], passes: true) { _ in [-0.0, 1] } != nil)
  }

  /// Sums that rounding alone keeps apart may be equal: then the first of them is the largest.
  @Test func tiesOfRoundedSums() throws {
    let graph = """
      graph @g(%x: f32[3, 31]) {
        %w: f32[1, 31] = constant(1)
        %y = matmul(%w, %x, transpose_b: true)
        %i = arg_max(%y)
        %z = cast(%i, dtype: f32)
        return %z
      }
      """
    // The last row's sum is larger by a unit in the last place.
    var x = [Float](repeating: 1.0784029, count: 3 * 31)
    x[2 * 31 + 3] += 8e-6
    for winner in [0, 2] as [Float] {
      #expect(try mismatch(graph, x, [3, 31]) { _ in [winner] } == nil, "\(winner)")
    }
    x[2 * 31 + 3] += 1
    #expect(try mismatch(graph, x, [3, 31]) { _ in [0] } != nil)
  }

  /// A function that is off by a unit may be equal to a number beside it.
  @Test func aNeighborIsLikely() throws {
    let graph = """
      graph @g(%x: f32[1]) {
        %y = tanh(%x)
        %e = equal(%x, %y)
        %z = cast(%e, dtype: f32)
        return %z
      }
      """
    for x in [2.3611882e-4, 1.7e-4, 2.9e-4] as [Float] {
      for found in [0, 1] as [Float] {
        #expect(try mismatch(graph, [x], [1]) { _ in [found] } == nil, "\(x), \(found)")
      }
    }
    #expect(try mismatch(graph, [0.5], [1]) { _ in [1] } != nil)
  }

  /// Where rounding leaves the sign of a sum open, what depends on numbers near 0 alone is open, too.
  @Test func aSumMayBeNearZero() throws {
    let graph = """
      graph @g(%x: f32[3]) {
        %s = reduce_sum(%x, axes: [0], keep_dims: true)
        %t = tanh(%s)
        %y = multiply(%t, %t)
        return %y
      }
      """
    for found in [0.0046, 0.9, 1] as [Float] {
      #expect(try mismatch(graph, [1e12, -1e12, 3e3], [3]) { _ in [found] } == nil, "\(found)")
    }
    #expect(try mismatch(graph, [3, 2, 1], [3]) { _ in [0.0046] } != nil)
  }

  /// Numbers that differ by a unit may be equal, and then the inverse of their difference is infinite.
  @Test func neighborsMayBeEqual() throws {
    let graph = """
      graph @g(%x: f32[2]) {
        %t = tanh(%x)
        %m = reduce_max(%t, axes: [0], keep_dims: true)
        %d = subtract(%t, %m)
        %y = reciprocal(%d)
        return %y
      }
      """
    let x: [Float] = [0.5, Float(0.5).nextUp]
    let mixed: (([Float]) -> [Float]) = { _ in [.infinity, .infinity] }
    #expect(try mismatch(graph, x, [2], found: mixed) == nil)
    #expect(try mismatch(graph, [0.5, 0.6], [2], found: mixed) != nil)
  }

  /// A product that is too small to be a number leaves its sign in a sum that takes it in unrounded.
  @Test func aProductThatVanishes() throws {
    let graph = """
      graph @g(%x: f32[2]) {
        %y: f32 = constant(-1e-30)
        %p = multiply(%x, %y)
        %z: f32 = constant(0)
        %s = add(%p, %z)
        return %s
      }
      """
    #expect(try mismatch(graph, [1e-30, 1], [2]) { [-0.0, $0[1]] } == nil)
    #expect(try mismatch(graph, [0, 1], [2]) { [-0.0, $0[1]] } != nil)
  }

  /// The order of terms that overflow decides about more than whether their sum is finite.
  @Test func whatOverflowsMayBeAnyNumber() throws {
    let graph = """
      graph @g(%x: f32[4]) {
        %s = reduce_sum(%x, axes: [0], keep_dims: true)
        %z: f32[1] = constant(0)
        %y = minimum(%s, %z)
        return %y
      }
      """
    let x: [Float] = [3.4028235e38, 1, -3.4028235e38, 3.4e38]
    #expect(try mismatch(graph, x, [4]) { _ in [-1] } == nil)
    #expect(try mismatch(graph, [3, 1, -3, 4], [4]) { _ in [-1] } != nil)
  }

  /// Winograd's algorithm leaves little where the direct sum is nothing, in gradients; forward it does not.
  @Test func whatWinogradLeaves() throws {
    let filter = "%w: f32[3, 3, 1, 1] = constant(0.5)"
    let gradient = """
      graph @g(%x: f32[1, 7, 7, 1]) {
        \(filter)
        %y = convolution_input_gradient(%x, %w, shape: [1, 7, 7, 1], padding: [[1, 1], [1, 1]])
        return %y
      }
      """
    let forward = """
      graph @g(%x: f32[1, 7, 7, 1]) {
        \(filter)
        %y = convolution(%x, %w, padding: [[1, 1], [1, 1]])
        return %y
      }
      """
    var x = [Float](repeating: 0, count: 49)
    x[0] = 1
    // Three places away, within a tile.
    func withTrace(_ size: Float) -> ([Float]) -> [Float] { { $0.enumerated().map { $0.0 == 3 ? size : $0.1 } } }
    #expect(try mismatch(gradient, x, [1, 7, 7, 1], passes: true, found: withTrace(1e-8)) == nil)
    #expect(try mismatch(gradient, x, [1, 7, 7, 1], passes: true, found: withTrace(1e-3)) != nil)
    #expect(try mismatch(gradient, x, [1, 7, 7, 1], passes: false, found: withTrace(1e-8)) != nil)
    #expect(try mismatch(forward, x, [1, 7, 7, 1], passes: true, found: withTrace(1e-8)) != nil)
  }
}
