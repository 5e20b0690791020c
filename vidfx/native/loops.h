/* All loops for one instruction set, SET. */

#include "colours.h"
#include "lookup.h"
#include "maps.h"
#define KIND bytes
#define SAMPLE uint8_t
#include "rows.h"
#undef KIND
#undef SAMPLE
#define KIND words
#define SAMPLE uint16_t
#include "rows.h"
#undef KIND
#undef SAMPLE
