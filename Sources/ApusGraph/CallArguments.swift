/// An attribute in the form `name`, or `name(label: value, …)`.
struct CallArguments {
  let name: String
  private(set) var values: [String: AttributeValue] = [:]

  /// Nil for a value in another form, and if a label is there twice.
  init?(_ value: AttributeValue) {
    switch value {
    case .name(let word): name = word
    case .call(let word, let list):
      name = word
      var known: [String: AttributeValue] = [:]
      for argument in list where known.updateValue(argument.value, forKey: argument.label) != nil { return nil }
      values = known
    case .int, .float, .bool, .string, .list, .tensor: return nil
    }
  }

  /// The argument, or what it is without; an argument of another kind is left, so that not all are used up.
  mutating func take<T: AttributeConvertible>(_ label: String, _ standard: T) -> T {
    guard let value = values[label], let typed = T(attributeValue: value) else { return standard }
    values[label] = nil
    return typed
  }

  /// Whether nothing is left that was not taken.
  var isUsedUp: Bool { values.isEmpty }

  /// The attribute's value.
  static func call(_ name: String, _ arguments: (String, any AttributeConvertible)...) -> AttributeValue {
    .call(name, arguments.map { AttributeArgument($0.0, $0.1.attributeValue) })
  }
}
