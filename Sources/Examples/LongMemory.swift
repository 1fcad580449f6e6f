import Apus
import ArgumentParser

/// Remember one of many steps: the plain RNN forgets it, gates keep it.
struct LongMemory: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "memory", abstract: "A task with a long memory, where the plain RNN fails.")
  @OptionGroup var options: LessonOptions

  @Option(help: "How many steps a sequence has.")
  var steps: Int?
  @Option(help: "How many epochs each network is trained.")
  var epochs: Int?

  func validate() throws {
    // The mark is in the first tenth.
    guard 10...1000 ~= steps ?? 10 else { throw ValidationError("--steps must be 10 to 1000") }
    guard 1... ~= epochs ?? 1 else { throw ValidationError("--epochs must be at least 1") }
  }

  func run() throws {
    let steps = steps ?? 30
    let (count, epochs) = options.short ? (4000, epochs ?? 25) : (10_000, epochs ?? 40)
    let train = try sequences(count, steps: steps, seed: 1)
    let test = try sequences(500, steps: steps, seed: 2)
    print("\(steps) steps; guessing is right in 0.250")

    let layers: [(name: String, layer: any Layer)] = [
      ("rnn", SimpleRNN(32)), ("lstm", LSTM(32)), ("gru", GRU(32)),
    ]
    var curves: [LinePlot.Curve] = []
    for (name, layer) in layers {
      let model = try Sequential(name: name, input: [steps, 5]) {
        layer
        Dense(4, activation: .softmax)
      }
      let trainer = try model.compile(
        optimizer: .adam(learningRate: LearningRate(options.short ? 0.01 : 0.005)),
        loss: .sparseCategoricalCrossEntropy, metrics: [.accuracy])
      let history = try trainer.fit(
        train.inputs, train.targets, epochs: epochs, validationSplit: 0.1, verbose: .silent)
      let accuracy = try trainer.evaluate(test.inputs, test.targets)["accuracy"] ?? 0
      print("\(name): test accuracy \(decimal(accuracy, digits: 3))")
      curves.append(.init(name: name, values: history["val_accuracy"] ?? []))
    }
    try options.picture("course-memory.svg") { path in
      let panel = LinePlot.Panel(title: "accuracy on other sequences", curves: curves)
      try LinePlot(title: "which letter had the mark, about \(steps) steps ago?", panels: [panel]).write(to: path)
    }
  }

  /// Each step shows one of four letters at random. One of the first steps has a mark, too: its letter is the answer.
  private func sequences(_ count: Int, steps: Int, seed: UInt64) throws -> (inputs: Tensor, targets: Tensor) {
    var generator = PhiloxGenerator(seed: seed)
    var inputs = [Float](repeating: 0, count: count * steps * 5)
    var targets: [Int32] = []
    for sample in 0..<count {
      let marked = Int.random(in: 0..<steps / 10, using: &generator)
      for step in 0..<steps {
        let letter = Int.random(in: 0..<4, using: &generator)
        let place = (sample * steps + step) * 5
        inputs[place + letter] = 1
        if step == marked {
          inputs[place + 4] = 1
          targets.append(Int32(letter))
        }
      }
    }
    return (try Tensor(inputs, [count, steps, 5]), try Tensor(targets, [count]))
  }
}
