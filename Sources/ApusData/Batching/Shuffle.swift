import ApusCore

/// The order in which an epoch visits its samples.
public enum Shuffle {
  /// A permutation of `0..<count`: a pure function of its arguments, the same on every machine and in every release.
  ///
  /// Fisher and Yates' shuffle as in D. E. Knuth, "The Art of Computer Programming" 2, algorithm 3.4.2 P, drawn from
  /// stream `epoch` of Philox under the key `seed`.
  public static func permutation(count: Int, seed: UInt64, epoch: Int) -> [Int] {
    var order = Array(0..<max(count, 0))
    // A high bit of its own keeps these draws apart from the random operators, whose streams count steps.
    var generator = PhiloxGenerator(seed: seed, stream: UInt64(bitPattern: Int64(epoch)) ^ 1 << 63)
    order.withUnsafeMutableBufferPointer { order in
      var i = order.count - 1
      while i > 0 {
        let j = draw(below: UInt64(i) + 1, from: &generator)
        let kept = order[i]
        order[i] = order[Int(j)]
        order[Int(j)] = kept
        i -= 1
      }
    }
    return order
  }

  /// A number in `0..<bound` without bias: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29
  /// (2019). Written out, because the order must not change with the standard library's way of doing it.
  private static func draw(below bound: UInt64, from generator: inout PhiloxGenerator) -> UInt64 {
    var product = generator.next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = generator.next().multipliedFullWidth(by: bound) }
    }
    return product.high
  }
}
