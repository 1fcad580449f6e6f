#include "CTestEnvironment.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[4096];

// Before main: the library reads the environment once, and nothing in Swift runs before the first test.
__attribute__((constructor)) static void use_own_cache(void) {
  const char *temporary = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/apus-test-cache-%u", temporary && *temporary ? temporary : "/tmp", (unsigned)getuid());
  setenv("APUS_CACHE", folder, 0);
}

const char *apus_test_cache(void) { return folder; }
