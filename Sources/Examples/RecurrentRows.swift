import Apus
import ArgumentParser

/// Images as sequences: a plain RNN, an LSTM and a GRU read the 28 rows one after the other.
struct RecurrentRows: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rows", abstract: "RNN, LSTM and GRU read an image row by row.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    let data = try options.images()
    let units = options.short ? 32 : 128
    // Each keeps a state of `units` numbers, to which each row is added. The plain RNN computes it anew at each row. LSTM
    // and GRU have gates, which decide what is kept: four and three times as many weights.
    let layers: [(name: String, layer: any Layer)] = [
      ("rnn", SimpleRNN(units)), ("lstm", LSTM(units)), ("gru", GRU(units)),
    ]
    var curves: [LinePlot.Curve] = []
    for (name, layer) in layers {
      let model = try Sequential(name: name, input: [28, 28], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        layer
        // The state after the last row is all that the dense layer sees.
        Dense(10, activation: .softmax)
      }
      let (accuracy, history, _) = try options.train(
        model, on: data, optimizer: .adam(learningRate: LearningRate(options.short ? 0.01 : 0.001)),
        epochs: options.short ? 8 : 5, verbose: .silent)
      print("\(name): \(model.parameterCount) parameters, test accuracy: \(decimal(accuracy, digits: 3))")
      curves.append(.init(name: name, values: history["val_accuracy"] ?? []))
    }
    try options.picture("course-rows.svg") { path in
      let panel = LinePlot.Panel(title: "accuracy on images for validation", curves: curves)
      try LinePlot(title: "images row by row", panels: [panel]).write(to: path)
    }
  }
}
