/// The losses by name, for the command line and saved models.
public enum LossRegistry: ComponentRegistry {
  public static let store = ComponentStore<Loss>(
    "loss", registration: "LossRegistry.register",
    [
      entry(SparseCategoricalCrossEntropyLoss.self), entry(CategoricalCrossEntropyLoss.self),
      entry(BinaryCrossEntropyLoss.self), entry(MeanSquaredErrorLoss.self), entry(MeanAbsoluteErrorLoss.self),
      entry(HuberLoss.self), entry(MeanAbsolutePercentageErrorLoss.self), entry(MeanSquaredLogarithmicErrorLoss.self),
      entry(LogCoshLoss.self), entry(PoissonLoss.self), entry(HingeLoss.self), entry(SquaredHingeLoss.self),
      entry(CategoricalHingeLoss.self), entry(MarginLoss.self), entry(KLDivergenceLoss.self),
      entry(CosineSimilarityLoss.self), entry(BinaryFocalCrossEntropyLoss.self),
      entry(CategoricalFocalCrossEntropyLoss.self), entry(GeneralizedCrossEntropyLoss.self), entry(DiceLoss.self),
      entry(TverskyLoss.self), entry(CircleLoss.self), entry(CTCLoss.self),
    ])

  /// Adds a loss of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: LossFunction>(_ type: T.Type) throws { try store.register(entry(type)) }

  private static func entry<T: LossFunction>(_ type: T.Type) -> ComponentStore<Loss>.Entry { .init(type) { Loss($0) } }
}
