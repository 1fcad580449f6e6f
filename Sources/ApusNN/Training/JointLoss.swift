import ApusCore
import ApusGraph

/// A loss of several tensors: of a model's inputs, outputs and targets together.
///
///     let elbo = JointLoss(
///       "elbo",
///       terms: [
///         "reconstruction": { try $0.output("image").binaryCrossEntropy(target: $0.input("pixels")) },
///         "divergence": { try divergence($0.output("mean"), $0.output("log_variance")) },
///       ])
///
/// Training minimizes the sum of the terms' means. If there are several, logs show each as `<term>_loss`.
public struct JointLoss: Sendable {
  /// A term: a value for each sample, of shape (batch, …), or a scalar.
  public typealias Term = @Sendable (LossTensors) throws -> Value

  /// What one sample's target is.
  public struct Target: Sendable, Hashable, ExpressibleByArrayLiteral {
    public let shape: [Int]
    public let dtype: DType

    /// - Parameter shape: of one sample, without the batch.
    public init(_ shape: [Int], _ dtype: DType = .f32) {
      self.shape = shape
      self.dtype = dtype
    }

    /// Of type f32.
    public init(arrayLiteral shape: Int...) { self.init(shape) }
  }

  public let name: String
  let targets: [(key: String, value: Target)]
  let terms: [String]
  private let formulas: [Term]

  /// - Parameters:
  ///   - name: in messages and saved models. A trainer that is saved with it can be resumed only by giving it again.
  ///   - targets: what `fit` is given besides the inputs, in this order; nothing for a model that learns from its inputs.
  ///   - terms: what is added up.
  public init(_ name: String, targets: KeyValuePairs<String, Target> = [:], terms: KeyValuePairs<String, Term>) {
    self.name = name
    self.targets = targets.map { ($0.key, $0.value) }
    self.terms = terms.map(\.key)
    formulas = terms.map(\.value)
  }

  /// A loss of one term.
  public init(_ name: String, targets: KeyValuePairs<String, Target> = [:], _ formula: @escaping Term) {
    self.init(name, targets: targets, terms: [name: formula])
  }

  /// - Throws: `ApusError` if it has no terms, or two terms or two targets have one name.
  func check() throws {
    guard !terms.isEmpty else { throw ApusError.input("the loss '\(name)' has no terms") }
    for (names, what) in [(terms, "terms"), (targets.map(\.key), "targets")] {
      var known: Set<String> = []
      if let twice = names.first(where: { !known.insert($0).inserted }) {
        throw ApusError.input(
          "the loss '\(name)' has two \(what) '\(twice)'", help: "logs and data tell them apart by their names")
      }
    }
  }

  /// The mean of each term.
  /// - Throws: `ApusError` that names the term if it is not a number of each sample.
  func means(_ tensors: LossTensors) throws -> [Value] {
    return try zip(terms, formulas).map { term, formula in
      let value = try formula(tensors)
      guard value.dtype.isFloating else {
        throw ApusError.input("term '\(term)' of the loss '\(name)' is a \(value.type), not a floating-point number")
      }
      return value.rank == 0 ? value : try value.mean()
    }
  }
}

/// What a joint loss is computed from: tensors by name, batch first.
public struct LossTensors {
  let inputs: [(name: String, value: Value)]
  let targets: [(name: String, value: Value)]
  let outputs: [(name: String, value: Value)]

  /// - Throws: `ApusError` with a suggestion if no input has that name.
  public func input(_ name: String) throws -> Value { try find(name, inputs, "input") }
  /// - Throws: `ApusError` with a suggestion if no target has that name.
  public func target(_ name: String) throws -> Value { try find(name, targets, "target") }
  /// - Parameter name: of the layer that makes it.
  /// - Throws: `ApusError` with a suggestion if no output has that name.
  public func output(_ name: String) throws -> Value { try find(name, outputs, "output") }

  private func find(_ name: String, _ values: [(name: String, value: Value)], _ kind: String) throws -> Value {
    if let found = values.first(where: { $0.name == name }) { return found.value }
    let names = values.map(\.name)
    throw ApusError.input(
      "the loss asks for \(kind) '\(name)', which is not there",
      help: Suggestion.didYouMean(name, among: names)
        ?? (names.isEmpty ? "there is no \(kind)" : "there are: \(names.joined(separator: ", "))"))
  }
}
