import ApusCore
import ApusGraph
import ApusInterpreter
import ApusOperators

/// The size of an optimizer's steps: a number, which callbacks may change, or a schedule, which the training step computes
/// from the number of the step.
public struct LearningRate: Sendable, Hashable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  /// The number; nil if it is a schedule.
  public let constant: Double?
  /// The schedule; nil if it is a number.
  public let schedule: (any LearningRateSchedule)?

  public init(_ constant: Double) { (self.constant, schedule) = (constant, nil) }
  public init(_ schedule: some LearningRateSchedule) { (constant, self.schedule) = (nil, schedule) }
  public init(floatLiteral value: Double) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(Double(value)) }

  /// Two are equal if their texts are.
  public static func == (a: Self, b: Self) -> Bool { a.settingText == b.settingText }
  public func hash(into hasher: inout Hasher) { hasher.combine(settingText) }

  /// Appends the rate: a variable, or the schedule's nodes.
  /// - Parameter step: an `i64` scalar, 0 in the first step.
  func value(at step: Value) throws -> Value {
    guard let schedule else {
      return try step.builder.variable(
        learningRateName, .f32, [], .constant(ExactNumber(constant ?? 0)), trainable: false)
    }
    return try schedule.rate(at: step.cast(to: .f64))
  }
}

/// How a learning rate follows from the number of the step. Names, defaults and formulas of those of Apus are Keras's.
///
/// Stored properties are settings, `record` declares them, and `ScheduleRegistry.register` makes the name known.
public protocol LearningRateSchedule: Component, Sendable {
  /// The rate of a step.
  /// - Parameter step: how many steps precede it, an `f64` scalar.
  /// - Returns: an `f64` scalar.
  func rate(at step: Value) throws -> Value
}

extension LearningRateSchedule {
  public static var kind: String { "schedule" }

  /// The rate of a step, by the same nodes that a training step has.
  /// - Parameter step: how many steps precede it.
  public func rate(afterSteps step: Int) throws -> Double {
    let builder = GraphBuilder("rate")
    let graph = try builder.build([rate(at: builder.constant(Tensor(scalar: Double(step))))])
    return try Interpreter(graph).run([], variables: []).outputs[0].doubles()[0]
  }
}

extension LearningRate: SettingValue {
  public static var settingKind: String { "a number or a schedule" }
  public init?(settingText: String) {
    guard let rate = try? Self.parsed(settingText) else { return nil }
    self = rate
  }

  public static func parsed(_ text: String) throws -> LearningRate? {
    if let constant = Double(settingText: text) { return LearningRate(constant) }
    let name = try ComponentText(text, kind: "schedule").name
    guard text.contains("(") || ScheduleRegistry.names.contains(name) else { return nil }
    return LearningRate(try ScheduleRegistry.named(text))
  }

  /// Of a schedule `exponential_decay(initial_learning_rate=0.1, …)`.
  public var settingText: String? { constant?.settingText ?? schedule?.specificationText() }
  public var settingNumber: Double? { constant }
  public func checkSetting() throws { try schedule?.checkSettings() }
}
