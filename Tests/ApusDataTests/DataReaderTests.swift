import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

/// Arrays, pictures by class and CIFAR-10: what is read by what is at a path.
@Suite struct DataReaderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func make(_ folders: String...) throws {
    for name in folders {
      try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
    }
  }

  private func choices(_ change: (inout DataChoices) -> Void) -> DataChoices {
    var choices = DataChoices()
    change(&choices)
    return choices
  }

  /// `make.py` made 12 pictures of 4 by 4 whose elements count up, modulo 251.
  private let digits = (0..<192).map { UInt8($0 % 251) }

  @Test func partsOfNPZ() throws {
    let data = try DataReader.load("\(reading)/parts.npz")
    #expect(try data.train.inputs == Tensor(Array(digits[..<128]), [8, 4, 4]))
    #expect(try data.test?.inputs == Tensor(Array(digits[128...]), [4, 4, 4]))
    #expect(data.test?.targets == Tensor([Int64(0), 1, 2, 0]))
    #expect(try DataReader.samples("\(reading)/parts.npz").inputs == data.test?.inputs)
    expectFault("has samples for testing already") {
      try DataReader.load("\(reading)/parts.npz", choices { $0.testFraction = 0.5 })
    }
  }

  @Test func pairsOfNPZ() throws {
    let data = try DataReader.load("\(reading)/pair.npz")
    #expect(try data.train.inputs == Tensor(digits.map(Float.init), [12, 4, 4]))
    #expect(data.train.targets == Tensor((0..<12).map { UInt8(1 - $0 % 2) }))
    #expect(data.test == nil)
    // Other names are said; column-major order is undone.
    let other = "\(reading)/other.npz"
    let named = try DataReader.load(other, choices { ($0.features, $0.target) = (["pixels"], "kind") })
    #expect(try named.train.inputs == Tensor(digits, [12, 4, 4]))
    #expect(named.train.targets == Tensor((0..<12).map { Int32($0 % 4) }))
    // And kept with a model.
    #expect(try DataReader.load(other, encoding: named.encoding).train.targets == named.train.targets)
    expectFault("other.npz: does not say which of its arrays", "pixels, kind, weight") { try DataReader.load(other) }
    expectFault("has no array 'pixel'", "did you mean 'pixels'?") {
      try DataReader.load(other, choices { $0.features = ["pixel"] })
    }
    expectFault("object.npz, array 'y': has elements of the type '|O'", "Python objects") {
      try DataReader.load("\(reading)/object.npz")
    }
    expectFault("text.npz, array 'y'", "the array holds text") { try DataReader.load("\(reading)/text.npz") }
  }

  @Test func pairsOfNPY() throws {
    let data = try DataReader.load("\(reading)/inputs.npy", choices { $0.target = "\(reading)/targets.npy" })
    #expect(try data.train.inputs == Tensor(digits.map(Float.init), [12, 4, 4]))
    #expect(data.train.targets.dtype == .f64 && data.train.targets.doubles().last == 1)
    expectFault("inputs.npy: holds inputs; their targets are another NPY file") {
      try DataReader.load("\(reading)/inputs.npy")
    }
    expectFault("12 samples have 11 targets") {
      try NPY.write(Tensor(zeros: .f32, [11]), to: folder.file("y.npy"))
      return try DataReader.load("\(reading)/inputs.npy", choices { $0.target = folder.file("y.npy") })
    }
  }

  /// Two classes of two pictures each, one of them in colors.
  private func pictures() throws {
    try make("cat", "dog", ".hidden")
    for (index, name) in ["cat/a.png", "cat/b.PNG", "dog/1.png"].enumerated() {
      try PNG.write(Tensor(repeating: Double(10 * (index + 1)), .u8, [2, 3]), to: folder.file(name))
    }
    try PNG.write(Tensor((0..<18).map { UInt8($0) }, [2, 3, 3]), to: folder.file("dog/2.png"))
    _ = try folder.write("notes", as: "cat/notes.txt")
    _ = try folder.write("notes", as: "notes.txt")
  }

  @Test func picturesByClass() throws {
    try pictures()
    let inOrder = try DataReader.load(folder.path, choices { $0.mixes = false })
    #expect(inOrder.classNames == ["cat", "dog"])
    #expect(inOrder.train.targets == Tensor([Int32(0), 0, 1, 1]))
    #expect(inOrder.train.inputs.dimensions == [4, 2, 3, 3])
    #expect(inOrder.train.inputs.elements(as: UInt8.self).prefix(19).last == 20)
    #expect(inOrder.train.label(of: 1) == folder.file("cat/b.PNG"))
    #expect(inOrder.encoding?.pictures == PictureEncoding(height: 2, width: 3, channels: 3))
    // Classes lie in a row: without a word, samples are mixed, always in the same way.
    let mixed = try DataReader.load(folder.path)
    #expect(mixed.train.targets != inOrder.train.targets)
    #expect(try DataReader.load(folder.path).train.inputs == mixed.train.inputs)
    let gray = try DataReader.load(
      folder.path,
      choices {
        ($0.color, $0.imageSize, $0.mixes) = (.gray, [4, 4], false)
      })
    #expect(gray.train.inputs.dimensions == [4, 4, 4])
    #expect(gray.train.inputs.elements(as: UInt8.self).prefix(17) == [UInt8](repeating: 10, count: 16)[...] + [20])
    // A model's own size, colors and classes.
    let kept = try DataReader.samples(folder.path, encoding: gray.encoding, classNames: ["dog", "cat"])
    #expect(kept.inputs.dimensions == [4, 4, 4] && kept.targets == Tensor([Int32(1), 1, 0, 0]))
    let one = try DataReader.samples(folder.file("dog/2.png"), encoding: gray.encoding)
    #expect(one.inputs.dimensions == [1, 4, 4] && one.label(of: 0).hasSuffix("dog/2.png"))
    let loose = try DataReader.samples(folder.file("cat"), encoding: gray.encoding)
    #expect(loose.count == 2 && loose.targets == nil && loose.label(of: 1).hasSuffix("cat/b.PNG"))
    expectFault("'cat' is not a class of the model", "its classes are dog, mouse") {
      try DataReader.samples(folder.path, encoding: gray.encoding, classNames: ["dog", "mouse"])
    }
    expectFault("holds pictures without classes") { try DataReader.load(folder.file("cat")) }
  }

  @Test func picturesThatDoNotFit() throws {
    try pictures()
    try PNG.write(Tensor(zeros: .u8, [5, 3]), to: folder.file("dog/3.png"))
    expectFault("dog/3.png: is 5×3 (height × width), but", "cat/a.png is 2×3") { try DataReader.load(folder.path) }
    #expect(try DataReader.load(folder.path, choices { $0.imageSize = [2, 2] }).train.count == 5)
    try make("empty")
    expectFault("empty: holds no pictures") { try DataReader.load(folder.path) }
  }

  @Test func trainAndTestFolders() throws {
    try make("train/a", "train/b", "test/b")
    for name in ["train/a/1", "train/b/1", "test/b/1"] {
      try PNG.write(Tensor(zeros: .u8, [2, 2]), to: folder.file("\(name).png"))
    }
    let data = try DataReader.load(folder.path)
    #expect(data.train.count == 2 && data.test?.targets == Tensor([Int32(1)]))
    #expect(try DataReader.samples(folder.path, classNames: ["a", "b"]).targets == Tensor([Int32(1)]))
    try make("test/c")
    try PNG.write(Tensor(zeros: .u8, [2, 2]), to: folder.file("test/c/1.png"))
    expectFault("'c' is not a class of the part for training") { try DataReader.load(folder.path) }
    expectFault("'c' is not a class of the model") { try DataReader.load(folder.path, classNames: ["a", "b"]) }
  }

  /// Records of a label and three planes, as A. Krizhevsky describes them.
  private func cifar(_ records: Int, label: UInt8 = 3) throws {
    for name in (1...5).map({ "data_batch_\($0).bin" }) + ["test_batch.bin"] {
      var bytes: [UInt8] = []
      for record in 0..<records {
        bytes.append(label)
        for plane in 0..<3 {
          bytes += (0..<1024).map { i -> UInt8 in UInt8(truncatingIfNeeded: i + 100 * plane + record) }
        }
      }
      _ = try folder.write(bytes, as: name)
    }
  }

  @Test func cifar10() throws {
    try cifar(2)
    let data = try DataReader.load(folder.path)
    #expect(data.train.inputs.dimensions == [10, 32, 32, 3] && data.test?.count == 2)
    #expect(data.train.inputs.elements(as: UInt8.self).prefix(6) == [0, 100, 200, 1, 101, 201])
    #expect(data.classNames[3] == "cat" && data.train.targets.doubles() == [Double](repeating: 3, count: 10))
    try cifar(1, label: 10)
    expectFault("data_batch_1.bin: the label at offset 0 is 10", "labels are 0 … 9") {
      try DataReader.load(folder.path)
    }
    _ = try folder.write([1, 2, 3], as: "data_batch_2.bin")
    try cifar(1)
    _ = try folder.write([1, 2, 3], as: "data_batch_2.bin")
    expectFault("data_batch_2.bin: has 3 bytes, which are not records of 3073") { try DataReader.load(folder.path) }
    try FileManager.default.removeItem(atPath: folder.file("test_batch.bin"))
    expectFault("lacks test_batch.bin") { try DataReader.load(folder.path) }
    expectFault("'cifar-10' is not installed", "data_batch_1.bin") {
      var absent = try #require(DatasetRegistry.all.first { $0.name == "cifar-10" })
      absent.directories = [folder.path]
      return try absent.load()
    }
  }

  /// Lists that NumPy pickled, cut and filled as Keras does it.
  @Test func filmReviews() throws {
    let data = try DataReader.load("\(reading)/imdb.npz")
    #expect(try data.train.inputs == reference("imdb-10000x256") && data.test?.count == 2)
    #expect(data.train.targets == Tensor([Int64(1), 0, 0, 1]) && data.classNames == ["negative", "positive"])
    let short = choices { $0.sequences = SequenceEncoding(vocabulary: 500, length: 4) }
    let cut = try DataReader.load("\(reading)/imdb.npz", short)
    #expect(try cut.train.inputs == reference("imdb-500x4"))
    // Kept with a model; a folder with the file is as good as the file.
    _ = try folder.write(contents("\(reading)/imdb.npz"), as: "imdb.npz")
    #expect(
      try DataReader.samples(folder.path, encoding: cut.encoding).inputs == reference("imdb-500x4").gather(rows: 0..<2))
    expectFault("'imdb' is not installed", "imdb.npz") {
      var absent = try #require(DatasetRegistry.all.first { $0.name == "imdb" })
      absent.directories = [folder.file("none")]
      return try absent.load()
    }
    let arrays = try NPZ.read("\(reading)/parts.npz")
    try NPZ.write(arrays.map { ($0.name, $0.tensor) }, to: folder.file("imdb.npz"))
    expectFault("imdb.npz, array 'x_train': holds |u1 of shape [8, 4, 4]; one axis of lists is expected") {
      try DataReader.load(folder.path)
    }
    try NPZ.write([("x", Tensor([1.0]))], to: folder.file("imdb.npz"))
    expectFault("imdb.npz: has no array 'x_train'") { try DataReader.load(folder.path) }
  }

  @Test func nothingThere() throws {
    expectFault("is an empty folder", "a folder of pictures or of texts for each class") {
      try DataReader.load(folder.path)
    }
    _ = try folder.write("x", as: "x.doc")
    expectFault("holds no data of a known kind; it holds x.doc") { try DataReader.load(folder.path) }
    expectFault("x.doc: its ending says no kind of data", ".csv") { try DataReader.load(folder.file("x.doc")) }
    expectFault("/none.csv: the file or folder does not exist") { try DataReader.load(folder.file("none.csv")) }
    expectFault("no data set, file or folder 'minst'", "did you mean 'mnist'?") { try DataReader.load("minst") }
  }

  @Test func summaries() throws {
    let table = try DataSummary("\(reading)/passengers.csv", choices { $0.target = "class" })
    #expect(table.samples == 20 && table.parts.map(\.name) == ["age", "port", "fare", "class", "price"])
    #expect(table.parts[0].missing == 3 && table.parts[1].missing == 1 && table.parts[1].distinct == 3)
    #expect(table.parts[0].minimum == 20 && table.parts[2].maximum == 368.25)
    #expect(table.classes.map(\.name) == ["first", "second", "third"] && table.classes.map(\.count) == [7, 6, 7])
    let arrays = try DataSummary("\(reading)/parts.npz")
    #expect(arrays.samples == 8 && arrays.testSamples == 4 && arrays.classes.map(\.count) == [3, 3, 2])
    #expect(arrays.parts.first?.type == "u8[8, 4, 4]")
    // 0, 1, …, 127: the mean of n numbers from 0 is (n − 1)/2, the variance (n² − 1)/12.
    #expect(arrays.parts.first?.mean == 63.5)
    let deviation: Double = arrays.parts.first?.deviation ?? 0
    let expected: Double = (16383.0 / 12).squareRoot()
    #expect(abs(deviation - expected) < 1e-9)
  }
}
