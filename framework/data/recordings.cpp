#include <data/recordings.h>
