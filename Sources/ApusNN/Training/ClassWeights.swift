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
  ///   - targets: class numbers; one number that is 0 or 1; or rows with a 1 among zeros.
  ///   - own: the weights of samples, if there are any.
  ///   - areClassNumbers: whether the loss takes class numbers, of which a sample has one.
  /// - Throws: `ApusError` if a sample has several classes, or none.
  func weights(of targets: Tensor, areClassNumbers: Bool, count: Int, times own: Tensor?) throws -> Tensor {
    let isNumber = targets.count == count
    guard let found = targets.sampleClasses(count), targets.rank <= 2, isNumber || !areClassNumbers else {
      throw ApusError.input(
        "class weights need a class for each sample, but the targets are \(targets.type)",
        help: "give sampleWeights instead", commandHelp: "--sample-weight weighs each sample instead")
    }
    let classes = try found.enumerated().map { row, label in
      if let label { return label }
      throw ApusError.input(
        isNumber
          ? "sample \(row) has the target \(targets.doubles()[row]), which is not a class"
          : "sample \(row) does not have one class",
        help: "class weights need class numbers 0, 1, …, or rows with a 1 among zeros; else give sampleWeights",
        commandHelp: "class weights need class numbers 0, 1, …, or rows with a 1 among zeros; else give --sample-weight"
      )
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
