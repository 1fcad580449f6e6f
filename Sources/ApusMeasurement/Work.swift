import ApusCore
import ApusGraph
import ApusNN

/// An executable with variables of its own, which its runs update.
struct Work {
  let executable: any Executable
  private(set) var variables: [Tensor]

  init(_ executable: any Executable, of graph: Graph, _ session: Session) throws {
    self.executable = executable
    variables = graph.variables.compactMap { session.value(of: $0.declaration.label) }
  }

  mutating func run(_ feeds: [Tensor]) throws {
    if let training = executable as? any TrainingExecutable {
      _ = try training.run(feeds, updating: &variables)
    } else {
      _ = try executable.run(feeds, variables: variables)
    }
  }

  /// All batches in one call if the executable can do that, else one after the other.
  mutating func run(overRows rows: [Int], batch: Int, of datasets: [Tensor]) throws {
    if let training = executable as? any TrainingExecutable {
      _ = try training.run(overRows: rows, of: datasets, updating: &variables)
      return
    }
    for start in stride(from: 0, to: rows.count, by: batch) {
      let part = Array(rows[start..<start + batch])
      let result = try executable.run(datasets.map { try $0.gather(rows: part) }, variables: variables)
      for update in result.updates { variables[update.variable] = update.value }
    }
  }
}

/// Whole batches of a list of rows, which begins again when less than a batch is left.
struct EndlessBatches {
  let rows: [Int]
  let batch: Int
  private var position = 0

  init(_ rows: [Int], batch: Int) {
    self.rows = rows
    self.batch = batch
  }

  /// The rows of the next `count` batches.
  mutating func next(_ count: Int) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(count * batch)
    for _ in 0..<count {
      if position + batch > rows.count { position = 0 }
      result += rows[position..<position + batch]
      position += batch
    }
    return result
  }
}
