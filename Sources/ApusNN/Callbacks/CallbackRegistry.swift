/// The callbacks by name, for the command line.
public enum CallbackRegistry: ComponentRegistry {
  public static let store = ComponentStore<any Callback>(
    "callback", registration: "CallbackRegistry.register",
    [
      .init(EarlyStopping.self) { $0 }, .init(ModelCheckpoint.self) { $0 }, .init(ReduceLROnPlateau.self) { $0 },
      .init(CSVLogger.self) { $0 }, .init(TerminateOnNaN.self) { $0 }, .init(BackupAndRestore.self) { $0 },
      .init(TensorBoard.self) { $0 }, .init(ResetStates.self) { $0 }, .init(SwapEMAWeights.self) { $0 },
    ])

  /// Adds a callback of another package, for the rest of the process: a `Callback` that is a `Component`, so that its
  /// settings have names.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: Callback & Component>(_ type: T.Type) throws { try store.register(.init(type) { $0 }) }
}
