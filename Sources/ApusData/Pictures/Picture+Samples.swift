import ApusCore

extension Picture {
  /// Samples as pictures `u8[count, height, width, 1 or 3]` to look at: numbers of other types are brought to 0 … 255 from
  /// the smallest to the largest of all samples.
  /// - Parameters:
  ///   - samples: `[count, height, width]`, `[count, height, width, 1 or 3]`, or `[count, n]` with a square n or a size.
  ///   - size: height and width of samples that are rows of numbers.
  /// - Throws: `ApusError` if samples are not pictures.
  public static func pictures(of samples: Tensor, size: [Int]? = nil) throws -> Tensor {
    let shape = Array(samples.dimensions.dropFirst())
    let bytes = try bytes(of: samples)
    let count = samples.dimensions.first ?? 0
    if shape.count == 2 { return try bytes.reshaped([count] + shape + [1]) }
    if shape.count == 3, shape[2] == 1 || shape[2] == 3 { return bytes }
    if shape.count == 1, let size, size[0] * size[1] == shape[0] { return try bytes.reshaped([count] + size + [1]) }
    // Few numbers are features, however square their count.
    if shape.count == 1, size == nil, shape[0] >= 64 {
      let side = Int(Double(shape[0]).squareRoot().rounded())
      if side * side == shape[0] { return try bytes.reshaped([count, side, side, 1]) }
    }
    throw ApusError.input(
      "samples of \(Shape(shape)) are not pictures", help: "a picture is [height, width], or [height, width, 1 or 3]",
      commandHelp: "a picture is [height, width], or [height, width, 1 or 3]; --image-size H,W says what a row of "
        + "numbers is")
  }

  private static func bytes(of samples: Tensor) throws -> Tensor {
    if samples.dtype == .u8 { return samples }
    let values = samples.doubles()
    let finite = values.lazy.filter(\.isFinite)
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
    // Halves, because the difference may be infinite.
    let scale = high > low ? 255 / (high / 2 - low / 2) : 0
    return try Tensor(
      values.map { $0.isFinite ? UInt8(min(255, max(0, (($0 / 2 - low / 2) * scale).rounded()))) : 0 },
      samples.dimensions)
  }
}
