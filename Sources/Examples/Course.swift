import Apus
import ArgumentParser
import Foundation

/// The course: a subcommand a lesson, a file a lesson. Docs/Course.md goes through them.
@main struct Course: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apus-course",
    abstract: "A course on neural networks: one short program a lesson.",
    discussion: "Docs/Course.md goes through the lessons in this order.",
    subcommands: [
      ChainRule.self, Losses.self, LogisticRegression.self, MLP.self,
      Filters.self, PoolingAndPadding.self, CNN.self, LeNet5.self, VGG16.self,
      Regularization.self, TransferLearning.self, CapsuleNetwork.self,
      RecurrentRows.self, LongMemory.self, Sentiment.self, Transformer.self,
    ])

  static func main() {
    do {
      var lesson = try parseAsRoot()
      try lesson.run()
    } catch let error as ApusError {
      // It says what is wrong and what would be right, such as how to install the images.
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(withError: ExitCode(error.fault.rawValue))
    } catch {
      exit(withError: error)
    }
  }
}
