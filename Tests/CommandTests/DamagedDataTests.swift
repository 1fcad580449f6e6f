import Apus
import Foundation
import TestSupport
import Testing

/// Data that are damaged, or not what an option says they are: each is refused with its place and what would be right.
@Suite struct DamagedDataTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let line: String
    let messages: [String]
    var testDescription: String { "apus " + line }

    init(_ line: String, _ messages: String...) { (self.line, self.messages) = (line, messages) }

    func check(status: ApusError.Fault) throws {
      let result = try runProgram(
        arguments: line.split(separator: " ").map(String.init), limit: 20, in: DataFolder.shared.get())
      #expect(!result.wasSignalled && result.status == status.rawValue, "status \(result.status): \(result.errors)")
      #expect(result.output.isEmpty, "errors belong on standard error: \(result.output)")
      for message in messages { #expect(result.errors.contains(message), "\(result.errors)") }
    }
  }

  static let tables = [
    Example("data empty.csv", "empty.csv: has no rows"), Example("data blank.csv", "blank.csv: has no rows"),
    Example("data header.csv", "header.csv: has a header, but no rows"),
    Example("data binary.csv", "binary.csv: is not text: byte 2 is 0"),
    Example("data ragged.csv", "ragged.csv:3:1: error: this row has 3 fields, the first has 2"),
    Example("train line.graph --data short.csv", "short.csv:3:1: error: this row has 2 fields, the first has 3"),
    Example("data quote.csv", "quote.csv:2:1: error: a quote is not closed"),
    Example("data twice.csv", "twice.csv:1:5: error: two columns have the name 'a'"),
    Example(
      "train line.graph --data missing.csv", "missing.csv:2:3: error: the value of column 'b' is missing",
      "--missing mean, zero or drop"),
    Example(
      "train line.graph --data target.csv --missing mean", "target.csv:2:5: error: the target 'y' is missing",
      "--missing drop"),
    Example(
      "train line.graph --data stray.csv", "stray.csv:4:3: error: 'x4' is not a number, but column 'b' holds 2 numbers"),
    Example("train line.graph --data nothing.csv --missing mean", "nothing.csv: column 'a' holds no values"),
    Example("train line.graph --data nothing.csv --missing drop", "nothing.csv: column 'a' holds no values"),
    Example("train line.graph --data alone.csv", "alone.csv: has no column beside the target 'y'"),
    Example("train line.graph --data names.csv", "column 'name' holds 300 different texts", "--features a,b,c"),
    Example("train line.graph --data line.csv --target z9", "line.csv: has no column 'z9'", "its columns are a, b, y"),
    Example("train line.graph --data line.csv --features a,y", "the target 'y' is one of the features"),
    Example("train line.graph --data line.csv --features a,bb", "has no column 'bb'", "did you mean 'b'?"),
    Example(
      "train line.graph --data line.csv --categories c",
      "the column 'c' of categories is neither a feature nor the target"),
    Example(
      "train classes.graph --data passengers.csv", "passengers.csv:5:1: error: the value of column 'age' is missing"),
    Example(
      "train line.graph --data passengers.csv --target port --features age,fare --missing zero",
      "passengers.csv:11:6: error: the target 'port' is missing"),
    Example(
      "train line.graph --data wide.csv", "wide.csv: gives 3 inputs a sample, but the model's input is 2: a, b, c"),
    Example("train classes.graph --data fraction.csv", "gives 2 inputs a sample, but the model's input is 5: a, b"),
    Example(
      "train classes.graph --data high.csv", "high.csv: sample 0 (high.csv:2) has the label 7", "labels are 0 … 2"),
    Example("train line.graph --data line.csv --test-split 0.99", "3 samples are too few to split"),
  ]

  static let arrays = [
    Example("data cut.npz", "cut.npz: is not a zip archive, or its end is cut off"),
    Example("data half.npz", "half.npz: is not a zip archive"), Example("data empty.npz", "empty.npz: is not a zip"),
    Example("data text.notes.npz", "is not a zip archive"),
    Example("data checksum.npz", "checksum.npz, entry 'x_train.npy': its bytes do not match its checksum"),
    Example("data object.npz", "array 'y': has elements of the type '|O'", "save it as numbers"),
    Example("data text.npz", "array 'y': has elements of the type '<U1'"),
    Example(
      "train classes.graph --data other.npz", "does not say which of its arrays", "--features NAME --target NAME"),
    Example("train classes.graph --data other.npz --target kidn", "has no array 'kidn'", "did you mean 'kind'?"),
    Example("train classes.graph --data counts.npz", "counts.npz: 3 samples have 2 targets"),
    Example("train classes.graph --data none.npz", "none.npz: holds no samples"),
    Example("train classes.graph --data alone.npz", "alone.npz: holds no targets"),
    Example("train classes.graph --data scalar.npz", "scalar.npz, array 'y': holds f32; targets are [count, …]"),
    Example("train classes.graph --data narrow.npz", "the model's input is [5] a sample, but the data has [4]"),
    Example("train classes.graph --data label.npz", "label.npz: sample 2 (label.npz[2]) has the label 3"),
    Example("train classes.graph --data bool.npz", "bool.npz: holds bool[3, 5]; inputs are numbers"),
    Example(
      "train classes.graph --data shape.npz --verbose silent",
      "targets of shape [batch, 2] with outputs of shape [batch, 3]"),
    Example(
      "train classes.graph --data parts.npz --test-split 0.5", "has samples for testing already", "--test-split out"),
    Example("data cut.npy", "cut.npy: its header promises f32[12, 4, 4], 768 bytes; 767 follow it"),
    Example("data magic.npy", "magic.npy: is not an NPY file"),
    Example("data version.npy", "version.npy: has NPY version 9; versions 1, 2 and 3 are known"),
    Example("data dictionary.npy", "dictionary.npy: its NPY header is malformed: '{' is expected where '[' stands"),
    Example("train classes.graph --data inputs.npy", "their targets are another NPY file", "--target FILE.npy"),
    Example("train classes.graph --data inputs.npy --target nowhere.npy", "nowhere.npy: cannot be opened"),
  ]

  static let pictures = [
    Example("data cutpictures", "cutpictures/a/1.png: ends inside"),
    Example("data textpictures", "textpictures/a/1.png: is not a PNG file, nor a JPEG file"),
    Example("data gifpictures", "gifpictures/a/1.png: is a GIF file; PNG and JPEG files are read", "convert it"),
    Example("data mixed", "mixed/b/1.png: is 3×2 (height × width), but", "--image-size 13,11"),
    Example("train pictures.graph --data loose", "loose: holds pictures without classes", "FOLDER/CLASS/picture.png"),
    Example("train pictures.graph --data color.jpg", "holds pictures without classes"),
    Example("data hollow", "hollow/b: holds no pictures"), Example("data hole", "hole: is an empty folder"),
    Example("data notes", "notes: holds no data of a known kind; it holds readme.md"),
    Example("train pictures.graph --data good", "the model's input is [4, 4] a sample, but the data has [13, 11, 3]"),
    Example("data idx", "idx: lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte"),
    Example("data cifar", "cifar: lacks data_batch_2.bin"),
    Example("data file.doc", "file.doc: its ending says no kind of data that is read", ".npz, .npy, .csv"),
    Example("data nowhere.csv", "nowhere.csv: the file or folder does not exist"),
    Example("data minst", "did you mean 'mnist'?"),
    Example("data parts.npz --show 8", "example 8 does not exist", "examples are 0 to 7"),
    Example("data inputs.npy --show 99", "example 99 does not exist"),
    Example("data targets.npy --grid out.png", "samples of [] are not pictures"),
    Example("data good --grid nowhere/out.png", "there is no folder 'nowhere'"),
  ]

  static let texts = [
    Example("data cuttexts", "cuttexts/b/1.txt: is not UTF-8 text: byte 4 begins no character", "iconv"),
    Example("data binarytexts", "binarytexts/a/1.txt: is not text: byte 1 is 0"),
    Example("data emptytexts", "emptytexts/a/1.txt: holds no text"),
    Example("data hollowtexts", "hollowtexts/b: holds no texts", "each folder is a class: .txt files"),
    Example("data wordless", "wordless: there are no terms to learn a vocabulary of"),
    Example("train line.graph --data loosetexts", "loosetexts: holds texts without classes", "FOLDER/CLASS/text.txt"),
    Example("data parttexts", "parttexts/test: 'c' is not a class of the part for training"),
    Example(
      "train line.graph --data notes.csv --text note", "notes.csv:3:1: error: the text of column 'note' is missing"),
    Example("train line.graph --data notes.csv --text nte", "has no column 'nte'", "did you mean 'note'?"),
    Example(
      "train line.graph --data comma.csv", "comma.csv:2:1: error: '1,5' is a number with a decimal comma",
      "separate the fields by semicolons"),
    Example(
      "train line.graph --data decimals.csv",
      "decimals.csv:3:1: error: '2.5' has a decimal point, but a number in line 2 has a decimal comma"),
    Example(
      "train text.graph --data goodtexts --max-tokens 9 --sequence-length 3", "the model's input is [64] a sample"),
    Example("train text.graph --data goodtexts --validation-data loosetexts", "loosetexts: holds no targets"),
    Example("train text.graph --data goodtexts --validation-data nowhere", "no data set, file or folder 'nowhere'"),
  ]

  static let all = tables + arrays + pictures + texts

  @Test(arguments: all) func damagedDataExitWith1(_ example: Example) throws {
    try example.check(status: .input)
  }

  @Test(.enabled(if: JPEG.isAvailable)) func damagedJPEG() throws {
    try Example("data cutjpeg", "cutjpeg/a/1.jpg: is damaged or cut off").check(status: .input)
  }

  /// A library that is not there is named with what to install, and PNG files need none.
  @Test func withoutTheLibraryOfJPEG() throws {
    let folder = try DataFolder.shared.get()
    for (file, status) in [("color.jpg", Int32(1)), ("rgba.png", 0)] {
      let result = try runProgram(
        URL(fileURLWithPath: "/bin/sh"),
        arguments: ["-c", "APUS_TURBOJPEG=/nowhere.so exec '\(Repository.program.path)' data \(file)"], in: folder)
      #expect(result.status == status, "\(result.errors)")
      #expect(status == 0 || result.errors.contains("color.jpg: cannot be read: JPEG files are read by libturbojpeg"))
      #expect(status == 0 || result.errors.contains("install the package libturbojpeg0"), "\(result.errors)")
    }
  }

  @Test(arguments: [
    Example("train pictures.graph --data good --image-size 4", "--image-size '4' is not height,width, as 28,28"),
    Example("train pictures.graph --data good --image-size 0,4", "--image-size '0,4'"),
    Example("train pictures.graph --data good --color green", "--color"),
    Example("train line.graph --data line.csv --missing median", "--missing"),
    Example("train line.graph --data line.csv --header maybe", "--header"),
    Example("train line.graph --data line.csv --test-split 1", "--test-split must be at least 0 and below 1"),
    Example("data line.csv --show -1", "--show"), Example("data line.csv --first 0", "--first must be at least 1"),
    Example("data line.csv --json --show 1", "leave --show and --matrix out"),
    Example("data", "Missing expected argument"),
  ]) func wrongOptionsExitWith2(_ example: Example) throws { try example.check(status: .usage) }
}
