import ApusCore

/// What the losses of each class's samples are multiplied by; 1 for a class that is not named.
struct ClassWeights {
  private let weights: [Int: Double]

  /// - Throws: `ApusError` that names the class whose weight is not a number, or negative.
  init(_ weights: [Int: Double]) throws {
    for (label, weight) in weights.sorted(by: { $0.key < $1.key }) where !weight.isFinite || weight < 0 || label < 0 {
      throw ApusError.input(
        "the weight of class \(label) is \(weight)", help: "classes are 0, 1, …, weights at least 0")
    }
    self.weights = weights
  }

  /// A weight for each sample: that of its class, times the sample's own.
  /// - Parameters:
  ///   - targets: class numbers; one number that is 0 or 1; or a distribution over classes, whose largest counts.
  ///   - own: the weights of samples, if there are any.
  /// - Throws: `ApusError` if a sample has several classes.
  func weights(of targets: Tensor, count: Int, times own: Tensor?) throws -> Tensor {
    let numbers = targets.doubles()
    let width = numbers.count / max(1, count)
    guard width >= 1, targets.rank <= 2 else {
      throw ApusError.input(
        "class weights need a class for each sample, but the targets are \(targets.type)",
        help: "give sampleWeights instead")
    }
    let classes = (0..<count).map { row -> Int in
      let values = numbers[row * width..<(row + 1) * width]
      guard width > 1 else { return Int(values[row].rounded()) }
      let best = values.indices.max { values[$0] < values[$1] } ?? row * width
      return best - row * width
    }
    let result = classes.map { Float(weights[$0] ?? 1) }
    guard let own else { return Tensor(result) }
    let owned = own.doubles()
    guard owned.count == count else {
      throw ApusError.input("class weights go with one weight a sample, but the sample weights are \(own.type)")
    }
    return Tensor(zip(result, owned).map { $0 * Float($1) })
  }
}
