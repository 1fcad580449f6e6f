import Apus
import ArgumentParser
import Foundation

/// What training makes small: three losses by hand, each compared with the library's.
struct Losses: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Mean squared error and cross-entropies by hand.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // Mean squared error, for numbers: how far each prediction is from its target, squared, on average.
    let prices = [3.0, 5.0, 2.0]
    let guesses = [2.5, 5.0, 4.0]
    let squares = zip(prices, guesses).map { ($0 - $1) * ($0 - $1) }
    show("mean squared error", squares.reduce(0, +) / 3, try Loss.meanSquaredError(Tensor(prices), Tensor(guesses)))

    // Binary cross-entropy, for yes (1) or no (0): −ln of the probability that was given to what is true.
    let answers = [1.0, 0.0, 1.0]
    let probabilities = [0.9, 0.2, 0.6]
    let surprises = zip(answers, probabilities).map { -log($0 == 1 ? $1 : 1 - $1) }
    show(
      "binary cross-entropy", surprises.reduce(0, +) / 3,
      try Loss.binaryCrossEntropy(Tensor(answers), Tensor(probabilities)))

    // Categorical cross-entropy, for one of several classes: −ln of the probability of the true class. The others
    // count only in that all of them sum to 1.
    let classes: [Int32] = [0, 1, 2]
    let rows = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.1, 0.1, 0.8]]
    let losses = zip(classes, rows).map { -log($1[Int($0)]) }
    for (label, loss) in zip(classes, losses) {
      print("class \(label) had probability \(rows[Int(label)][Int(label)]): loss \(decimal(loss))")
    }
    show(
      "categorical cross-entropy", losses.reduce(0, +) / 3,
      try Loss.sparseCategoricalCrossEntropy(Tensor(classes), Tensor(rows.flatMap { $0 }, [3, 3])))

    // The less probable what is true was, the larger the loss, without a limit: a network that is sure and wrong pays most.
    for probability in [0.99, 0.5, 0.1, 0.01] { print("-ln \(probability) = \(decimal(-log(probability)))") }

    try options.picture("course-losses.svg") { path in
      let probabilities = (1...100).map { Double($0) / 100 }
      try LinePlot(
        title: "loss by the probability of what is true", xLabel: "probability",
        panels: [
          .init(
            title: "loss",
            curves: [
              .init(name: "cross-entropy", values: probabilities.map { -log($0) }, positions: probabilities),
              .init(
                name: "squared error", values: probabilities.map { ($0 - 1) * ($0 - 1) }, positions: probabilities),
            ])
        ]
      ).write(to: path)
    }
  }

  private func show(_ name: String, _ byHand: Double, _ library: Double) {
    print("\(name): by hand \(decimal(byHand)), library \(decimal(library))")
  }
}
