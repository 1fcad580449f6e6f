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

  /// The class of each sample: its number, or the place of the 1 among zeros.
  package func classNumbers() throws -> [Int] {
    guard let classes = targets.sampleClasses(count) else {
      throw ApusError.file(name, "samples have no classes", help: "classes are whole numbers from 0, or texts")
    }
    return try classes.enumerated().map { row, label in
      if let label { return label }
      let isNumber = targets.count == count
      throw ApusError.file(
        name,
        isNumber
          ? "the target of \(self.label(of: row)) is \(targets.doubles()[row]), which is not a class"
          : "the targets of \(self.label(of: row)) are not a class: a 1 among zeros",
        help: isNumber
          ? "classes are whole numbers from 0, or texts"
          : "several labels, shares and values have no class; give weights of samples")
    }
  }
}

extension Tensor {
  /// The class that each of `count` targets says: its number, or the place of the 1 among zeros; nil for one that says none.
  /// - Returns: nil if the shape is neither that of numbers nor of a row for each sample.
  package func sampleClasses(_ count: Int) -> [Int?]? {
    guard count > 0, self.count == count || rank == 2 && dimensions[0] == count && self.count > count else {
      return nil
    }
    let (numbers, width) = (doubles(), self.count / count)
    return (0..<count).map { row in
      let own = numbers[row * width..<(row + 1) * width]
      guard width > 1 else { return Int(exactly: numbers[row]).flatMap { $0 < 0 ? nil : $0 } }
      guard let place = own.firstIndex(of: 1), own.allSatisfy({ $0 == 0 || $0 == 1 }), own.reduce(0, +) == 1 else {
        return nil
      }
      return place - own.startIndex
    }
  }
}
