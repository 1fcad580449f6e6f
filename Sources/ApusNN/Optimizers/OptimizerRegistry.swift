/// The optimizers by name, for the command line and saved models. Docs/AddAnOptimizer.md adds one.
public enum OptimizerRegistry: ComponentRegistry {
  public static let store = ComponentStore<any Optimizer>(
    "optimizer", registration: "OptimizerRegistry.register",
    [
      .init(SGD.self) { $0 }, .init(RMSprop.self) { $0 }, .init(Adam.self) { $0 }, .init(AdamW.self) { $0 },
      .init(Adagrad.self) { $0 }, .init(Adadelta.self) { $0 }, .init(Adamax.self) { $0 }, .init(Nadam.self) { $0 },
      .init(Ftrl.self) { $0 }, .init(Lion.self) { $0 }, .init(Adafactor.self) { $0 }, .init(Lamb.self) { $0 },
      .init(Muon.self) { $0 }, .init(ScheduleFreeAdamW.self) { $0 },
    ])

  /// Adds an optimizer of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: Optimizer>(_ type: T.Type) throws { try store.register(.init(type) { $0 }) }
}
