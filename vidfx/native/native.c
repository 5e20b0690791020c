/* The loops over every pixel, each in one pass over its pictures or maps: those of smoothing, and those between pictures
 * and a film's planes. vidfx/blend.py, sharpen.py, trust.py, flow.py, pixels.py and fromrgb.py say what is computed, and do
 * it by OpenCV where this file could not be compiled. Called by vidfx/native/__init__.py
 * through ctypes: nothing of Python is needed to build it.
 *
 * Pictures are rows of pixels of three values, one behind the other, maps rows of one or two. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#define FRACTION_BITS 8 /* of a place between two pixels; 5 leave a tenth of a step on average */
#define FRACTIONS (1 << FRACTION_BITS)
#define PADDING 16 /* floats by which a row of scratch memory is longer than its picture's or map's */
#define LUMA_OF_RED 0.299f /* ITU-R BT.601-7, 2.5.1 */
#define LUMA_OF_GREEN 0.587f
#define LUMA_OF_BLUE 0.114f

#define PUBLIC __attribute__((visibility("default")))

typedef float four __attribute__((vector_size(16)));
typedef float eight __attribute__((vector_size(32)));
typedef int32_t four_whole __attribute__((vector_size(16)));
typedef uint8_t sixteen __attribute__((vector_size(16)));
#if defined(__clang__)
#define SHUFFLED __builtin_shufflevector
#define PICKED __builtin_shufflevector
#else
#define SHUFFLED(a, b, ...) __builtin_shuffle(a, b, (four_whole){__VA_ARGS__})
#define PICKED(a, b, ...) __builtin_shuffle(a, b, (sixteen){__VA_ARGS__})
#endif

struct picture {
    int32_t width, height;
    int32_t bytes; /* of a sample of `painted` and `shown`: 1 or 2 */
    const float *past; /* all with three channels, but `weight` */
    const void *painted;
    float *out, *weight;
    void *shown;
};

struct maps {
    int32_t width, height;
    const float *flow; /* to the pixel's place in the past, in pixels of the picture, across and down */
    const float *weight; /* of the past, 0 to 1 */
};

/* From each pixel of a map to its place in the last picture, and from there home again, in pixels of the map. */
struct flows {
    int32_t width, height;
    float area; /* of a pixel of the map, in pixels of the picture */
    float slack, edge_start, edge_end;
    int32_t soft;
    const float *flow, *home;
};

/* Luma of two pictures, the second brought to where the first has it, as far as the flow knew. */
struct pair {
    int32_t width, height, map_width, map_height, window;
    float regular, most;
    const uint8_t *start, *found;
};

/* A picture of RGB and the three planes of luma and chroma that say the same. */
struct planes {
    int32_t width, height;
    int32_t across, down; /* columns and rows of luma to one of chroma: 1 or 2 */
    int32_t bytes, picture_bytes; /* of a sample of the planes, and of the picture: 1 or 2 */
    float top; /* the greatest value that is written */
    float most; /* the greatest chroma between samples */
    float matrix[3][4]; /* from the one to the other, with what is added at last */
    void *picture, *plane[3];
    int64_t stride[3]; /* of the planes' rows, in bytes */
};

struct scratch {
    float *across, *down, *weight, *styled, *mixed, *line, *fractions;
    int32_t *columns, *rows, *kinds, *begins;
};

enum { STILL, INSIDE, AT_BORDER, END };

/* What each of four pixels weighs at a place between the second and the third; across once for each channel. */
static float weights_down[FRACTIONS][4], weights_across[FRACTIONS][12];

static inline int clamped(int place, int end) { return place < 0 ? 0 : place < end ? place : end - 1; }

/* Beyond the border as in a mirror on the last pixel's middle. */
static inline int mirrored(int place, int end)
{
    if (end == 1)
        return 0;
    return place < 0 ? -place : place < end ? place : 2 * end - 2 - place;
}

/* To the nearest whole number: lrintf is a call, or one value at a time. */
static inline int32_t nearest(float value) { return (int32_t)(value + (value < 0 ? -0.5f : 0.5f)); }

/* A flow that still fits into whole numbers of FRACTIONS. */
static inline float limited(float value) { return value > -1e6f ? (value < 1e6f ? value : 1e6f) : -1e6f; }

static inline four between(four values, four low, four high)
{
#if defined(__SSE__)
    return _mm_min_ps(_mm_max_ps(values, low), high); /* two instructions; of what is below, GCC makes nine */
#else
    const four_whole under = values < low, over = values > high;
    return (four)(((four_whole)values & ~(under | over)) | ((four_whole)low & under) | ((four_whole)high & over));
#endif
}

/* Where the middle of the pixel `at` of `size` lies between those of `from` pixels: after `before`, by so much. */
static inline float between_centres(int at, int size, int from, int *before)
{
    float place = ((float)at + 0.5f) * (float)from / (float)size - 0.5f;
    if (place < 0)
        place = 0;
    *before = (int)place < from - 1 ? (int)place : from - 1;
    return *before == from - 1 ? 0 : place - (float)*before;
}

#define JOINED_(a, b) a##_##b
#define JOINED(a, b) JOINED_(a, b)
#define OF_SET(function) JOINED(function, SET)
#define NAME(function) OF_SET(JOINED(function, KIND))

static inline int covered_from(int at, int size, int from)
{
    return (int)((float)at * (float)from / (float)size + 1e-3f);
}

/* Which pixels of `from` the pixel `at` of `size` covers, COVERED at most, and their shares; returns the first. */
enum { COVERED = 3, PRODUCTS = 5 };
static inline int covered(int at, int size, int from, float *shares)
{
    const float ratio = (float)from / (float)size, start = (float)at * ratio, end = start + ratio;
    const int first = covered_from(at, size, from);
    for (int k = 0; k < COVERED; k++) {
        const float left = (float)(first + k) > start ? (float)(first + k) : start;
        const float right = (float)(first + k + 1) < end ? (float)(first + k + 1) : end;
        shares[k] = first + k < from && right - left > 1e-3f ? (right - left) / ratio : 0;
    }
    return first;
}

static inline void *row_of(const struct planes *planes, int plane, int y)
{
    return (char *)planes->plane[plane] + y * planes->stride[plane];
}

static inline int chroma_width(const struct planes *planes) { return (planes->width + planes->across - 1) / planes->across; }
static inline int chroma_height(const struct planes *planes) { return (planes->height + planes->down - 1) / planes->down; }

/* What each of five neighbours weighs where a line is enlarged to twice its length between the centres of its pixels: for
 * the first of the two that a pixel becomes, for the second, and for the mean of both. Not enlarged, it stays. */
static void enlarging(int twice, float taps[3][5])
{
    const float *first = weights_down[FRACTIONS * 3 / 4], *second = weights_down[FRACTIONS / 4];
    memset(taps, 0, 15 * sizeof(float));
    if (!twice) {
        taps[0][2] = taps[1][2] = taps[2][2] = 1;
        return;
    }
    for (int k = 0; k < 4; k++) {
        taps[0][k] = first[k];
        taps[1][k + 1] = second[k];
    }
    for (int k = 0; k < 5; k++)
        taps[2][k] = (taps[0][k] + taps[1][k]) / 2;
}

#define PICKS_BYTES 0 /* whether bytes are put into another order by an instruction */
#define SET plain
#include "loops.h"
#undef SET

#if defined(__x86_64__)
#define HAS_AVX 1
#undef PICKS_BYTES
#define PICKS_BYTES 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define SET avx2
#include "loops.h"
#undef SET
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma")
#endif
#define SET avx512
#include "loops.h"
#undef SET
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#ifndef VIDFX_SOURCES
#define VIDFX_SOURCES ""
#endif

/* What was compiled; a library of other sources is not called. */
PUBLIC const char *vidfx_sources(void) { return VIDFX_SOURCES; }

static int level; /* 0: plain, 1: AVX2, 2: AVX-512 */

PUBLIC int32_t vidfx_level(void) { return level; }

/* Lets instructions up to `most` be used from now on, as far as this CPU has them. */
PUBLIC void vidfx_allow(int32_t most)
{
    int has = 0;
#if HAS_AVX
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                  ? 2
                  : 1;
#endif
    level = has < most ? has : most;
}

__attribute__((constructor)) static void prepare(void)
{
    for (int i = 0; i < FRACTIONS; i++) {
        const float t = (float)i / FRACTIONS, u = 1 - t, a = -0.75f; /* OpenCV's */
        float *values = weights_down[i];
        values[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
        values[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
        values[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
        values[3] = 1 - values[0] - values[1] - values[2];
        for (int k = 0; k < 12; k++)
            weights_across[i][k] = values[k / 3];
    }
#if HAS_AVX
    __builtin_cpu_init();
#endif
    vidfx_allow(2);
}

#if HAS_AVX
#define OF_LEVEL(function) (level == 2 ? function##_avx512 : level == 1 ? function##_avx2 : function##_plain)
#else
#define OF_LEVEL(function) function##_plain
#endif
#define CALL(bytes, function, arguments) ((bytes) == 1 ? OF_LEVEL(function##_bytes) : OF_LEVEL(function##_words)) arguments

/* Memory for one call; the caller frees `*memory`. Returns 0 where there is none. */
static int scratch_for(int width, int map_width, struct scratch *scratch, float **memory)
{
    const size_t row = (size_t)width + PADDING, line = (size_t)map_width + PADDING;
    float *place = *memory = malloc((13 * row + 2 * line) * sizeof(float));
    if (!place)
        return 0;
    scratch->across = place;
    scratch->down = place += row;
    scratch->weight = place += row;
    scratch->styled = place += row;
    scratch->mixed = place += 3 * row;
    scratch->fractions = place += 3 * row;
    scratch->columns = (int32_t *)(place += row);
    scratch->rows = (int32_t *)(place += row);
    scratch->kinds = (int32_t *)(place += row);
    scratch->line = place += row;
    scratch->begins = (int32_t *)(place + line);
    return 1;
}

/* out = painted + weight * (past along the flow - painted) in the rows from `first` to before `end`; fills `weight` of
 * the picture there. Returns 0, or 1 where memory is short. */
PUBLIC int32_t vidfx_blend(const struct picture *picture, const struct maps *maps, int32_t first, int32_t end)
{
    struct scratch scratch;
    float *memory;
    if (!scratch_for(picture->width, maps->width, &scratch, &memory))
        return 1;
    int next = 0; /* pixel of a map */
    for (int x = 0; x < picture->width; x++) {
        int before;
        scratch.fractions[x] = between_centres(x, picture->width, maps->width, &before);
        while (next <= before)
            scratch.begins[next++] = x;
    }
    while (next <= maps->width)
        scratch.begins[next++] = picture->width;
    memset(scratch.fractions + picture->width, 0, PADDING * sizeof(float));
    CALL(picture->bytes, blend, (picture, maps, first, end, &scratch));
    free(memory);
    return 0;
}

/* shown = out + amount * weight * (luma - blurred luma) in the rows from `first` to before `end`. Returns as above. */
PUBLIC int32_t vidfx_sharpen(const struct picture *picture, float amount, int32_t first, int32_t end)
{
    struct scratch scratch;
    float *memory;
    if (!scratch_for(picture->width, 0, &scratch, &memory))
        return 1;
    CALL(picture->bytes, sharpen, (picture, amount, first, end, &scratch));
    free(memory);
    return 0;
}

/* Fills `slopes` with the three of rows.h; 4 pixels across at least. Returns as above. */
PUBLIC int32_t vidfx_slopes(const struct picture *picture, int32_t every, double *slopes)
{
    struct scratch scratch;
    float *memory;
    if (!scratch_for(picture->width, 0, &scratch, &memory))
        return 1;
    CALL(picture->bytes, slopes, (picture, every, &scratch, slopes));
    free(memory);
    return 0;
}

/* Fills `trust`, a map: where both flows agree and there is no edge of motion. Returns as above. */
PUBLIC int32_t vidfx_agree(const struct flows *flows, float *trust)
{
    const size_t row = (size_t)flows->width + PADDING;
    float *memory = malloc((6 * row + (size_t)flows->width * flows->height) * sizeof(float));
    if (!memory)
        return 1;
    OF_LEVEL(agree)(flows, memory, trust);
    free(memory);
    return 0;
}

/* How many floats of memory `vidfx_refine` needs; as much fresh memory in each call would cost more than its sums. */
PUBLIC int64_t vidfx_refine_floats(const struct pair *pair)
{
    const int64_t row = (int64_t)pair->width + PADDING, map = (int64_t)pair->map_width * pair->map_height;
    return (pair->height + 2 + PRODUCTS) * row + 2 * PRODUCTS * map + COVERED * pair->map_width;
}

/* Fills `step`, a map of two: what the flow lacks, in pixels of the pair. */
PUBLIC void vidfx_refine(const struct pair *pair, float *memory, float *step)
{
    OF_LEVEL(refine)(pair, memory, step);
}

/* Fills the planes of a picture. Returns 0, or 1 where memory is short. */
PUBLIC int32_t vidfx_to_planes(const struct planes *planes)
{
    float *memory = malloc(8 * ((size_t)planes->width + PADDING) * sizeof(float));
    if (!memory)
        return 1;
    OF_LEVEL(to_planes)(planes, memory);
    free(memory);
    return 0;
}

/* How many floats of memory `vidfx_to_picture` needs; taken anew for each picture, it would go back to the system. */
PUBLIC int64_t vidfx_to_picture_floats(const struct planes *planes)
{
    const int64_t row = planes->width + PADDING, short_row = chroma_width(planes) + PADDING;
    return 7 * row + 3 * short_row * (chroma_height(planes) + 1) + PADDING;
}

/* Fills the picture of planes. */
PUBLIC void vidfx_to_picture(const struct planes *planes, float *memory) { OF_LEVEL(to_picture)(planes, memory); }
