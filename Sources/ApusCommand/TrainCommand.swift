import Apus
import ApusCore
import ArgumentParser
import Foundation

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Trains a model on labeled samples.",
    discussion: """
      FILE holds a forward graph: one input with a leading symbolic dimension, one output, variables. Loss, gradients \
      and the optimizer's update are added to it; each training step is one run of the resulting graph.

        apus train Graphs/Models/mlp.graph --data fashion-mnist --epochs 5 --validation-split 0.2 --plot history.svg
        apus train model.graph --optimizer "sgd(learning_rate=0.1, momentum=0.9)" --save trained
        apus train trained --resume trained --epochs 10 --save trained
        apus train trained --optimizer "sgd(learning_rate=0.01)" --save tuned
        apus train head.graph --data photos --weights trained --freeze "conv*" --save other
        apus train iris.graph --data iris.csv --target species --test-split 0.2 --mix --save flowers
        apus train photos.graph --data photos --image-size 64,64 --color rgb --save classifier
        apus train Graphs/Models/text.graph --data reviews --validation-split 0.2 --class-weight balanced --save critic

      A saved model keeps how its inputs are made: columns, categories, the size of pictures, the words of texts. \
      Docs/Data.md describes the data that are read.

      If FILE is a saved model, training begins anew from its weights: step and epoch are 0, and optimizer, loss and \
      metrics are new, or as saved if they are not given. --resume goes on with everything: optimizer, its state, \
      learning rate, step, epoch, loss, metrics, batch size, random numbers. Options that say otherwise are refused.

      A loss that is not finite ends training with exit code 1, and nothing is saved; see --on-nan.
      """)

  @OptionGroup var input: GraphInput
  @OptionGroup var data: DataOptions
  @OptionGroup var weighting: WeightOptions
  @OptionGroup var streaming: StreamOptions
  @OptionGroup var loss: LossOptions

  @Option(
    help: """
      The optimizer (\(OptimizerRegistry.names.joined(separator: ", "))), with options as sgd(learning_rate=0.1). Left \
      out: the saved model's, else rmsprop.
      """)
  var optimizer: String?

  @Option(help: "How many epochs to train in all, those of --resume included.")
  var epochs = 1

  @Option(help: "Samples a step. Left out: as before with --resume, else 32, or what a model with states has.")
  var batch: Int?

  @Option(
    help:
      "The last part of the training samples to validate on, from 0 up to 1. Left out: as before with --resume, else 0."
  )
  var validationSplit: Double?

  @OptionGroup var fitting: FitOptions

  @Option(help: "Seed of first weights, shuffling and dropout. Left out: as before with --resume, else 0.")
  var seed: UInt64?

  @Flag(
    inversion: .prefixedNo,
    help: "Shuffle the training samples in each epoch. Left out: as before with --resume, else yes.")
  var shuffle: Bool?

  @Option(
    help: ArgumentHelp(
      "If a loss is NaN or infinite: stop; explain, which stops and says which operator made it; or continue.",
      valueName: "action"))
  var onNan = NonFiniteLoss.stop

  @Flag(
    help: """
      Run each step in the interpreter first, and name the first operator that makes a NaN or an infinity (slow).
      """)
  var checkNumerics = false

  @Option(help: ArgumentHelp("Print a value of the training step by its name; may be repeated.", valueName: "value"))
  var print: [String] = []

  @Option(
    help: ArgumentHelp(
      "Print the values of --print before each step of this many; each step if left out.", valueName: "steps"))
  var printEvery: Int?

  @Option(help: "A folder for the trained model: graph, weights, the optimizer's state.")
  var save: String?

  @Option(help: "A folder that --save wrote, to go on with everything as it was. FILE must be the same graph.")
  var resume: String?

  @OptionGroup var transfer: TransferOptions

  @Option(help: "An SVG file for the curves of loss and metrics.")
  var plot: String?

  @Flag(help: "Draw the loss as a curve in the terminal while training runs, in place of progress bars.")
  var live = false

  @Option(
    help: ArgumentHelp(
      "Callbacks, separated by commas, as \"early_stopping(patience=2),csv_logger(log.csv)\"; `apus callbacks` lists them.",
      valueName: "list"))
  var callbacks = ""

  @Option(help: "How much to print: \(Verbosity.allCases.map(\.rawValue).joined(separator: ", ")).")
  var verbose = Verbosity.auto

  @OptionGroup var backend: BackendOptions

  @Flag(help: "Print the results as JSON on standard output; progress goes to standard error.")
  var json = false

  private struct Result: Encodable {
    let history: [String: [Double]]
    let epochs: [Int]
    let testLoss: Double?
    let testAccuracy: Double?
    /// The loss and all metrics of the test.
    let test: [String: Double]?
    let seconds: Double
    let samplesPerSecond: Double

    private enum CodingKeys: String, CodingKey {
      case history, epochs, seconds, test
      case testLoss = "test_loss"
      case testAccuracy = "test_accuracy"
      case samplesPerSecond = "samples_per_s"
    }
  }

  func validate() throws {
    guard epochs >= 0 else { throw ValidationError("--epochs cannot be negative.") }
    guard batch ?? 1 >= 1 else { throw ValidationError("--batch must be at least 1.") }
    guard printEvery ?? 1 >= 1 else { throw ValidationError("--print-every must be at least 1.") }
    guard printEvery == nil || !print.isEmpty else { throw ValidationError("--print-every is for --print.") }
    let split = validationSplit ?? 0
    guard split >= 0, split < 1 else {
      throw ValidationError("--validation-split must be at least 0 and below 1.")
    }
    guard let first = fitting.initialEpoch else { return }
    guard first <= epochs else {
      throw ValidationError("--initial-epoch \(first) is after --epochs \(epochs), at which training ends.")
    }
    guard resume == nil else {
      throw ValidationError("--initial-epoch has no meaning with --resume, which goes on counting epochs.")
    }
  }

  func run() throws {
    let backend = try backend.make()
    // What can be wrong with the command line is found before an hour of training.
    var callbacks = try CallbackRegistry.list(callbacks) + watchers()
    try loss.check()
    let drawing = live ? LiveDrawing.plot(json ? Terminal.errors : Terminal.output) : nil
    if let drawing { callbacks.append(drawing) }
    // A progress bar would write into the drawing.
    let verbose = drawing == nil ? self.verbose : .silent
    try transfer.check(resume: resume != nil, isSaved: input.isSavedModel)
    let chosen = try optimizer.map { try OptimizerRegistry.named($0) }
    let base = try transfer.base()
    let resumed = try resume.map { try self.resumed(from: $0, backend) }
    var start = resumed == nil ? try input.loadModel() : nil
    let frozen = try start.map { try transfer.frozen($0.graph) }
    if let frozen { start?.graph = frozen.graph }
    if let plot {
      try OutputPath.checkFile(plot, "--plot")
      try OutputPath.check(plot, "--plot", isNone: sources)
      try PictureOutput.check(plot, ["svg"], option: "--plot")
    }
    if let save {
      try OutputPath.check(save, "--save", isNone: sources)
      try OutputPath.makeFolder(save, "--save")
    }
    let (data, trainer, stream) = try prepared(resumed, start, chosen, backend)
    let taken = try base.map { try trainer.takeWeights(of: $0) }
    if self.verbose != .silent {
      (json ? Terminal.errors : Terminal.output).write((taken?.text() ?? "") + (frozen?.note ?? ""))
    }
    trainer.warningHandler = { Terminal.report($0) }
    for part in [data.train, data.test].compactMap(\.self) {
      try trainer.checkInputs(of: part)
      try trainer.checkLabels(of: part)
    }
    if trainer.classNames.isEmpty { trainer.classNames = data.classNames }
    trainer.inputEncoding = data.encoding
    let progress = json ? Terminal.errors : Terminal.output
    let before = trainer.fitSettings
    let batch = batch ?? before?.batchSize ?? trainer.fixedBatchSize ?? 32
    let split = validationSplit ?? before?.validationSplit ?? 0
    try fitting.check(validationSplit: split)
    let validation = try fitting.validationData.map {
      try self.data.more($0, like: data, weights: fitting.validationSampleWeight)
    }
    if let validation {
      try trainer.checkInputs(of: validation)
      try trainer.checkLabels(of: validation)
    }
    if before != nil, split == 0, validation == nil, epochs > trainer.nextEpoch,
      trainer.history.curves.contains(where: { $0.name.hasPrefix("val_") })
    {
      Terminal.report(
        Diagnostic(
          .warning, "the training so far was validated on samples that are not given, so its val_ curves end here",
          help: "--validation-data PATH"))
    }
    try fitting.check(isStreaming: stream != nil)
    let trained = try ValidationSplit(count: stream?.count ?? data.train.count, validation: split).train.count
    let weights = try classWeights(for: data, trained: trained, before)
    let steps = fitting.stepsPerEpoch ?? before?.stepsPerEpoch
    if verbose != .silent { progress.write(trainer.model.summary(terminalWidth: Terminal.width)) }

    let clock = ContinuousClock()
    let startTime = clock.now
    let remaining = max(0, epochs - trainer.nextEpoch)
    let shuffles = shuffle ?? before?.shuffle ?? true
    let history: History
    if let stream {
      let parts = try stream.split(
        validation: split, batchSize: batch, validationBatchSize: fitting.validationBatch, shuffle: shuffles,
        seed: trainer.seed)
      history = try trainer.fit(
        parts.train, epochs: fitting.initialEpoch == nil ? remaining : epochs, validation: parts.validation,
        verbose: verbose, callbacks: callbacks, initialEpoch: fitting.initialEpoch, stepsPerEpoch: steps,
        validationSteps: fitting.validationSteps, validationFrequency: fitting.validationFrequency ?? 1,
        onNonFiniteLoss: onNan, output: progress)
    } else {
      history = try trainer.fit(
        data.train.inputs, data.train.targets, batchSize: batch,
        epochs: fitting.initialEpoch == nil ? remaining : epochs, validationSplit: split,
        validationData: validation.map { ($0.inputs, $0.targets) }, shuffle: shuffles, verbose: verbose,
        callbacks: callbacks, classWeights: weights, sampleWeights: data.train.sampleWeights,
        validationWeights: validation?.sampleWeights, initialEpoch: fitting.initialEpoch, stepsPerEpoch: steps,
        validationSteps: fitting.validationSteps, validationBatchSize: fitting.validationBatch,
        validationFrequency: fitting.validationFrequency ?? 1, onNonFiniteLoss: onNan, output: progress)
    }
    let seconds = (clock.now - startTime) / .seconds(1)
    // A callback may have ended training before `fit` did.
    if onNan != .continue, let loss = history["loss"]?.last, !loss.isFinite {
      throw ApusError.input(
        "the loss is \(loss.canonical)", help: "nothing is saved; --on-nan continue saves such a model, too")
    }
    // Saved before anything else can go wrong.
    if let save { try trainer.save(to: save, allowingNonFinite: onNan == .continue) }
    let test = try data.test.map {
      try trainer.evaluate($0.inputs, $0.targets, batchSize: batch, sampleWeights: $0.sampleWeights)
    }
    if let plot { try trainer.history.plot(to: plot, title: trainer.model.name) }

    if json {
      let samples =
        Double(steps.map { Self.samples(in: $0, of: trained, batch: batch) } ?? trained)
        * Double(history.epochs.count)
      try Terminal.writeJSON(
        Result(
          history: Dictionary(
            uniqueKeysWithValues: trainer.history.curves.map { ($0.name, $0.values) }),
          epochs: trainer.history.epochs, testLoss: test?["loss"],
          testAccuracy: test?["accuracy"], test: test, seconds: seconds,
          samplesPerSecond: seconds > 0 ? samples / seconds : 0))
    } else {
      if let test { Terminal.write("test: " + Terminal.list(test) + "\n") }
      if let plot { Terminal.write("curves: \(plot)\n") }
      if let save { Terminal.write("model: \(save)\n") }
    }
  }
}

extension TrainCommand {
  /// How many samples so many steps train on: a pass over the samples ends with the batch that is left.
  static func samples(in steps: Int, of count: Int, batch: Int) -> Int {
    let stepsPerPass = max(1, (count + batch - 1) / batch)
    let (passes, rest) = steps.quotientAndRemainder(dividingBy: stepsPerPass)
    return passes.multipliedSaturated(by: count).addingSaturated(min(rest * batch, count))
  }

  /// What is read and must not be overwritten.
  private var sources: [String?] { data.sources + [weighting.weights, fitting.validationData] }

  /// What looks into steps.
  private func watchers() -> [any Callback] {
    var result: [any Callback] = checkNumerics ? [NumericsCheck()] : []
    if !print.isEmpty {
      let output = json ? Terminal.errors : Terminal.output
      result.append(
        ValuePrinter(print, every: printEvery ?? 1) { step, name, value in
          output.write("step \(step): %\(name.trimmingPrefix("%")): \(TensorText.describe(value))\n")
        })
    }
    return result
  }

  /// The data, and a trainer for them: the resumed one, or one that begins anew, with saved weights if FILE holds some. Of
  /// data that stream, the first samples.
  private func prepared(
    _ resumed: Trainer?, _ start: (graph: Graph, saved: SavedModel?)?, _ optimizer: (any Optimizer)?,
    _ backend: any Backend
  ) throws -> (LoadedData, Trainer, ArrayStream?) {
    guard resumed == nil, let (graph, saved) = start else {
      guard let resumed, let folder = resume else { throw ApusError.defect("a training without a beginning") }
      let state = try SavedModel(contentsOf: folder).state
      if streaming.isOn || resumed.fitSettings?.streams ?? false {
        let (stream, data) = try streaming.open(data, weights: weighting.weights ?? state?.inputs?.sampleWeights)
        return (data, resumed, stream)
      }
      return (try data.load(for: folder, state, goesOn: true, weights: weighting.weights), resumed, nil)
    }
    let opened = streaming.isOn ? try streaming.open(data, weights: weighting.weights) : nil
    let data =
      try opened?.first ?? saved.map { try self.data.load(for: input.file, $0.state, weights: weighting.weights) }
      ?? self.data.load(for: graph, weights: weighting.weights)
    if loss.loss == nil, saved == nil { try Loss.checkClasses(data.classNames, of: graph) }
    let (loss, metrics) = try loss.make(of: saved, for: data.train.targets, of: graph)
    let trainer = try Trainer(
      graph, optimizer: optimizer ?? saved?.optimizer() ?? OptimizerRegistry.named("rmsprop"), loss: loss,
      metrics: metrics, backend: backend, seed: seed ?? 0)
    try saved?.give(to: trainer.session, of: graph)
    return (data, trainer, opened?.stream)
  }

  /// The weights of classes that are given, or those with which a training that goes on began.
  /// - Throws: `ApusError` if a training that goes on would have others.
  private func classWeights(
    for data: LoadedData, trained: Int, _ before: FitSettings?
  ) throws -> [Int: Double] {
    let saved = before?.classWeights ?? [:]
    guard let text = fitting.classWeight else { return saved }
    let given = try fitting.classWeights(for: data, trained: trained)
    guard before == nil || given == saved else {
      throw ApusError.usage(
        "--resume goes on with \(saved.isEmpty ? "no weights of classes" : "other weights of classes"), but "
          + "--class-weight says \(text)",
        help: "leave --class-weight out to go on; leave --resume out to begin anew from the weights")
    }
    return given
  }
}

extension Verbosity: ExpressibleByArgument {}
extension NonFiniteLoss: ExpressibleByArgument {}
