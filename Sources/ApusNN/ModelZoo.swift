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
    Entry(
      name: "lstm",
      summary: """
        // LSTM over the rows of an image: 28 steps of 28 pixels, 128 units, and a dense layer on the last state.
        // 81,674 parameters.
        """
    ) {
      try Sequential(name: "lstm", input: [28, 28], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        LSTM(128, name: "recurrent")
        Dense(10, activation: .softmax, name: "output")
      }
    },
    Entry(
      name: "gru",
      summary: """
        // GRU over the rows of an image: 28 steps of 28 pixels, 128 units, and a dense layer on the last state.
        // 61,962 parameters.
        """
    ) {
      try Sequential(name: "gru", input: [28, 28], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        GRU(128, name: "recurrent")
        Dense(10, activation: .softmax, name: "output")
      }
    },
  ]

  /// The text of an entry's file.
  public static func text(_ entry: Entry) throws -> String { try entry.summary + "\n" + entry.make().graph.description }
}
