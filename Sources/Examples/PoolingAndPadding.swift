import Apus
import ArgumentParser

/// What pooling keeps of an image, and what padding does to sizes.
struct PoolingAndPadding: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pooling", abstract: "Pooling and padding: what is kept, and which sizes follow.")
  @OptionGroup var options: LessonOptions

  func run() throws {
    // The numbers from 1 to 16 as an image of 4 × 4. Pooling takes one number of each 2 × 2 of them.
    let image = (1...16).map(Double.init)
    func pooled(_ reduce: ([Double]) -> Double) -> [Double] {
      // Where the upper left one of each 2 × 2 numbers is.
      [0, 2, 8, 10].map { first in reduce([0, 1, 4, 5].map { image[first + $0] }) }
    }
    print(
      "by hand: max \(pooled { $0.max()! }), average \(pooled { $0.reduce(0, +) / 4 }), min \(pooled { $0.min()! })")

    let results = try compute { builder in
      let x = try builder.constant(Tensor(image, [1, 4, 4, 1]))
      let ones = try builder.constant(Tensor(repeating: 1, .f64, [3, 3, 1, 1]))
      return [
        try x.maxPool(window: [2, 2]), try x.averagePool(window: [2, 2]), try x.minPool(window: [2, 2]),
        // Sums of 3 × 3 neighbors at every second place. Zeros are put around the image where the filter reaches beyond.
        try x.convolution(ones, strides: [2, 2], padding: .same),
      ]
    }
    let numbers = results.map { $0.doubles() }
    print("library: max \(numbers[0]), average \(numbers[1]), min \(numbers[2])")
    print("sums of 3 × 3 with padding, at every second place: \(numbers[3])")

    // Sizes. Without padding (valid) a filter of k stays inside: ⌊(n − k) / stride⌋ + 1 places. With padding (same) there are
    // ⌈n / stride⌉, whatever the filter.
    for (n, k, stride) in [(5, 3, 1), (5, 3, 2), (28, 5, 1), (28, 2, 2)] {
      let places = try [Padding.valid, .same].map { padding in
        try Sequential(input: [n, n, 1]) {
          Conv2D(1, kernelSize: SpatialSize([k]), strides: SpatialSize([stride]), padding: padding)
        }.graph.outputTypes[0].shape
      }
      let (valid, same) = ((n - k) / stride + 1, (n + stride - 1) / stride)
      print(
        "\(n) × \(n), filter \(k), stride \(stride): valid \(valid) × \(valid) \(places[0]), same \(same) × \(same) \(places[1])"
      )
    }

    // After the last pooling the numbers become one vector, which a dense layer reads: 8 · 8 · 10 = 640 numbers, and as many
    // weights for each of ten classes.
    let model = try Sequential(name: "end", input: [8, 8, 10]) {
      Flatten()
      Dense(10, useBias: false)
    }
    print(model.summary())
    try options.picture("course-pooling.svg") { try pooledImage().write(to: $0) }
  }

  /// An image of 28 × 28 pixels beside what is left of it by pooling 4 × 4 at a time: 7 × 7 numbers, drawn as large as the
  /// image.
  private func pooledImage() throws -> ImageGrid {
    let clothes = try options.images(short: 1).test.images[..<1]
    let pictures = try compute { builder in
      let x = try builder.constant(Tensor(clothes, as: Float.self).reshaped([1, 28, 28, 1]))
      let pooled = try [x.maxPool(window: [4, 4]), x.averagePool(window: [4, 4]), x.minPool(window: [4, 4])]
      return try [x.reshaped([28, 28])]
        + pooled.map { try $0.reshaped([7, 1, 7, 1]).broadcast(to: [7, 4, 7, 4]).reshaped([28, 28]) }
    }
    return try ImageGrid(
      images: Tensor(pictures.flatMap { $0.elements(as: Float.self) }, [4, 28, 28]),
      captions: ["the image", "maxima", "means", "minima"].map { ImageGrid.Caption($0) }, columns: 4)
  }
}
