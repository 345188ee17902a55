#include <plexiform/core.h>
