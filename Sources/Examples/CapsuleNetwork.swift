import Apus
import ArgumentParser

/// A capsule network: neurons in groups, whose vectors say whether something is there and how. Sabour, Frosst and Hinton,
/// "Dynamic routing between capsules", 2017; smaller than theirs, so that it trains in a minute or two.
struct CapsuleNetwork: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capsules", abstract: "Capsules: vectors in place of numbers, and routing by agreement.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // A capsule's vector has a length below 1, a probability: squashing keeps its direction.
    let squashed = try compute { [try $0.constant(Tensor([3.0, 4.0])).squashed()] }[0].doubles()
    print("(3, 4), of length 5, squashed: \(decimal(squashed[0])), \(decimal(squashed[1]))")

    let data = try options.images()
    let model = try Sequential(name: "capsules", input: [28, 28, 1], dtype: .u8) {
      Rescaling(scale: 1 / 255)
      Conv2D(options.short ? 8 : 64, kernelSize: 5, strides: 2, activation: .relu)
      // At each of 5 × 5 places 16 capsules of 8 numbers: 400 vectors.
      PrimaryCapsules(options.short ? 2 : 16, dimension: 8, kernelSize: 3, strides: 2)
      // A capsule of 16 numbers a class. Each first capsule predicts each of these; predictions that agree count more in
      // the next of three iterations: routing by agreement.
      Capsules(10, dimension: 16, routings: 3)
      // The length of its vector says whether the class is there.
      CapsuleLength()
    }
    print(model.summary())

    // The margin loss wants the right capsule's length above 0.9, and those of the others below 0.1. It takes targets
    // with a 1 at the class and 0 elsewhere.
    let trainer = try model.compile(optimizer: .adam(), loss: .margin(), metrics: [.categoricalAccuracy])
    let targets = try data.train.labels.oneHot(classCount: 10)
    let history = try trainer.fit(data.train.images, targets, epochs: 8, validationSplit: 0.1)
    let scores = try trainer.evaluate(data.test.images, data.test.labels.oneHot(classCount: 10))
    print("test accuracy: \(decimal(scores["categorical_accuracy"] ?? 0, digits: 3))")

    // Lengths do not sum to 1: an image may hold two things, or none.
    let lengths = try trainer.predict(data.test.images[..<1]).doubles()
    print("lengths for the first image: \(lengths.map { decimal($0, digits: 2) }.joined(separator: " "))")
    try options.picture("course-capsules-history.svg") { try history.plot(to: $0, title: "capsules") }
  }
}
