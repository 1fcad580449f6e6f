/// The optimizers by name, for the command line and saved models. Docs/AddAnOptimizer.md adds one.
public enum OptimizerRegistry: ComponentRegistry {
  public static let store = ComponentStore<any Optimizer>(
    "optimizer", registration: "OptimizerRegistry.register",
    [.init(SGD.self) { $0 }, .init(RMSprop.self) { $0 }, .init(Adam.self) { $0 }])

  /// Adds an optimizer of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: Optimizer>(_ type: T.Type) throws { try store.register(.init(type) { $0 }) }
}
