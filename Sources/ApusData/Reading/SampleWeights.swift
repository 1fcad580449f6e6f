import ApusCore
import Foundation

/// What the losses of samples are multiplied by: a column of a table, an array of an NPZ file, or another file with a number
/// for each sample, as NPY or as a table of one column.
struct SampleWeights {
  /// What messages call them.
  private let place: String
  private let values: [Double]
  /// The shape of one sample's weights: none for a number.
  private let shape: [Int]
  /// Where a weight is in its file.
  private let fault: (_ message: String, _ sample: Int, _ help: String) -> ApusError

  /// - Parameters:
  ///   - name: of an array, or the path of a file.
  ///   - data: an NPZ file in which the array may be; nil if the data are of another kind.
  ///   - isColumn: what else the name may have been, for messages: whether it could name a column.
  /// - Throws: `ApusError` if there is neither, or the file does not hold weights.
  init(_ name: String, in data: String?) throws {
    let path = (name as NSString).expandingTildeInPath
    var tensor: Tensor
    var place = path
    if let data, let array = try ArrayReader.array(name, in: data) {
      (tensor, place) = (array, "\(data), array '\(name)'")
    } else if BinaryFile.exists(path) {
      tensor = try Self.read(path)
    } else {
      throw ApusError.file(
        name, "the file of sample weights does not exist",
        help: "give an .npy file, or a .csv file of one column, with a number for each sample"
          + (data == nil ? "" : ", or the name of an array"))
    }
    guard tensor.dtype.isNumeric, tensor.rank >= 1 else {
      throw ApusError.file(place, "holds \(tensor.type); weights are a number for each sample")
    }
    if tensor.rank == 2, tensor.dimensions[1] == 1 { tensor = try tensor.reshaped([tensor.dimensions[0]]) }
    self.place = place
    values = tensor.doubles()
    shape = Array(tensor.dimensions.dropFirst())
    fault = { message, sample, help in .file(place, "the weight of sample \(sample) \(message)", help: help) }
  }

  private static func read(_ path: String) throws -> Tensor {
    if (path as NSString).pathExtension.lowercased() == "npy" { return try NPY.read(path) }
    let table = try TextTable(contentsOf: path)
    guard table.columns.count == 1 else {
      throw ApusError.file(
        path, "has \(table.columns.count) columns; weights of samples are a file with one",
        help: "a number a line; a column of the data's own table is given by its name")
    }
    return Tensor(try column(0, of: table))
  }

  /// A column of a table, or another file.
  init(_ name: String, in table: TextTable) throws {
    guard let column = table.columns.firstIndex(of: name) else {
      guard BinaryFile.exists((name as NSString).expandingTildeInPath) else {
        throw ApusError.file(
          table.path, "has no column '\(name)' with weights of samples, and there is no file of that name",
          help: table.columnHelp(for: name))
      }
      self = try SampleWeights(name, in: nil)
      return
    }
    place = table.path
    values = try Self.column(column, of: table)
    shape = []
    fault = { message, row, help in table.fault("the weight of a sample \(message)", row, column, help: help) }
  }

  /// The numbers of a column; a field that is none is an error that names it.
  private static func column(_ column: Int, of table: TextTable) throws -> [Double] {
    try (0..<table.rowCount).map { row in
      let value = table.number(row, column)
      guard value.isNaN, let text = try? table.texts(row)[column] else { return value }
      let isMissing = TextTable.missingTexts.contains(text)
      throw table.fault(
        isMissing
          ? "the weight of a sample is missing" : "'\(text)' is not a number, and cannot be the weight of a sample",
        row, column, help: "a sample with the weight 0 does not count")
    }
  }

  /// The weights of samples.
  /// - Parameters:
  ///   - positions: of the samples in the data as they were read.
  ///   - count: how many samples were read; `name`, for messages, of them.
  /// - Throws: `ApusError` if there are more weights or less, or one is negative or not finite.
  func weights(at positions: [Int], of count: Int, in name: String) throws -> Tensor {
    let width = shape.reduce(1, *)
    guard values.count == count * width else {
      let found = width == 0 ? 0 : values.count / width
      throw ApusError.file(
        place, "holds \(found) weight\(found == 1 ? "" : "s") for the \(count) samples of '\(name)'",
        help: "each sample needs one, in the order of the samples")
    }
    let chosen = try positions.flatMap { sample in
      try values[sample * width..<(sample + 1) * width].map { value -> Float in
        guard value >= 0, Float(value).isFinite else {
          throw fault("is \(DecimalText.describe(value))", sample, "weights are finite and at least 0")
        }
        return Float(value)
      }
    }
    return try Tensor(chosen, [positions.count] + shape)
  }
}

extension Samples {
  /// The samples with their weights.
  func weighted(by weights: SampleWeights?, of total: Int? = nil) throws -> Samples {
    guard let weights else { return self }
    var result = self
    result.weights = try weights.weights(at: positions ?? Array(0..<count), of: total ?? count, in: name)
    return result
  }
}

extension LoadedData {
  /// The data with the weights of samples. Of data that come in two parts one has them.
  /// - Parameters:
  ///   - isDivided: whether the part for testing was set aside from the samples.
  ///   - testing: whether, of data that come in two parts, the samples for testing have weights.
  func weighted(by weights: SampleWeights?, isDivided: Bool, testing: Bool) throws -> LoadedData {
    guard let weights else { return self }
    var result = self
    if isDivided {
      let total = train.count + (test?.count ?? 0)
      result.train.sampleWeights = try weights.weights(at: train.positions, of: total, in: name)
      result.test?.sampleWeights = try test.map { try weights.weights(at: $0.positions, of: total, in: name) }
    } else if testing, let test {
      result.test?.sampleWeights = try weights.weights(at: test.positions, of: test.count, in: test.name)
    } else {
      result.train.sampleWeights = try weights.weights(at: train.positions, of: train.count, in: train.name)
    }
    return result
  }
}
