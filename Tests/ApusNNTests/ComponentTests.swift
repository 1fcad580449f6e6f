import Apus
import TestSupport
import Testing

/// Optimizers, losses, metrics and callbacks by their records: reading, printing, ranges, defaults.
@Suite struct ComponentTests {
  /// Every name with the kind of thing it names.
  private static var records: [(kind: String, record: ComponentRecord)] {
    OptimizerRegistry.records.map { ("optimizer", $0) } + LossRegistry.records.map { ("loss", $0) }
      + MetricRegistry.records.map { ("metric", $0) } + CallbackRegistry.records.map { ("callback", $0) }
  }

  @Test func everyRecordIsWhole() {
    for (kind, record) in Self.records {
      #expect(!record.summary.isEmpty, "\(kind) \(record.name)")
      #expect(Set(record.settings.map(\.name)).count == record.settings.count, "\(kind) \(record.name)")
      for setting in record.settings {
        #expect(!setting.summary.isEmpty, "\(kind) \(record.name): \(setting.name)")
        #expect(setting.isRequired == (setting.defaultText == nil), "\(kind) \(record.name): \(setting.name)")
      }
    }
  }

  /// What a record prints as its usage is read back as the default.
  @Test func usagesReadBack() throws {
    for record in OptimizerRegistry.records {
      #expect(
        try OptimizerRegistry.named(record.usage).specification == OptimizerRegistry.named(record.name).specification)
    }
    for record in LossRegistry.records { #expect(try LossRegistry.named(record.usage).specification == record.name) }
    for record in CallbackRegistry.records where !record.settings.contains(where: \.isRequired) {
      let callback = try #require(CallbackRegistry.named(record.usage) as? any Component)
      #expect(callback.specificationText(omittingDefaults: true) == record.name)
    }
  }

  @Test func defaultsAreKeras() throws {
    #expect(
      try CallbackRegistry.record(named: "early_stopping").usage
        == "early_stopping(monitor=val_loss, mode=auto, min_delta=0.0, patience=0, baseline=none, "
        + "restore_best_weights=false, start_from_epoch=0, verbose=false)")
    #expect(
      try CallbackRegistry.record(named: "reduce_lr_on_plateau").usage
        == "reduce_lr_on_plateau(monitor=val_loss, mode=auto, factor=0.1, patience=10, min_delta=0.0001, cooldown=0, "
        + "min_lr=0.0, verbose=false)")
    #expect(
      try CallbackRegistry.record(named: "csv_logger").usage
        == "csv_logger(filename=<a text>, separator=\",\", append=false)")
    #expect(try LossRegistry.record(named: "mse").name == "mean_squared_error")
    #expect(try LossRegistry.record(named: "huber").usage == "huber(delta=1.0)")
  }

  /// The values of one initializer and those of the record are one: neither can change alone.
  @Test func swiftAndTextHaveTheSameDefaults() {
    #expect(
      EarlyStopping(monitor: "val_loss").specificationText() == EarlyStopping().specificationText())
    #expect(ModelCheckpoint("m").specificationText(omittingDefaults: true) == "model_checkpoint(filepath=m)")
    #expect(CSVLogger("a.csv").specificationText(omittingDefaults: true) == "csv_logger(filename=a.csv)")
    #expect(
      Loss.categoricalCrossEntropy(fromLogits: true).specification == "categorical_crossentropy(from_logits=true)")
    #expect(Loss.huber(delta: 2).specification == "huber(delta=2.0)" && Loss.huber.specification == "huber")
  }

  @Test(arguments: [
    ("adam(beta_1=1)", "'beta_1' of optimizer 'adam' must be at least 0 and below 1, not 1.0"),
    ("adam(beta_2=-0.1)", "at least 0 and below 1"), ("adam(epsilon=-1)", "'epsilon'"),
    ("rmsprop(rho=1.5)", "'rho' of optimizer 'rmsprop' must be at least 0 and below 1, not 1.5"),
    ("sgd(momentum=1.5)", "'momentum' of optimizer 'sgd' must be at least 0 and at most 1, not 1.5"),
    ("rmsprop(momentum=1.5)", "'momentum'"),
    ("sgd(clipnorm=-1)", "'clipnorm' of optimizer 'sgd' must be above 0, not -1.0"),
    ("sgd(clipvalue=0)", "'clipvalue'"), ("sgd(global_clipnorm=0)", "'global_clipnorm'"),
    ("sgd(learning_rate=-1)", "'learning_rate' of optimizer 'sgd' must be at least 0, not -1.0"),
    ("sgd(weight_decay=-1)", "'weight_decay'"), ("sgd(learning_rate=inf)", "must be a number or a schedule, not 'inf'"),
    ("sgd(learning_rate=none)", "must be a number or a schedule, not 'none'"),
    ("sgd(clipnorm=x)", "must be a number or none, not 'x'"),
  ]) func optimizersOutsideTheirRangesAreRefused(_ text: String, _ message: String) {
    expectUsage(message) { try OptimizerRegistry.named(text) }
  }

  /// The first value is the learning rate, as in Keras; no other has a place of its own.
  @Test func theFirstValueIsTheLearningRate() throws {
    for record in OptimizerRegistry.records {
      #expect(
        try OptimizerRegistry.named("\(record.name)(0.05)").specification
          == OptimizerRegistry.named("\(record.name)(learning_rate=0.05)").specification)
    }
    #expect(try OptimizerRegistry.named("adam(cosine_decay(0.1, decay_steps=10), beta_1=0.5)").name == "adam")
    expectUsage("'0.9' in optimizer 'adam(0.05, 0.9)' is not name=value") {
      try OptimizerRegistry.named("adam(0.05, 0.9)")
    }
    expectUsage("gives 'learning_rate' twice") { try OptimizerRegistry.named("sgd(0.05, learning_rate=1)") }
    expectUsage("did you mean 'learning_rate'?") { try OptimizerRegistry.named("adam(lr=0.1)") }
    expectUsage("did you mean 'weight_decay'?") { try OptimizerRegistry.named("adam(wd=0.1)") }
  }

  @Test func theEndsOfRangesAreAccepted() throws {
    for text in [
      "adam(beta_1=0, beta_2=0.9999, epsilon=0)", "sgd(momentum=1, learning_rate=0)", "sgd(clipnorm=none)",
      "rmsprop(rho=0)",
    ] { _ = try OptimizerRegistry.named(text) }
  }

  @Test func lossesAndCallbacksOutsideTheirRangesAreRefused() {
    expectUsage("'delta' of loss 'huber' must be above 0, not 0.0") { try Loss.named("huber(delta=0)") }
    expectUsage("'label_smoothing'", "at most 1") { try Loss.named("binary_crossentropy(label_smoothing=2)") }
    expectUsage("loss 'mean_squared_error' has no option 'delta'", "it has none") { try Loss.named("mse(delta=1)") }
    expectUsage("'patience' of callback 'early_stopping' must be at least 0, not -1") {
      try CallbackRegistry.named("early_stopping(patience=-1)")
    }
    expectUsage("'patience' of callback 'early_stopping' must be a whole number, not '1.5'") {
      try CallbackRegistry.named("early_stopping(patience=1.5)")
    }
    expectUsage("'mode'", "one of auto, min, max") { try CallbackRegistry.named("early_stopping(mode=most)") }
    expectUsage("'factor'", "below 1") { try CallbackRegistry.named("reduce_lr_on_plateau(factor=1)") }
    expectUsage("callback 'csv_logger' needs 'filename'") { try CallbackRegistry.named("csv_logger") }
    expectUsage("there is no callback 'csv_loger'", "did you mean 'csv_logger'?") {
      try CallbackRegistry.named("csv_loger(log.csv)")
    }
  }

  /// A setting that was given in Swift is compared with its range, too.
  @Test func trainersCheckSettings() throws {
    let model = try smallModel()
    expectUsage("'beta_1' of optimizer 'adam'") {
      try model.compile(optimizer: Adam(beta1: 1), loss: .sparseCategoricalCrossEntropy)
    }
    expectUsage("'learning_rate' of optimizer 'sgd' must be at least 0, not nan") {
      try model.compile(optimizer: .sgd(learningRate: LearningRate(.nan)), loss: .sparseCategoricalCrossEntropy)
    }
    expectUsage("'delta' of loss 'huber'") { try model.compile(loss: .huber(delta: -1)) }
    let data = try SyntheticImages(count: 8)
    let trainer = try model.compile(loss: .sparseCategoricalCrossEntropy)
    expectUsage("'patience' of callback 'early_stopping'") {
      try trainer.fit(data.images, data.labels, verbose: .silent, callbacks: [EarlyStopping(patience: -1)])
    }
    #expect(trainer.stepCount == 0, "nothing was trained")
  }

  @Test func listsOfCallbacksAreRead() throws {
    let list = try CallbackRegistry.list(
      #"early_stopping(patience=2, monitor=loss), csv_logger("a, (b).csv", separator=";") ,terminate_on_nan"#)
    let texts = list.map { ($0 as? any Component)?.specificationText(omittingDefaults: true) }
    #expect(
      texts == [
        "early_stopping(monitor=loss, patience=2)", #"csv_logger(filename="a, (b).csv", separator=;)"#,
        "terminate_on_nan",
      ])
    #expect(try CallbackRegistry.list("").isEmpty)
    // What is printed is read back.
    let again = try CallbackRegistry.list(texts.map { $0 ?? "" }.joined(separator: ","))
    #expect(again.map { ($0 as? any Component)?.specificationText(omittingDefaults: true) } == texts)
    // A path with a sign of equality is no setting.
    let path = try CallbackRegistry.named("csv_logger(runs/rate=0.1/log.csv)") as? CSVLogger
    #expect(path?.specificationText(omittingDefaults: true) == #"csv_logger(filename="runs/rate=0.1/log.csv")"#)
    expectUsage("gives 'filename' twice") { try CallbackRegistry.named("csv_logger(a, filename=b)") }
  }
}
