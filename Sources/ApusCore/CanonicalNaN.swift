extension Double {
  /// The same number, with one NaN for all: that which x86 makes has its sign set, and would print as `-nan`.
  package var canonical: Double { isNaN ? .nan : self }
}
