/* Between pictures and the planes of a film, once for each instruction set. Everything is computed in lines of floats; so
 * 8 and more bits on either side differ only in how a line is read and written. */

static void OF_SET(read)(const void *from, int bytes, int width, float *restrict line)
{
    if (bytes == 1)
        for (int x = 0; x < width; x++)
            line[x] = ((const uint8_t *)from)[x];
    else
        for (int x = 0; x < width; x++)
            line[x] = ((const uint16_t *)from)[x];
}

/* To the nearest whole numbers; they are in range. */
static void OF_SET(write)(const float *restrict line, int width, int bytes, void *to)
{
    if (bytes == 1)
        for (int x = 0; x < width; x++)
            ((uint8_t *)to)[x] = (uint8_t)(int32_t)(line[x] + 0.5f);
    else
        for (int x = 0; x < width; x++)
            ((uint16_t *)to)[x] = (uint16_t)(int32_t)(line[x] + 0.5f);
}

/* Pixels of three bytes to three lines of bytes. */
static void OF_SET(part)(const uint8_t *restrict pixels, int width, uint8_t *restrict r, uint8_t *restrict g,
                         uint8_t *restrict b)
{
    int x = 0;
#if PICKS_BYTES
    for (; x + 16 <= width; x += 16) { /* GCC does the same in ten times as many instructions */
        sixteen first, second, third, two; /* an array of them GCC keeps in memory */
        memcpy(&first, pixels + 3 * x, sizeof first);
        memcpy(&second, pixels + 3 * x + 16, sizeof second);
        memcpy(&third, pixels + 3 * x + 32, sizeof third);
        two = PICKED(first, second, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
        two = PICKED(two, third, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
        memcpy(r + x, &two, sizeof two);
        two = PICKED(first, second, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
        two = PICKED(two, third, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
        memcpy(g + x, &two, sizeof two);
        two = PICKED(first, second, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
        two = PICKED(two, third, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
        memcpy(b + x, &two, sizeof two);
    }
#endif
    for (; x < width; x++) {
        r[x] = pixels[3 * x];
        g[x] = pixels[3 * x + 1];
        b[x] = pixels[3 * x + 2];
    }
}

/* The way back of `part`. */
static void OF_SET(join)(const uint8_t *restrict r, const uint8_t *restrict g, const uint8_t *restrict b, int width,
                         uint8_t *restrict pixels)
{
    int x = 0;
#if PICKS_BYTES
    for (; x + 16 <= width; x += 16) {
        sixteen red, green, blue, two, first, second, third;
        memcpy(&red, r + x, sizeof red);
        memcpy(&green, g + x, sizeof green);
        memcpy(&blue, b + x, sizeof blue);
        two = PICKED(red, green, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
        first = PICKED(two, blue, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15);
        two = PICKED(red, green, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
        second = PICKED(two, blue, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15);
        two = PICKED(red, green, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
        third = PICKED(two, blue, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31);
        memcpy(pixels + 3 * x, &first, sizeof first);
        memcpy(pixels + 3 * x + 16, &second, sizeof second);
        memcpy(pixels + 3 * x + 32, &third, sizeof third);
    }
#endif
    for (; x < width; x++) {
        pixels[3 * x] = r[x];
        pixels[3 * x + 1] = g[x];
        pixels[3 * x + 2] = b[x];
    }
}

/* `bytes_of`: memory for three lines of bytes. */
static void OF_SET(read_pixels)(const void *from, int bytes, int width, float *bytes_of, float *restrict r,
                                float *restrict g, float *restrict b)
{
    const uint16_t *restrict words = from;
    uint8_t *lines = (uint8_t *)bytes_of;
    if (bytes == 1) {
        OF_SET(part)(from, width, lines, lines + width, lines + 2 * width);
        OF_SET(read)(lines, 1, width, r);
        OF_SET(read)(lines + width, 1, width, g);
        OF_SET(read)(lines + 2 * width, 1, width, b);
    } else
        for (int x = 0; x < width; x++) {
            r[x] = words[3 * x];
            g[x] = words[3 * x + 1];
            b[x] = words[3 * x + 2];
        }
}

static __attribute__((noinline)) void OF_SET(mix_three)(const float *restrict a, const float *restrict b,
                                                        const float *restrict c, const float *share, float top,
                                                        int width, float *restrict mixed)
{
    for (int x = 0; x < width; x++) {
        const float value = share[0] * a[x] + share[1] * b[x] + share[2] * c[x] + share[3];
        mixed[x] = value < 0 ? 0 : value > top ? top : value;
    }
}

static void OF_SET(write_pixels)(const float *restrict r, const float *restrict g, const float *restrict b, int width,
                                 int bytes, float *bytes_of, void *to)
{
    uint16_t *restrict words = to;
    uint8_t *lines = (uint8_t *)bytes_of;
    if (bytes == 1) {
        OF_SET(write)(r, width, 1, lines);
        OF_SET(write)(g, width, 1, lines + width);
        OF_SET(write)(b, width, 1, lines + 2 * width);
        OF_SET(join)(lines, lines + width, lines + 2 * width, width, to);
    } else
        for (int x = 0; x < width; x++) {
            words[3 * x] = (uint16_t)(int32_t)(r[x] + 0.5f);
            words[3 * x + 1] = (uint16_t)(int32_t)(g[x] + 0.5f);
            words[3 * x + 2] = (uint16_t)(int32_t)(b[x] + 0.5f);
        }
}

static __attribute__((noinline)) void OF_SET(add)(const float *restrict from, int width, float *restrict to)
{
    for (int x = 0; x < width; x++)
        to[x] += from[x];
}

/* Means of pairs. The last pixel of an odd width stands for its neighbour beyond the border. */
static __attribute__((noinline)) void OF_SET(halve)(float *line, int width, float *restrict half)
{
    line[width] = line[width - 1];
    for (int x = 0; x < (width + 1) / 2; x++)
        half[x] = 0.5f * (line[2 * x] + line[2 * x + 1]);
}

static void OF_SET(to_planes)(const struct planes *planes, float *memory)
{
    const int width = planes->width, height = planes->height, down = planes->down;
    const size_t row = (size_t)width + PADDING, pixels = 3 * (size_t)width * planes->picture_bytes;
    float *r = memory, *g = r + row, *b = g + row, *sums = b + row, *mixed = sums + 3 * row, *bytes_of = mixed + row;

    for (int y = 0; y < height; y += down) {
        memset(sums, 0, 3 * row * sizeof(float));
        for (int k = 0; k < down; k++) {
            const int line = y + k < height ? y + k : height - 1; /* the last of an odd height counts twice */
            const void *from = (const char *)planes->picture + (size_t)line * pixels;
            OF_SET(read_pixels)(from, planes->picture_bytes, width, bytes_of, r, g, b);
            if (y + k < height) {
                OF_SET(mix_three)(r, g, b, planes->matrix[0], planes->top, width, mixed);
                OF_SET(write)(mixed, width, planes->bytes, row_of(planes, 0, line));
            }
            for (int c = 0; c < 3; c++)
                OF_SET(add)(memory + c * row, width, sums + c * row);
        }
        for (int c = 0; c < 3 && planes->across == 2; c++)
            OF_SET(halve)(sums + c * row, width, memory + c * row);
        const float *chroma = planes->across == 2 ? memory : sums;
        for (int c = 1; c < 3; c++) {
            float share[4] = {planes->matrix[c][0], planes->matrix[c][1], planes->matrix[c][2], planes->matrix[c][3]};
            for (int k = 0; k < 3; k++)
                share[k] /= (float)down;
            OF_SET(mix_three)(chroma, chroma + row, chroma + 2 * row, share, planes->top, chroma_width(planes), mixed);
            OF_SET(write)(mixed, chroma_width(planes), planes->bytes, row_of(planes, c, y / down));
        }
    }
}

static __attribute__((noinline)) void OF_SET(weigh_rows)(const float *const *rows, const float *taps, int width,
                                                         float *restrict sum)
{
    const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4];
    for (int x = 0; x < width; x++)
        sum[x] = taps[0] * a[x] + taps[1] * b[x] + taps[2] * c[x] + taps[3] * d[x] + taps[4] * e[x];
}

/* A line's pixels weighed with their neighbours up to two away; beyond its ends there is room, which is filled. */
static void OF_SET(weigh)(float *line, const float *taps, int width, float *sum)
{
    line[-2] = line[-1] = line[0];
    line[width] = line[width + 1] = line[width - 1];
    const float *rows[5] = {line - 2, line - 1, line, line + 1, line + 2}; /* of one pointer Clang makes one value at a time */
    OF_SET(weigh_rows)(rows, taps, width, sum);
}

/* Rows around `y` of a plane, as if its first and last went on for ever. */
static inline void OF_SET(around)(const float *plane, size_t row, int y, int height, const float **rows)
{
    for (int k = 0; k < 5; k++)
        rows[k] = plane + (size_t)clamped(y + k - 2, height) * row;
}

static __attribute__((noinline)) void OF_SET(twice_less)(const float *restrict once, float most, int width,
                                                         float *restrict line)
{
    for (int x = 0; x < width; x++) {
        const float value = 2 * once[x] - line[x];
        line[x] = value < 0 ? 0 : value > most ? most : value;
    }
}

static __attribute__((noinline)) void OF_SET(interleave)(const float *restrict even, const float *restrict odd, float most,
                                                         int width, float *restrict line)
{
    for (int x = 0; x < width; x++) {
        line[2 * x] = even[x] < 0 ? 0 : even[x] > most ? most : even[x];
        line[2 * x + 1] = odd[x] < 0 ? 0 : odd[x] > most ? most : odd[x];
    }
}

static __attribute__((noinline)) void OF_SET(limit)(float *line, float most, int width)
{
    for (int x = 0; x < width; x++)
        line[x] = line[x] < 0 ? 0 : line[x] > most ? most : line[x];
}

/* A plane of chroma, and what the means of its enlargement still lack, into `plane`; `kept` has room for it, too. */
static void OF_SET(prepare_chroma)(const struct planes *planes, int c, const float *down, const float *across,
                                   float *kept, float *line, float *plane)
{
    const int width = chroma_width(planes), height = chroma_height(planes);
    const size_t row = (size_t)width + PADDING;

    for (int y = 0; y < height; y++)
        OF_SET(read)(row_of(planes, c, y), planes->bytes, width, kept + (size_t)y * row);
    for (int y = 0; y < height; y++) {
        const float *rows[5];
        float *to = plane + (size_t)y * row;
        OF_SET(around)(kept, row, y, height, rows);
        OF_SET(weigh_rows)(rows, down, width, line);
        OF_SET(weigh)(line, across, width, to);
        OF_SET(twice_less)(kept + (size_t)y * row, planes->most, width, to);
    }
}

static void OF_SET(to_picture)(const struct planes *planes, float *memory)
{
    const int width = planes->width, height = planes->height, narrow = chroma_width(planes), low = chroma_height(planes);
    const size_t row = (size_t)width + PADDING, short_row = (size_t)narrow + PADDING, plane = short_row * low;
    float *luma = memory, *chroma[2] = {luma + row, luma + 2 * row}, *mixed = luma + 3 * row;
    float *bytes_of = mixed + 3 * row, *line = bytes_of + row + 2; /* 2: room before a line */
    float *even = line + short_row, *odd = even + short_row;
    float *maps[2] = {odd + short_row, odd + short_row + plane}, *kept = maps[1] + plane;
    float taps[2][3][5]; /* across and down: for the even, the odd, the mean of both */

    for (int of = 0; of < 2; of++)
        enlarging((of ? planes->down : planes->across) == 2, taps[of]);
    const int is_small = planes->across == 2 || planes->down == 2;
    for (int c = 0; c < 2 && is_small; c++)
        OF_SET(prepare_chroma)(planes, c + 1, taps[1][2], taps[0][2], kept, line, maps[c]);
    for (int y = 0; y < height; y++) {
        OF_SET(read)(row_of(planes, 0, y), planes->bytes, width, luma);
        for (int c = 0; c < 2; c++) {
            if (!is_small) {
                OF_SET(read)(row_of(planes, c + 1, y), planes->bytes, width, chroma[c]);
                continue;
            }
            const float *rows[5];
            const int two = planes->down == 2;
            OF_SET(around)(maps[c], short_row, two ? y / 2 : y, low, rows);
            if (planes->across == 2) {
                OF_SET(weigh_rows)(rows, taps[1][two && y % 2], narrow, line);
                OF_SET(weigh)(line, taps[0][0], narrow, even);
                OF_SET(weigh)(line, taps[0][1], narrow, odd);
                OF_SET(interleave)(even, odd, planes->most, narrow, chroma[c]);
            } else {
                OF_SET(weigh_rows)(rows, taps[1][two && y % 2], narrow, chroma[c]);
                OF_SET(limit)(chroma[c], planes->most, narrow);
            }
        }
        for (int c = 0; c < 3; c++)
            OF_SET(mix_three)(luma, chroma[0], chroma[1], planes->matrix[c], planes->top, width, mixed + c * row);
        OF_SET(write_pixels)(mixed, mixed + row, mixed + 2 * row, width, planes->picture_bytes, bytes_of,
                             (char *)planes->picture + 3 * (size_t)y * width * planes->picture_bytes);
    }
}
