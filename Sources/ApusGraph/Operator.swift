import ApusCore

/// What a node computes. An operator is one struct whose stored properties are its attributes: equality, hashing,
/// printing, parsing and documentation follow from `record`.
///
/// Backends add their stage by extension in their own module (`Interpretable`, `ElementLowerable`, `Lowerable`).
/// Docs/AddAnOperator.md walks through one.
///
/// The requirements from `isComposite` on say what kind of operator this is. A protocol of the family implements them, so
/// a type gets them with the conformance and need not state them. Passes ask them instead of casting: a cast to a
/// protocol searches all conformances of the program the first time that a type is asked (some 50 µs). Declare the
/// conformance in the module that declares the type; the compiler does not use a later one for these requirements.
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

  /// The gradient rule: for each operand the cotangent that flows to it, nil if none does.
  ///
  /// - Throws: `NotDifferentiable` with the reason if the operator has no gradient.
  func gradient(_ context: GradientContext) throws -> [Value?]

  /// Arithmetic operations of one evaluation: a multiply-add counts 2, a transcendental function 1.
  func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int

  /// True if, on these types, the first result is the first operand unchanged: a reshape to the same shape, a transpose
  /// that moves nothing, a slice of the whole.
  func isIdentity(_ operands: [TensorType], _ results: [TensorType]) -> Bool

  /// Whether the type conforms to `CompositeOperator`; see `asComposite`.
  static var isComposite: Bool { get }

  /// Whether the type conforms to `ReductionOperator`; see `asReduction`.
  static var isReduction: Bool { get }

  /// Whether loops are built around this operator on these operands, in which elementwise operators can follow on its
  /// result: tiled contractions and windows over single channels.
  func headsNest(_ operands: [TensorType]) -> Bool

  /// The result if it follows from the types of the operands alone, as the size of an axis does; else nil.
  func determinedResult(_ operands: [TensorType]) -> Tensor?

  /// The same operator for another number of samples, if it treats each sample by itself: element i along the leading axis
  /// of its results follows from elements i of the operands that have samples along theirs, and from all of the others.
  ///
  /// The question is whether samples stay apart where the types say that they could. A caller gives the samples' axis a
  /// symbol, asks the shape rule, and goes on only if each result has that symbol as its leading axis and nowhere else. So
  /// an operator that folds, moves or multiplies that axis need not look for it; one that keeps the axis and mixes its
  /// elements (a sum along it, a sort) must give nil.
  /// - Parameters:
  ///   - count: the other number of samples.
  ///   - operands: the types of the operands.
  ///   - hasSamples: which of the operands have samples along their leading axis.
  /// - Returns: nil if samples are mixed, or nothing is known.
  func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)?

  /// The operator with symbols bound to numbers: in its attributes, and in the type that a declaration states.
  func specialized(_ bindings: [String: Int]) -> any Operator
}

extension Operator {
  public static var isComposite: Bool { false }
  public static var isReduction: Bool { false }
  public func headsNest(_ operands: [TensorType]) -> Bool { false }
  public func determinedResult(_ operands: [TensorType]) -> Tensor? { nil }
  public func specialized(_ bindings: [String: Int]) -> any Operator { withAttributesBound(bindings) }

  public func forSamples(_ count: Dim, _ operands: [TensorType], hasSamples: [Bool]) -> (any Operator)? {
    traits.contains(.elementwise) ? self : nil
  }

  /// The operator as a composite; nil if it is not one.
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

/// An operator that is defined by smaller ones. It may declare its own gradient if the expanded one would be slow or
/// unstable; otherwise the expansion is differentiated.
public protocol CompositeOperator: Operator {
  /// The same results out of smaller operators; `operands` belong to the builder that they carry.
  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value]

  /// True if `gradient` is the operator's own rule, for these attributes.
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

/// Whether a graph is run to train or to predict.
public enum Mode: String, Sendable, Hashable, CaseIterable { case training, inference }

/// An operator that does different things while training and while predicting: dropout, batch normalization.
/// `Graph.bound(to:)` replaces it; no backend ever sees it.
public protocol ModeDependentOperator: Operator {
  /// Whether it needs to know the number of the training step.
  static var countsSteps: Bool { get }

  /// - Parameters:
  ///   - step: an `i64` scalar that counts training steps; nil for inference, or if no operator reads it.
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

/// What a gradient rule can read.
public struct GradientContext {
  public let builder: GraphBuilder
  /// The node's operands and results, in the graph that the gradient is added to.
  public let operands: [Value]
  public let results: [Value]
  public let regions: [Graph]
  /// The cotangents that arrived at the results; nil is zero. At least one is not nil.
  public let cotangents: [Value?]
  /// The operands whose cotangents are needed; a rule may skip the others.
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
  /// - Returns: for each of `parameters` its cotangent, nil if none arrives.
  /// - Throws: `ApusError` if an operator on the path has no gradient; a rule passes such errors on.
  func cotangents(
    of region: Graph, values: [ValueID?], seeds: [Value?], parameters: [Int], in builder: GraphBuilder
  ) throws -> [Value?]
}
