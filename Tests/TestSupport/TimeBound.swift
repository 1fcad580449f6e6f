import Testing

/// The value of `body`, which must end within that time.
///
/// A test's own time limit also counts the wait for a free thread, which is long where many tests run at once: it is there
/// to end a hang. This begins when the work does; other tests still take processor time from it, so bounds are wide.
public func expectEnd<Value>(
  within limit: Duration, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) rethrows -> Value {
  let start = ContinuousClock.now
  let value = try body()
  let duration = ContinuousClock.now - start
  #expect(duration < limit, "it took \(duration)", sourceLocation: sourceLocation)
  return value
}
