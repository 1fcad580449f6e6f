import ApusCore

extension Dataset {
  /// Weights with which all classes count the same in training, however many samples they have: N / (K nₖ) of N samples in K
  /// classes, nₖ of them in class k, as scikit-learn's `balanced`.
  /// - Parameter count: how many samples, from the first, are trained on; all if nil.
  /// - Throws: `ApusError` if a sample does not have one class.
  public func balancedClassWeights(count: Int? = nil) throws -> [Int: Double] {
    let rows = 0..<min(max(0, count ?? self.count), self.count)
    let classes = try classNumbers()[rows]
    var counts: [Int: Int] = [:]
    for label in classes { counts[label, default: 0] += 1 }
    return counts.mapValues { Double(rows.count) / (Double(counts.count) * Double($0)) }
  }

  /// The class of each sample: its number, or the place of the single largest one of its numbers.
  package func classNumbers() throws -> [Int] {
    let isNumber = targets.count == count
    if !isNumber, targets.rank == 2 { return try targets.argMax(axis: 1).elements(as: Int64.self).map { Int($0) } }
    return try targets.doubles().enumerated().map { row, value in
      guard isNumber, value >= 0, let label = Int(exactly: value) else {
        throw ApusError.file(
          name,
          isNumber ? "the target of \(label(of: row)) is \(value), which is not a class" : "samples have no classes",
          help: "classes are whole numbers from 0, or texts")
      }
      return label
    }
  }
}
