import ApusCore

/// What is done about values that a table lacks.
public enum MissingValues: String, CaseIterable, Codable, Sendable {
  /// They are an error that names file, line and column.
  case error
  /// The mean of the column's numbers in the training data; a missing category is none of them.
  case mean
  /// 0; a missing category is none of them.
  case zero
  /// The row is left out.
  case drop
}

/// How the columns of a table become the inputs and the targets of a model. Part of a saved model, so that a table for
/// prediction means the same as the one that was trained on.
public struct TableEncoding: Codable, Hashable, Sendable {
  /// A column that the model reads.
  public struct Column: Codable, Hashable, Sendable {
    public var name: String
    /// Its texts, in order, if it holds categories: each is an input that is 0 or 1.
    public var categories: [String]?
    /// The mean of its numbers in the training data.
    public var mean: Double?
    /// What numbers are divided by after the mean is subtracted; nil if they stay as they are.
    public var deviation: Double?

    /// Inputs that it becomes.
    public var width: Int { categories?.count ?? 1 }
  }

  /// The column that the model is trained to tell.
  public struct Target: Codable, Hashable, Sendable {
    public enum Kind: String, Codable, Sendable {
      /// Texts, each a class.
      case texts
      /// Whole numbers from 0: numbers of classes, or counts.
      case wholes
      /// Any numbers.
      case numbers
    }

    public var name: String
    public var kind: Kind
    /// The classes in order of their numbers, if the column holds texts.
    public var classNames: [String]

    private enum CodingKeys: String, CodingKey {
      case name, kind
      case classNames = "class_names"
    }
  }

  public var columns: [Column]
  public var target: Target?
  public var missing: MissingValues
  /// The column that holds texts, which become numbers by `InputEncoding.texts`; there are no other columns then.
  public var textColumn: String?

  private enum CodingKeys: String, CodingKey {
    case columns, target, missing
    case textColumn = "text_column"
  }

  /// Inputs of a sample.
  public var width: Int { columns.reduce(0) { $0 + $1.width } }

  /// What the inputs are called: `age`, `port=Cherbourg`.
  public var inputNames: [String] {
    columns.flatMap { column in
      let name = TextTable.shown(column.name)
      return column.categories.map { $0.map { "\(name)=\($0)" } } ?? [name]
    }
  }

  /// - Throws: `ApusError` for arrays in the place of the table, if its columns do not become inputs as they are: which
  ///   column an array's number belongs to is not known.
  func checkReadsArrays(_ path: String) throws {
    let changed = columns.filter { $0.deviation != nil || $0.categories != nil }.map(\.name)
    guard !changed.isEmpty || textColumn != nil else { return }
    let columns = changed.prefix(8).joined(separator: ", ") + (changed.count > 8 ? ", …" : "")
    let how = textColumn.map { "numbers words of the column '\($0)'" }
    let help = "give it a table with these columns, as it was trained on"
    throw ApusError.file(
      path, "holds arrays, but the model \(how ?? "normalizes or encodes columns of a table: \(columns)")", help: help,
      commandHelp: help + "; to go on from its weights with other inputs: apus train GRAPH --weights MODEL")
  }

  /// The most categories of a column: more are names or numbers of samples, from which nothing is learned.
  static let mostCategories = 256
}
