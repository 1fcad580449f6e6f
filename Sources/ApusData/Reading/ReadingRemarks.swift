import ApusCore

/// What a user should know of how data were read: warnings about what is left out.
enum ReadingRemarks {
  /// Rows of a table that lack a value; nil if there are none.
  static func dropped(_ count: Int, of name: String) -> Diagnostic? {
    guard count > 0 else { return nil }
    let isOne = count == 1
    return Diagnostic(
      .warning,
      "\(count) row\(isOne ? "" : "s") of '\(name)' lack\(isOne ? "s" : "") a value and \(isOne ? "is" : "are") left out",
      help: "missing values are dropped, as it was chosen now or when the model was trained",
      commandHelp: "this is what --missing drop does, now or when the model was trained")
  }

  /// Files of a folder that are not among the samples; nil if there are none.
  static func leftOut(_ files: LeftOutFiles, of folder: String, _ content: ClassFolder.Content) -> Diagnostic? {
    guard files.count > 0 else { return nil }
    return Diagnostic(
      .warning,
      "\(files.count) file\(files.count == 1 ? "" : "s") in '\(folder)' \(files.count == 1 ? "is" : "are") left out: "
        + files.text,
      help: "\(content.name) are \(content.endings), as \(content.example)")
  }
}

extension Samples {
  /// Warnings about rows and files that are left out. Those of files come of another look at the folder.
  public var remarks: [Diagnostic] {
    [ReadingRemarks.dropped(droppedCount, of: name), leftOutRemark].compactMap(\.self)
  }

  /// The files in the folder of these samples that are not among them.
  var leftOutRemark: Diagnostic? {
    guard case .files = origin, BinaryFile.isDirectory(name) else { return nil }
    let content: ClassFolder.Content = texts == nil ? .pictures : .texts
    return ReadingRemarks.leftOut(ClassFolder.leftOut(in: name, of: content), of: name, content)
  }
}

extension LoadedData {
  /// Warnings about rows and files that are left out, of both parts. Those of files come of another look at the folders.
  public var remarks: [Diagnostic] {
    let dropped = ReadingRemarks.dropped(train.droppedCount + (test?.droppedCount ?? 0), of: name)
    // Both parts may come from one folder.
    var found: [Diagnostic] = []
    for case let remark? in [train.leftOutRemark, test?.leftOutRemark] where !found.contains(remark) {
      found.append(remark)
    }
    return [dropped].compactMap(\.self) + found
  }
}
