import ApusCore

/// What a node computes. Declared once, in one struct, whose stored properties are the operator's attributes:
/// equality, hashing, printing, parsing and documentation follow from `record`.
///
/// Backends add their stage by extension in their own module (`Interpretable`, `ElementLowerable`, `Lowerable`).
/// Docs/AddAnOperator.md walks through one.
public protocol Operator: Sendable, Hashable {
  /// Name, summary, operands, attributes, results, traits.
  static var record: OperatorRecord { get }

  /// The operator with every attribute at its default.
  init()

  /// The shape rule: the types of the results, or why the operands do not fit.
  ///
  /// Number and element types of the operands have been checked against the record.
  /// - Throws: `TypeError`, in words that a user of the operator understands.
  func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType]

  /// The gradient rule: for each operand the cotangent that flows to it, nil where none does.
  ///
  /// - Throws: `NotDifferentiable` with the reason where the operator has no gradient.
  func gradient(_ context: GradientContext) throws -> [Value?]

  /// Arithmetic operations of one evaluation: a multiply-add counts 2, a transcendental function 1.
  func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int

  /// True where, on these types, the first result is the first operand unchanged: a reshape to the same shape,
  /// a transpose that moves nothing, a slice of the whole.
  func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool

  /// Whether this is a `CompositeOperator`; see `asComposite`.
  static var isComposite: Bool { get }
}

extension Operator {
  public static var isComposite: Bool { false }

  /// As a composite; nil where it is none. The first time that a type is asked whether it conforms to a protocol, the
  /// runtime looks through all conformances of the program, some 50 µs: passes that walk over all nodes ask traits and
  /// kinds first, which are stored.
  public var asComposite: (any CompositeOperator)? { Self.isComposite ? self as? any CompositeOperator : nil }

  public var record: OperatorRecord { Self.record }
  public var name: String { Self.record.name }
  public var traits: OperatorTraits { Self.record.traits }

  /// The elements written: right for elementwise operators, a lower bound for the rest. Data movement counts none.
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    traits.contains(.movesData) ? 0 : results.reduce(0) { $0 &+ ($1.shape.elementCount ?? 0) }
  }

  public func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool { false }
}

/// An operator that is defined by smaller ones. It may declare its own gradient where the expanded one would be slow
/// or unstable; otherwise the expansion is differentiated.
public protocol CompositeOperator: Operator {
  /// The same results out of smaller operators; `operands` belong to the builder that they carry.
  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value]

  /// True where `gradient` is the operator's own rule, for these attributes.
  var hasOwnGradient: Bool { get }
}

extension CompositeOperator {
  public static var isComposite: Bool { true }
  public var hasOwnGradient: Bool { false }

  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("its expansion should have been differentiated instead")
  }

  /// Shapes follow from the expansion, on a scratch graph.
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    try GraphBuilder.resultTypes(ofExpanding: self, operands)
  }

  /// Of the expansion.
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int {
    (try? Expansion.following(self) { try GraphBuilder.expansion(of: self, operands).flopCount }) ?? 0
  }
}

/// Whether a graph is run to learn or to predict.
public enum Mode: String, Sendable, Hashable, CaseIterable { case training, inference }

/// An operator that does different things while training and while predicting: dropout, batch normalization.
/// `Graph.bound(to:)` replaces it; no backend ever sees it.
public protocol ModeDependentOperator: Operator {
  /// Whether it needs to know the number of the training step.
  static var countsSteps: Bool { get }

  /// - Parameters:
  ///   - step: an `i64` scalar that counts training steps; nil for inference, or where it need not be known.
  ///   - builder: for the replacement, and for updates of variables such as moving averages.
  func bound(to mode: Mode, _ operands: [Value], step: Value?, _ builder: GraphBuilder) throws -> [Value]
}

extension ModeDependentOperator {
  public func gradient(_ context: GradientContext) throws -> [Value?] {
    throw NotDifferentiable("it does different things while training and predicting; bind the graph to a mode first")
  }
}

/// Why operands and attributes do not fit together.
public struct TypeError: Error, Sendable, CustomStringConvertible {
  public var message: String
  /// The operand or attribute at fault, so that a caret can point at it.
  public var operand: Int?
  public var attribute: String?
  public var help: String?

  public init(_ message: String, operand: Int? = nil, attribute: String? = nil, help: String? = nil) {
    self.message = message
    self.operand = operand
    self.attribute = attribute
    self.help = help
  }

  public var description: String { message + (help.map { "; \($0)" } ?? "") }
}

/// Why an operator has no gradient.
public struct NotDifferentiable: Error, Sendable {
  public var reason: String
  public init(_ reason: String) { self.reason = reason }
}

/// All that a gradient rule may ask.
public struct GradientContext {
  public let builder: GraphBuilder
  /// The node's operands and results, in the graph that the gradient is added to.
  public let operands: [Value]
  public let results: [Value]
  public let regions: [Graph]
  /// The cotangents that arrived at the results; nil is zero. At least one is not nil.
  public let cotangents: [Value?]
  /// The operands whose cotangents somebody asked for; a rule may skip the others.
  public let wanted: [Bool]
  /// Differentiates the regions of control flow.
  public let differentiator: any RegionDifferentiator

  package init(
    builder: GraphBuilder, operands: [Value], results: [Value], regions: [Graph], cotangents: [Value?],
    wanted: [Bool], differentiator: any RegionDifferentiator
  ) {
    self.builder = builder
    self.operands = operands
    self.results = results
    self.regions = regions
    self.cotangents = cotangents
    self.wanted = wanted
    self.differentiator = differentiator
  }

  /// The cotangent of the only result.
  public var cotangent: Value {
    get throws {
      guard let first = cotangents.first, let value = first else {
        throw ApusError.defect("a gradient rule was asked without a cotangent")
      }
      return value
    }
  }
}

/// Reverse-mode differentiation of a region, which gradient rules of control flow ask for.
public protocol RegionDifferentiator {
  /// Appends the gradient of a region to a builder that holds the region's computation already.
  /// - Parameters:
  ///   - values: for each value of the region, by index, its counterpart in `builder`.
  ///   - seeds: the cotangents of the region's outputs; nil is zero.
  ///   - parameters: the positions of the parameters to differentiate by.
  /// - Returns: for each of `parameters` its cotangent, nil where none arrives.
  /// - Throws: where an operator on the path has no gradient; a rule passes such errors on.
  func cotangents(
    of region: Graph, values: [ValueID?], seeds: [Value?], parameters: [Int], in builder: GraphBuilder
  ) throws -> [Value?]
}
