import Apus
import ApusCore
import ApusNative
import TestSupport
import Testing

/// Runs a graph over windows by native code, with one worker and with three, and by the interpreter: on small integers, whose
/// sums are exact and of which many are equal, and in the first operand on numbers that are not finite.
/// - Parameters:
///   - rarity: one of so many numbers of the first operand is −0, infinite or NaN.
///   - others: what is added to the numbers of the other operands.
func expectSameWindows(_ text: String, rarity: Int, others: Float = 0) throws {
  let graph = try Graph.parse(text)[0]
  let feeds = try graph.parameters.enumerated().map { position, id in
    let type = graph.type(of: id)
    var generator = PhiloxGenerator(seed: UInt64(position + 1))
    let numbers = (0..<(type.shape.numbers ?? []).reduce(1, *)).map { _ in
      let number = Float(Int.random(in: -2...2, using: &generator))
      if position > 0 { return number + others }
      guard type.dtype.isFloating, Int.random(in: 0..<rarity, using: &generator) == 0 else { return number }
      return [-0.0, .infinity, -.infinity, .nan].randomElement(using: &generator) ?? number
    }
    return try Tensor(numbers.map { type.dtype == .u8 ? abs($0) : $0 }, type.shape.numbers ?? []).converted(
      to: type.dtype)
  }
  let expected = try InterpreterBackend().prepare(graph).run(feeds, variables: []).outputs
  for workers in [1, 3] {
    let results = try NativeBackend(workers: workers, verifies: true).compile(graph).run(feeds, variables: []).outputs
    for (known, result) in zip(expected, results) {
      #expect(TensorComparison.firstDifference(known, result, tolerance: 0) == nil, "\(workers) workers:\n\(text)")
    }
  }
}
