#pragma once

/// The folder of compiled code that tests use in place of the user's, unless APUS_CACHE names another.
const char *apus_test_cache(void);
