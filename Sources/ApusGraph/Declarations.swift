import ApusCore

/// An operator whose result type and name are given, not inferred: `%w: f32[784, 128] = variable(glorot_uniform)`.
public protocol DeclarationOperator: Operator {
  /// The type after the colon.
  var type: TensorType { get set }
}

extension DeclarationOperator {
  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [type] }
  public func gradient(_ context: GradientContext) throws -> [Value?] { [] }
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int { 0 }

  public func specialized(_ bindings: [String: Int]) -> any Operator {
    guard var declaration = withAttributesBound(bindings) as? Self else { return self }
    declaration.type = type.bound(bindings)
    return declaration
  }
}

/// An input that each run is fed. Written in the header of a graph or region.
public struct Parameter: DeclarationOperator {
  public var type = TensorType.scalar(.f32)
  /// The name it is fed by; also the value's name.
  public var label = ""

  public init() {}
  public init(_ label: String, _ type: TensorType) {
    self.label = label
    self.type = type
  }

  public static let record = OperatorRecord(
    "parameter", .declaration, "An input that each run is fed; usually written in the graph's header.",
    traits: .declaration)
}

/// A tensor that outlives a run: a weight, or an optimizer's state. `update` statements give it a new value.
public struct Variable: DeclarationOperator {
  public var type = TensorType.scalar(.f32)
  /// The name it is saved by; also the value's name.
  public var label = ""
  public var initializer = Initializer.zeros
  /// Whether an optimizer changes it.
  public var trainable = true
  /// Draws of the same seed and name are the same bits. None: the session's seed and the name decide.
  public var seed: UInt64?
  /// What it adds to the loss of a training step.
  public var regularizer: Regularizer?
  /// What it is brought back to after each step of an optimizer.
  public var constraint: Constraint?

  public init() {}
  public init(
    _ label: String, _ type: TensorType, _ initializer: Initializer, trainable: Bool = true,
    regularizer: Regularizer? = nil, constraint: Constraint? = nil
  ) {
    self.label = label
    self.type = type
    self.initializer = initializer
    self.trainable = trainable
    self.regularizer = regularizer
    self.constraint = constraint
  }

  public static let record = OperatorRecord(
    "variable", .declaration, "A tensor that outlives a run; `update` gives it a new value.",
    attributes: [
      attribute("initializer", \.initializer, "how it gets its first value", positional: true),
      attribute("trainable", \.trainable, "whether an optimizer changes it"),
      attribute("seed", \.seed, "seed of its first value; none: the session's seed and the name decide"),
      attribute("regularizer", \.regularizer, "what it adds to the loss of a training step"),
      attribute("constraint", \.constraint, "what it is brought back to after each step of an optimizer"),
    ],
    traits: .declaration)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] {
    if case .constant(let value) = initializer, !value.fits(type.dtype) {
      throw TypeError("\(value) does not fit in \(type.dtype)", attribute: "initializer")
    }
    if let fault = initializer.fault { throw TypeError(fault, attribute: "initializer") }
    if let fault = regularizer?.fault(type) { throw TypeError(fault, attribute: "regularizer") }
    if let fault = constraint?.fault(type) { throw TypeError(fault, attribute: "constraint") }
    return [type]
  }
}

extension Variable {
  /// The label of the counter of training steps.
  public static let stepLabel = "step"
  /// What the labels of an optimizer's state begin with.
  public static let optimizerPrefix = "optimizer/"

  /// Whether a variable of that label is there for training alone: an optimizer's state or the counter of steps, and no
  /// part of the model.
  public static func belongsToTraining(_ label: String) -> Bool {
    label == stepLabel || label.hasPrefix(optimizerPrefix)
  }
}

/// A tensor known when the graph is built.
public struct Constant: Operator {
  public var value: Tensor

  public init() { value = Tensor(scalar: Float(0)) }
  public init(_ value: Tensor) { self.value = value }

  /// The elements are written by the printer and read by the parser, which know the declared type.
  public static let record = OperatorRecord(
    "constant", .declaration,
    "A tensor known when the graph is built: a number that fills the shape, nested lists, or base64 of its bytes.",
    traits: .declaration)

  public func resultTypes(_ operands: [TensorType], _ regions: [Graph]) throws -> [TensorType] { [value.type] }
  public func gradient(_ context: GradientContext) throws -> [Value?] { [] }
  public func flopCount(_ operands: [TensorType], _ results: [TensorType], _ regions: [Graph]) -> Int { 0 }
}
