import ApusCore
import ApusData
import Foundation
import TestSupport
import Testing

@Suite struct DatasetTests {
  /// Four files of 3 + 2 images of 2 by 2.
  private func smallSet(_ folder: TemporaryFolder, testLabels: Int = 2, testSide: Int = 2, suffix: String = "") throws {
    func images(_ count: Int, _ side: Int) throws -> Tensor { try Tensor(repeating: 9, .u8, [count, side, side]) }
    try IDX.write(images(3, 2), to: folder.file("train-images-idx3-ubyte" + suffix))
    try IDX.write(Tensor([UInt8]([0, 1, 2])), to: folder.file("train-labels-idx1-ubyte" + suffix))
    try IDX.write(images(2, testSide), to: folder.file("t10k-images-idx3-ubyte" + suffix))
    try IDX.write(Tensor([UInt8](repeating: 1, count: testLabels)), to: folder.file("t10k-labels-idx1-ubyte" + suffix))
  }

  @Test(arguments: ["", ".gz"]) func fromDirectory(suffix: String) throws {
    let folder = try TemporaryFolder()
    try smallSet(folder, suffix: suffix)
    let data = try DatasetRegistry.load(folder.path)
    #expect(data.train.images.dimensions == [3, 2, 2])
    #expect(data.train.labels.elements(as: UInt8.self) == [0, 1, 2])
    #expect(data.test.count == 2)
    #expect(data.test.imageDimensions == [2, 2])
    #expect(data.name == (folder.path as NSString).lastPathComponent)
    #expect(data.test.name == data.name + " (test)")
  }

  @Test func faultsOfDirectories() throws {
    let folder = try TemporaryFolder()
    try smallSet(folder, testLabels: 3)
    expectFault("t10k-images-idx3-ubyte holds 2 images, ", "t10k-labels-idx1-ubyte 3 labels") {
      try DatasetRegistry.load(folder.path)
    }
    try smallSet(folder, testSide: 3)
    expectFault("train-images-idx3-ubyte holds images of shape [2, 2]", "[3, 3]") {
      try DatasetRegistry.load(folder.path)
    }
    try IDX.write(Tensor([Float](repeating: 0, count: 3)), to: folder.file("train-labels-idx1-ubyte"))
    expectFault("train-labels-idx1-ubyte: holds f32[3]; labels are u8 [count]") {
      try DatasetRegistry.load(folder.path)
    }
    try FileManager.default.removeItem(atPath: folder.file("train-labels-idx1-ubyte"))
    expectFault("lacks train-labels-idx1-ubyte (or .gz)", "four files") {
      try DatasetRegistry.load(folder.path)
    }
  }

  /// A label out of range is answered with the file, the sample and the label.
  @Test func labelsOutOfRange() throws {
    let folder = try TemporaryFolder()
    try smallSet(folder)
    let data = try DatasetRegistry.load(folder.path)
    expectFault(
      "\(folder.file("train-labels-idx1-ubyte")): sample 2 has the label 2, but the model has 2 classes",
      "labels are 0 … 1"
    ) { try data.train.checkLabels(classes: 2, of: "the model") }
    try data.train.checkLabels(classes: 3, of: "the model")
    try data.test.checkLabels(classes: 2, of: "the model")
  }

  @Test func faultsOfNames() throws {
    let folder = try TemporaryFolder()
    expectFault("'fashion-mnits'", "did you mean 'fashion-mnist'?", "known are fashion-mnist, mnist, cifar-10, imdb") {
      try DatasetRegistry.load("fashion-mnits")
    }
    expectFault("the file or folder does not exist") { try DatasetRegistry.load(folder.file("none")) }
    let path = try folder.write("x", as: "file")
    expectFault("its ending says no kind of data that is read") { try DatasetRegistry.load(path) }
    let table = try folder.write("a,y\n1,2\n", as: "table.csv")
    expectFault("holds a table, which is not a published data set", "DataReader.load") {
      try DatasetRegistry.load(table)
    }
    var absent = NamedDataset(
      name: "clothes", summary: "", classNames: ["a", "b"], directories: [folder.file("none")],
      package: "dataset-clothes")
    expectFault("'clothes' is not installed", folder.file("none"), "apt-get install dataset-clothes", "--data DIR") {
      try absent.load()
    }
    try smallSet(folder)
    absent.directories.append(folder.path)
    expectFault(
      "train-labels-idx1-ubyte: sample 2 has the label 2, but 'clothes' has 2 classes", "labels are 0 … 1"
    ) { try absent.load() }
    absent.classNames.append("c")
    #expect(try absent.load().train.count == 3)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist")))
  func fashionMNIST() throws {
    let data = try DatasetRegistry.load("fashion-mnist")
    #expect(data.train.images.dimensions == [60_000, 28, 28])
    #expect(data.test.images.dimensions == [10_000, 28, 28])
    #expect(try data.train.labels.gather(rows: 0..<4).elements(as: UInt8.self) == [9, 0, 0, 3])
    #expect(try data.test.labels.gather(rows: 0..<4).elements(as: UInt8.self) == [9, 2, 1, 1])
    #expect(data.classNames.count == 10)
    #expect(data.classNames[9] == "Ankle boot")
    // Each class has a tenth of the images.
    var counts = [Int](repeating: 0, count: 10)
    for label in data.train.labels.elements(as: UInt8.self) { counts[Int(label)] += 1 }
    #expect(counts == [Int](repeating: 6000, count: 10))
    let split = try ValidationSplit(count: data.train.count, validation: 0.2)
    #expect(try split.labelsMissingFromTraining(data.train.labels).isEmpty)
  }
}
