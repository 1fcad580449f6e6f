import CTestEnvironment

/// Where tests keep compiled code: in a folder of their own that stays from run to run, not in the user's cache. Programs
/// that tests start inherit it.
public enum TestCache {
  public static let folder = String(cString: apus_test_cache())
}
