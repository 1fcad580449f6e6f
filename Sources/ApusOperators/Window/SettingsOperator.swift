import ApusCore
import ApusGraph

/// An operator that keeps in one value the attributes that it shares with related operators, such as its gradients. The
/// settings are readable as properties of the operator: `op.strides` is `op.settings.strides`.
@dynamicMemberLookup
public protocol SettingsOperator<Settings>: Operator {
  associatedtype Settings: Hashable & Sendable
  var settings: Settings { get set }
}

extension SettingsOperator {
  public subscript<Property>(dynamicMember property: WritableKeyPath<Settings, Property>) -> Property {
    get { settings[keyPath: property] }
    set { settings[keyPath: property] = newValue }
  }

  /// - Parameter settings: usually those of a related operator.
  package init(_ settings: Settings) {
    self.init()
    self.settings = settings
  }
}

/// An operator on tensors of one shape that states the shape of its result, as transposed operators do.
protocol ShapedOperator: SettingsOperator {
  var shape: Shape { get set }
}

extension ShapedOperator {
  init(_ settings: Settings, shape: Shape) {
    self.init(settings)
    self.shape = shape
  }
}
