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
  ///   - areClassNumbers: whether the loss takes class numbers, of which a sample has one.
  /// - Throws: `ApusError` if a sample has several classes, or none.
  func weights(of targets: Tensor, areClassNumbers: Bool, count: Int, times own: Tensor?) throws -> Tensor {
    let numbers = targets.doubles()
    let width = numbers.count / max(1, count)
    guard width >= 1, targets.rank <= 2, width == 1 || !areClassNumbers else {
      throw ApusError.input(
        "class weights need a class for each sample, but the targets are \(targets.type)",
        help: "give sampleWeights instead")
    }
    let classes = try (0..<count).map { row -> Int in
      let values = numbers[row * width..<(row + 1) * width]
      let best = values.indices.max { values[$0] < values[$1] } ?? row * width
      if width == 1, let label = Int(exactly: values[row]), label >= 0 { return label }
      if width > 1, values.count(where: { $0 == values[best] }) == 1 { return best - row * width }
      throw ApusError.input(
        width == 1
          ? "sample \(row) has the target \(values[row]), which is not a class"
          : "sample \(row) does not have one class",
        help: "class weights need classes 0, 1, …, or one largest number for each sample; else give sampleWeights")
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
