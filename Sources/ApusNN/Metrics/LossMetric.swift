import ApusCore
import ApusGraph
import ApusOperators

/// A loss that is shown as a metric, with the settings of the loss.
struct LossMetric<Function: LossFunction>: MetricFunction {
  var function = Function()

  static var record: ComponentRecord {
    let record = Function.record
    return ComponentRecord(
      record.name, aliases: record.aliases, record.summary, settings: record.settings.map(ofLoss))
  }

  /// A setting of the loss as one of the metric.
  private static func ofLoss(_ setting: SettingRecord) -> SettingRecord {
    SettingRecord(
      name: setting.name, summary: setting.summary, kind: setting.kind, range: setting.range,
      isRequired: setting.isRequired, isShownByDefault: setting.isShownByDefault, defaultText: setting.defaultText,
      read: { ($0 as? Self).flatMap { setting.read($0.function) } },
      write: { component, text in
        guard var typed = component as? Self, let function = try setting.write(typed.function, text) as? Function else {
          return nil
        }
        typed.function = function
        return typed
      },
      check: { if let typed = $0 as? Self { try setting.check(typed.function) } },
      number: { ($0 as? Self).flatMap { setting.number($0.function) } })
  }

  func values(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value {
    try function.losses(of: prediction, against: fitting(target, prediction, takesClassNumbers))
  }

  func counted(of prediction: Value, against target: Value, takesClassNumbers: Bool) throws -> Value? {
    try function.mask(of: prediction, against: fitting(target, prediction, takesClassNumbers))
  }

  /// The targets as the loss takes them.
  private func fitting(_ target: Value, _ prediction: Value, _ areClassNumbers: Bool) throws -> Value {
    try Function.takesClassNumbers
      ? target.labels(of: prediction, areClassNumbers: areClassNumbers)
      : target.targets(like: prediction, areClassNumbers: areClassNumbers)
  }
}
