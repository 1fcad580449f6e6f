/// The losses by name, for the command line and saved models.
public enum LossRegistry: ComponentRegistry {
  public static let store = ComponentStore<Loss>(
    "loss", registration: "LossRegistry.register",
    [
      entry(SparseCategoricalCrossEntropyLoss.self), entry(CategoricalCrossEntropyLoss.self),
      entry(BinaryCrossEntropyLoss.self), entry(MeanSquaredErrorLoss.self), entry(MeanAbsoluteErrorLoss.self),
      entry(HuberLoss.self),
    ])

  /// Adds a loss of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: LossFunction>(_ type: T.Type) throws { try store.register(entry(type)) }

  private static func entry<T: LossFunction>(_ type: T.Type) -> ComponentStore<Loss>.Entry { .init(type) { Loss($0) } }
}
