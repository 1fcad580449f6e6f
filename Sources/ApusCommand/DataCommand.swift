import Apus
import ApusCore
import ArgumentParser
import Foundation

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Shows what data hold: shapes, ranges, missing values, classes, pictures.",
    discussion: """
        apus data iris.csv --target species
        apus data digits.npz --show 0
        apus data fashion-mnist --grid clothes.png --first 100
        apus data photos --image-size 64,64 --matrix 3
        apus data reviews --show 0

      Examples are those for training, numbered from 0 in the order of the files. Docs/Data.md describes the data that \
      are read.
      """)

  @Argument(
    help: ArgumentHelp(
      "A named data set, a .csv, .npz, .npy or picture file, or a folder, as `train --data` takes it.",
      valueName: "name|path"))
  var path: String

  @OptionGroup var reading: ReadingOptions

  @Option(help: ArgumentHelp("Show this example as a picture, or as names and numbers.", valueName: "n"))
  var show: Int?

  @Option(
    help: ArgumentHelp("Show the numbers of this example, for a picture as a matrix of its pixels.", valueName: "n"))
  var matrix: Int?

  @Option(help: ArgumentHelp("Write the first examples as one picture to this PNG file.", valueName: "file"))
  var grid: String?

  @Option(help: "How many examples --grid has.")
  var first = 100

  @Flag(help: "Print shapes, ranges and classes as JSON.")
  var json = false

  func validate() throws {
    guard first >= 1 else { throw ValidationError("--first must be at least 1.") }
    guard show ?? 0 >= 0, matrix ?? 0 >= 0 else { throw ValidationError("Examples are numbered from 0.") }
    guard !json || show == nil && matrix == nil else {
      throw ValidationError("--json prints what data hold; leave --show and --matrix out.")
    }
  }

  func run() throws {
    if let grid {
      try OutputPath.checkFile(grid, "--grid")
      try OutputPath.check(grid, "--grid", isNone: [path])
    }
    // Arrays and columns can be looked at as pictures, too.
    var choices = reading.choices
    choices.imageSize = nil
    try DataReader.checkUse(of: choices, for: path)
    let isSummarized = show == nil && matrix == nil && (grid == nil || json)
    if isSummarized {
      let summary = try DataSummary(path, reading.choices)
      summary.remarks.forEach(Terminal.report)
      if json { try Terminal.writeJSON(summary) } else { Terminal.write(Self.text(of: summary)) }
    }
    guard show != nil || matrix != nil || grid != nil else { return }
    let examples = try Examples(path, reading.choices)
    if !isSummarized { examples.remarks.forEach(Terminal.report) }
    if let show { try self.show(examples, show) }
    if let matrix { try writeNumbers(examples, matrix) }
    if let grid {
      let rows = 0..<min(first, examples.inputs.dimensions[0])
      let pictures = try Picture.pictures(of: examples.inputs.gather(rows: rows), size: reading.choices.imageSize)
      let columns = Int(Double(rows.count).squareRoot().rounded(.up))
      try PNG.write(PNG.grid(pictures, columns: columns), to: grid)
      if !json { Terminal.write("pictures: \(grid)\n") }
    }
  }

  /// Inputs with what is known of them, labeled or not.
  private struct Examples {
    let inputs: Tensor
    let targets: Tensor?
    let texts: [String]?
    let classNames: [String]
    let inputNames: [String]
    let remarks: [Diagnostic]
    let label: (Int) -> String

    init(_ path: String, _ choices: DataChoices) throws {
      var choices = choices
      // Missing values do not keep one from looking at the others, and a sorted folder is shown in its order.
      if choices.missing == .error { choices.missing = .zero }
      choices.mixes = choices.mixes ?? false
      do {
        let data = try DataReader.load(path, choices)
        (inputs, targets, classNames) = (data.train.inputs, data.train.targets, data.classNames)
        (inputNames, texts, remarks) = (data.train.inputNames, data.train.texts, data.remarks)
        label = { data.train.label(of: $0) }
      } catch let error as ApusError where error.fault == .input {
        // Data without targets can be looked at, too; any other fault shows again.
        let samples: Samples
        do { samples = try DataReader.samples(path, choices) } catch { throw error }
        (inputs, targets, classNames) = (samples.inputs, samples.targets, samples.classNames)
        (inputNames, texts, remarks) = (samples.inputNames, samples.texts, samples.remarks)
        label = { samples.label(of: $0) }
      }
    }

    /// One example with its axis.
    func row(_ index: Int) throws -> Tensor {
      let count = inputs.dimensions[0]
      guard index < count else {
        throw ApusError.input(
          "example \(index) does not exist",
          help: count == 0 ? "the data hold none" : "examples are 0 to \(count - 1)")
      }
      return try inputs.gather(rows: [index])
    }

    /// `shoe.png: 7 Sneaker`
    func title(_ index: Int) throws -> String {
      guard let target = try targets?.gather(rows: [index]) else { return label(index) + "\n" }
      let numbers = target.doubles().map(PictureText.number).joined(separator: " ")
      let name = Int(numbers).flatMap { classNames.indices.contains($0) ? " " + classNames[$0] : nil } ?? ""
      return "\(label(index)): \(numbers)\(target.dtype.isInteger ? name : "")\n"
    }
  }

  private func show(_ examples: Examples, _ index: Int) throws {
    let row = try examples.row(index)
    if let text = examples.texts?[index] {
      return Terminal.write(try examples.title(index) + text + (text.hasSuffix("\n") ? "" : "\n"))
    }
    guard examples.inputNames.isEmpty || reading.imageSize != nil else { return try writeNumbers(examples, index) }
    guard let picture = try? Picture.pictures(of: row, size: reading.choices.imageSize) else {
      // Numbers without names are numbers all the same.
      return try writeNumbers(examples, index)
    }
    Terminal.write(try examples.title(index))
    Terminal.write(
      try PictureText.text(
        picture.reshaped(Array(picture.dimensions.dropFirst())), inColors: Terminal.outputIsTerminal,
        width: Terminal.width ?? 160))
  }

  private func writeNumbers(_ examples: Examples, _ index: Int) throws {
    let row = try examples.row(index)
    Terminal.write(try examples.title(index))
    if row.rank >= 3, let picture = try? Picture.pictures(of: row) {
      // The numbers as they are, in the shape of the picture.
      return Terminal.write(PictureText.matrix(try row.reshaped(Array(picture.dimensions.dropFirst()))))
    }
    let names = examples.inputNames
    let width = names.map(\.count).max() ?? 0
    for (position, value) in row.doubles().enumerated() {
      let name = names.indices.contains(position) ? names[position] : "\(position)"
      Terminal.write(
        "  \(name)\(String(repeating: " ", count: max(0, max(width, 6) - name.count)))  \(PictureText.number(value))\n")
    }
  }

  private static func text(of summary: DataSummary) -> String {
    let test = summary.testSamples.map { ", \($0) more for testing" } ?? ""
    var text =
      "\(summary.name): \(summary.kind), \(summary.samples) sample\(summary.samples == 1 ? "" : "s")\(test)\n\n"
    func number(_ value: Double?) -> String { value.map(PictureText.number) ?? "" }
    let rows = summary.parts.map { part in
      [
        part.name, part.type, number(part.minimum), number(part.maximum), number(part.mean), number(part.deviation),
        String(part.missing), part.distinct.map(String.init) ?? "",
      ]
    }
    text += table(["", "type", "min", "max", "mean", "deviation", "missing", "different"], rows)
    if let note = summary.note { text += "\nnote: \(note)\n" }
    func counts(_ heads: [String], _ counts: [DataSummary.ClassCount]) {
      if !counts.isEmpty { text += "\n" + table(heads, counts.map { [$0.name, String($0.count)] }) }
    }
    counts(["class", "samples"], summary.classes)
    counts(["word", "times"], summary.words ?? [])
    if let first = summary.firstText { text += "\nfirst text: \(start(of: first))\n" }
    return text
  }

  /// A text on one line, cut off if it is long.
  private static func start(of text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > 200 ? line.prefix(199) + "…" : line
  }

  /// Columns, the first and what is not a number to the left; a column without entries is left out.
  private static func table(_ heads: [String], _ rows: [[String]]) -> String {
    let shown = heads.indices.filter { column in column == 0 || rows.contains { !$0[column].isEmpty } }
    return ([heads] + rows).map { row in
      let fields = shown.map { column in
        let width = ([heads] + rows).map { $0[column].count }.max() ?? 0
        let space = String(repeating: " ", count: width - row[column].count)
        return column == 0 || heads[column] == "type" ? row[column] + space : space + row[column]
      }
      let line = fields.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}
