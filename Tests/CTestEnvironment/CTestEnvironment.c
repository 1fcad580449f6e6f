#include "CTestEnvironment.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[4096];

// Before main: the library reads the environment once, and nothing in Swift runs before the first test.
__attribute__((constructor)) static void set_environment(void) {
  const char *temporary = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/apus-test-cache-%u", temporary && *temporary ? temporary : "/tmp", (unsigned)getuid());
  setenv("APUS_CACHE", folder, 0);
  /* Workers that wait for each other forever fail their test within a minute: the watch may run out twice. */
  setenv("APUS_WATCH", "25", 0);
}

const char *apus_test_cache(void) { return folder; }
