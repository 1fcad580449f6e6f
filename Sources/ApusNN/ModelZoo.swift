import ApusCore
import ApusGraph

/// The models of Graphs/Models, as layers. The files are printed from here, and a test fails when they differ.
public enum ModelZoo {
  public struct Entry: Sendable {
    public let name: String
    /// The comment at the head of the file.
    public let summary: String
    public let make: @Sendable () throws -> Sequential
  }

  public static let all: [Entry] = [
    Entry(
      name: "mlp",
      summary: """
        // 784-128-10: the first network of the course. Bytes of 28 × 28 images are scaled to [0, 1] in the graph.
        // 101,770 parameters.
        """
    ) {
      try Sequential(name: "mlp", input: [28, 28], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        Flatten()
        Dense(128, activation: .relu, name: "hidden")
        Dense(10, activation: .softmax, name: "output")
      }
    },
    Entry(
      name: "logistic",
      summary: """
        // 784-10: logistic regression, one layer of weights from pixels to classes.
        // 7,850 parameters.
        """
    ) {
      try Sequential(name: "logistic", input: [28, 28], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        Flatten()
        Dense(10, activation: .softmax, name: "output")
      }
    },
  ]

  /// The text of an entry's file.
  public static func text(_ entry: Entry) throws -> String { try entry.summary + "\n" + entry.make().graph.description }
}
