import ApusCore
import ApusGraph

/// The models of Graphs/Models, as layers. The files are printed from here, and a test fails when they differ.
public enum ModelZoo {
  public struct Entry: Sendable {
    public let name: String
    /// The comment at the head of the file.
    public let summary: String
    /// Whether it learns to read images of 28 × 28. Others take images of 224 × 224 or token ids; most are too large to be
    /// interpreted in passing.
    public var readsSmallImages = true
    public let make: @Sendable () throws -> any LayeredModel
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
    overRows("lstm", parameters: "81,674") { LSTM(128, name: "recurrent") },
    overRows("gru", parameters: "61,962") { GRU(128, name: "recurrent") },
    Entry(
      name: "cnn",
      summary: """
        // Two convolutions with pooling, then two dense layers, on images of one channel.
        // 225,034 parameters.
        """
    ) {
      try Sequential(name: "cnn", input: [28, 28, 1], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        Conv2D(32, kernelSize: 3, activation: .relu, name: "conv1")
        MaxPooling2D(name: "pool1")
        Conv2D(64, kernelSize: 3, activation: .relu, name: "conv2")
        MaxPooling2D(name: "pool2")
        Flatten()
        Dense(128, activation: .relu, name: "hidden")
        Dense(10, activation: .softmax, name: "output")
      }
    },
    Entry(
      name: "lenet5",
      summary: """
        // LeNet-5 (LeCun et al. 1998), with softmax at its end.
        // 61,706 parameters.
        """
    ) {
      try Sequential(name: "lenet5", input: [28, 28, 1], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        Conv2D(6, kernelSize: 5, padding: .same, activation: .tanh, name: "c1")
        AveragePooling2D(poolSize: 2, name: "s2")
        Conv2D(16, kernelSize: 5, activation: .tanh, name: "c3")
        AveragePooling2D(poolSize: 2, name: "s4")
        Conv2D(120, kernelSize: 5, activation: .tanh, name: "c5")
        Flatten()
        Dense(84, activation: .tanh, name: "f6")
        Dense(10, activation: .softmax, name: "output")
      }
    },
    Entry(
      name: "text",
      summary: """
        // A classifier of texts: 64 ids of 1,000 words, the mean of their vectors of 16, and two dense layers to two classes.
        // 16,306 parameters.
        """, readsSmallImages: false
    ) {
      try Sequential(name: "text", input: [64], dtype: .i32) {
        Embedding(1_000, 16, name: "embedding")
        GlobalAveragePooling1D(name: "mean")
        Dense(16, activation: .relu, name: "hidden")
        Dense(2, activation: .softmax, name: "output")
      }
    },
    vgg16, resnet50, mobileNetV2, encoder, gpt,
  ]

  /// Those that learn to read images of 28 × 28.
  public static let trainable = all.filter(\.readsSmallImages)

  /// The text of an entry's file.
  public static func text(_ entry: Entry) throws -> String { try entry.summary + "\n" + entry.make().graph.description }

  /// A model of a recurrent layer that reads an image row by row.
  private static func overRows(
    _ name: String, parameters: String, _ layer: @escaping @Sendable () -> any Layer
  ) -> Entry {
    Entry(
      name: name,
      summary: """
        // \(name.uppercased()) over the rows of an image: 28 steps of 28 pixels, 128 units, \
        and a dense layer on the last state.
        // \(parameters) parameters.
        """
    ) {
      try Sequential(name: name, input: [28, 28], dtype: .u8) {
        Rescaling(scale: 1 / 255)
        layer()
        Dense(10, activation: .softmax, name: "output")
      }
    }
  }
}
