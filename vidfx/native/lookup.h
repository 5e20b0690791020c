/* Where in the past a pixel is looked up, and what is there; once for each instruction set. Vectors are the compiler's own
 * (GCC's and Clang's vector extensions), so the same lines become AVX2, SSE2 or NEON. */

/* The past of a pixel whose 4 x 4 neighbours lie in the picture, the first of them at `place`. */
static inline four OF_SET(sum_of_16)(const float *place, size_t stride, const float *across, const float *down)
{
    /* Twelve floats of each row, down first: then only one row is left to be weighed and added up across. */
    eight left = {0}, weights;
    four right = {0}, last, low, high;
    for (int k = 0; k < 4; k++, place += stride) {
        eight of_row;
        four rest_of_row;
        memcpy(&of_row, place, sizeof of_row);
        memcpy(&rest_of_row, place + 8, sizeof rest_of_row);
        left += down[k] * of_row;
        right += down[k] * rest_of_row;
    }
    memcpy(&weights, across, sizeof weights);
    memcpy(&last, across + 8, sizeof last);
    left *= weights;
    right *= last;
    /* Halves by copies: of a shuffle of eight GCC makes single values where the CPU has four. */
    memcpy(&low, &left, sizeof low);
    memcpy(&high, (const char *)&left + sizeof low, sizeof high);
    return low + SHUFFLED(low, high, 3, 4, 5, 5) + SHUFFLED(high, right, 2, 3, 4, 4) + SHUFFLED(right, right, 1, 2, 3, 3);
}

/* The same where some of them lie beyond the border, whose pixels then stand for them. */
static four OF_SET(sum_at_border)(const float *past, int width, int height, int column, int row, const float *across,
                                  const float *down)
{
    four sum = {0};
    for (int k = 0; k < 4; k++)
        for (int l = 0; l < 4; l++) {
            const float *at = past + ((size_t)clamped(row + k, height) * width + clamped(column + l, width)) * 3;
            const four pixel = {at[0], at[1], at[2], 0};
            sum += down[k] * across[3 * l] * pixel;
        }
    return sum;
}

/* One row of the flow and the weight at the picture's size, linear between the centres of the maps' pixels. */
static void OF_SET(enlarge)(const struct maps *maps, int y, const struct picture *picture, const struct scratch *scratch)
{
    int above;
    const float share = between_centres(y, picture->height, maps->height, &above);
    const int below = above + 1 < maps->height ? above + 1 : above, width = maps->width;
    float *targets[3] = {scratch->across, scratch->down, scratch->weight}, *restrict line = scratch->line;

    for (int field = 0; field < 3; field++) {
        const int step = field < 2 ? 2 : 1;
        const float *map = field < 2 ? maps->flow + field : maps->weight;
        const float *upper = map + (size_t)above * width * step, *lower = map + (size_t)below * width * step;
        float *target = targets[field];
        for (int i = 0; i < width; i++)
            line[i] = upper[i * step] + share * (lower[i * step] - upper[i * step]);
        line[width] = line[width - 1];
        for (int i = 0; i < width; i++) {
            const float value = line[i], slope = line[i + 1] - value;
            /* Four at a time, up to three too many: the next pixel of the map writes over those. */
            for (int x = scratch->begins[i]; x < scratch->begins[i + 1]; x += 4) {
                four fractions;
                memcpy(&fractions, scratch->fractions + x, sizeof fractions);
                fractions = value + slope * fractions;
                memcpy(target + x, &fractions, sizeof fractions);
            }
        }
    }
}

static inline void OF_SET(mix)(four was, const float *styled, float weight, float *mixed)
{
    four is;
    memcpy(&is, styled, sizeof is);
    is += weight * (was - is);
    memcpy(mixed, &is, sizeof is); /* the next pixel writes over the fourth value */
}

/* Where in the past each pixel of a row is looked up: the first of its 4 x 4 neighbours, its fractions of a pixel across
 * and down, and whether it stands still, moves within the picture, or reaches beyond the border. */
static __attribute__((noinline)) void OF_SET(locate)(
    int y, int width, int height, const float *restrict across, const float *restrict down, int32_t *restrict columns,
    int32_t *restrict rows, int32_t *restrict kinds)
{
    const uint32_t last_column = (uint32_t)(width - 4), last_row = (uint32_t)(height - 4);
    const int is_large = width >= 4 && height >= 4;

    for (int x = 0; x < width; x++) {
        const int32_t right = nearest(limited(across[x]) * FRACTIONS), under = nearest(limited(down[x]) * FRACTIONS);
        const int32_t column = x * FRACTIONS + right, row = y * FRACTIONS + under;
        const uint32_t first_column = (uint32_t)((column >> FRACTION_BITS) - 1); /* below 0 it is huge */
        const uint32_t first_row = (uint32_t)((row >> FRACTION_BITS) - 1);
        const int is_inside = is_large & (first_column <= last_column) & (first_row <= last_row);
        columns[x] = column;
        rows[x] = row;
        kinds[x] = (right | under) == 0 ? STILL : is_inside ? INSIDE : AT_BORDER;
    }
}
