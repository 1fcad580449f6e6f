/// The schedules by name, for the command line and saved models.
public enum ScheduleRegistry: ComponentRegistry {
  public static let store = ComponentStore<any LearningRateSchedule>(
    "schedule", registration: "ScheduleRegistry.register",
    [
      .init(ExponentialDecay.self) { $0 }, .init(InverseTimeDecay.self) { $0 }, .init(PolynomialDecay.self) { $0 },
      .init(PiecewiseConstantDecay.self) { $0 }, .init(CosineDecay.self) { $0 },
      .init(CosineDecayRestarts.self) { $0 },
    ])

  /// Adds a schedule of another package, for the rest of the process.
  /// - Throws: `ApusError` if its name is taken.
  public static func register<T: LearningRateSchedule>(_ type: T.Type) throws {
    try store.register(.init(type) { $0 })
  }
}
