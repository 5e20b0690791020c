/* The loops over pictures, once for each type of SAMPLE and each instruction set: NAME(f) makes their names. Vectors are
 * the compiler's own (GCC's and Clang's vector extensions), so the same lines become AVX2, SSE2 or NEON. */

/* The past of a pixel whose 4 x 4 neighbours lie in the picture, the first of them at `place`. */
static inline four NAME(cubic)(const float *place, size_t stride, const float *across, const float *down)
{
    /* Twelve floats of each row, down first: then only one row is left to be weighed and added up across. */
    eight left = {0}, weights;
    four right = {0}, last;
    for (int k = 0; k < 4; k++, place += stride) {
        eight of_row;
        four rest_of_row;
        memcpy(&of_row, place, sizeof of_row);
        memcpy(&rest_of_row, place + 8, sizeof rest_of_row);
        const float w = down[k];
        const eight wide = {w, w, w, w, w, w, w, w};
        left += wide * of_row;
        right += SHUFFLED(wide, wide, 0, 1, 2, 3) * rest_of_row;
    }
    memcpy(&weights, across, sizeof weights);
    memcpy(&last, across + 8, sizeof last);
    left *= weights;
    right *= last;
    const four low = SHUFFLED(left, left, 0, 1, 2, 3), high = SHUFFLED(left, left, 4, 5, 6, 7);
    return low + SHUFFLED(low, high, 3, 4, 5, 5) + SHUFFLED(high, right, 2, 3, 4, 4) + SHUFFLED(right, right, 1, 2, 3, 3);
}

/* The same where some of them lie beyond the border, whose pixels then stand for them. */
static four NAME(cubic_at_border)(const float *past, int width, int height, int column, int row, const float *across,
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
static void NAME(enlarge)(const struct maps *maps, int y, const struct picture *picture, const struct scratch *scratch)
{
    int above;
    const float share = between_rows(y, picture->height, maps->height, &above);
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

static inline void NAME(mix)(four was, const float *styled, float weight, float *mixed)
{
    four is;
    memcpy(&is, styled, sizeof is);
    is += weight * (was - is);
    memcpy(mixed, &is, sizeof is); /* the next pixel writes over the fourth value */
}

/* Where in the past each pixel of a row is looked up: the first of its 4 x 4 neighbours, its fractions of a pixel across
 * and down, and whether it stands still, moves within the picture, or reaches beyond the border. */
static __attribute__((noinline)) void NAME(locate)(
    int y, int width, int height, const float *restrict across, const float *restrict down, int32_t *restrict columns,
    int32_t *restrict rows, int32_t *restrict kinds)
{
    const uint32_t last_column = (uint32_t)(width - 4), last_row = (uint32_t)(height - 4);
    const int is_large = width >= 4 && height >= 4;

    for (int x = 0; x < width; x++) {
        const int32_t right = nearest(across[x] * FRACTIONS), under = nearest(down[x] * FRACTIONS);
        const int32_t column = x * FRACTIONS + right, row = y * FRACTIONS + under;
        const uint32_t first_column = (uint32_t)((column >> FRACTION_BITS) - 1); /* below 0 it is huge */
        const uint32_t first_row = (uint32_t)((row >> FRACTION_BITS) - 1);
        const int is_inside = is_large & (first_column <= last_column) & (first_row <= last_row);
        columns[x] = column;
        rows[x] = row;
        kinds[x] = (right | under) == 0 ? STILL : is_inside ? INSIDE : AT_BORDER;
    }
}

/* out = painted + weight * (past along the flow - painted) in rows. */
static void NAME(blend)(const struct picture *picture, const struct maps *maps, int first, int end,
                        const struct scratch *scratch)
{
    const int width = picture->width, height = picture->height;
    const size_t stride = (size_t)width * 3;
    float *restrict styled = scratch->styled, *restrict mixed = scratch->mixed;
    const float *weight = scratch->weight, *whole_past = picture->past;
    const int32_t *columns = scratch->columns, *rows = scratch->rows, *kinds = scratch->kinds;
    const float most = (float)(SAMPLE)~(SAMPLE)0;
    const four bottom = {0}, top = {most, most, most, most};

    for (int y = first; y < end; y++) {
        const size_t start = (size_t)y * stride;
        const float *past = whole_past + start;
        const SAMPLE *restrict painted = (const SAMPLE *)picture->painted + start;

        NAME(enlarge)(maps, y, picture, scratch);
        memcpy(picture->weight + (size_t)y * width, weight, width * sizeof(float));
        NAME(locate)(y, width, height, scratch->across, scratch->down, scratch->columns, scratch->rows, scratch->kinds);
        for (int i = 0; i < 3 * width; i++)
            styled[i] = painted[i];

        scratch->kinds[width] = NONE;
        for (int x = 0; x < width;) {
            for (; kinds[x] == STILL; x++) {
                four was;
                if (x + 1 < width)
                    memcpy(&was, past + 3 * x, sizeof was); /* the fourth value is the next pixel's */
                else
                    was = (four){past[3 * x], past[3 * x + 1], past[3 * x + 2], 0};
                NAME(mix)(was, styled + 3 * x, weight[x], mixed + 3 * x);
            }
            for (; kinds[x] == INSIDE; x++) {
                const size_t row = (size_t)((rows[x] >> FRACTION_BITS) - 1);
                const float *place = whole_past + row * stride + 3 * ((columns[x] >> FRACTION_BITS) - 1);
                four was = NAME(cubic)(place, stride, cubic_across[columns[x] & (FRACTIONS - 1)],
                                       cubic[rows[x] & (FRACTIONS - 1)]);
                was = between(was, bottom, top); /* the cubic overshoots beside edges */
                NAME(mix)(was, styled + 3 * x, weight[x], mixed + 3 * x);
            }
            for (; kinds[x] == AT_BORDER; x++) {
                four was = NAME(cubic_at_border)(whole_past, width, height, (columns[x] >> FRACTION_BITS) - 1,
                                                 (rows[x] >> FRACTION_BITS) - 1,
                                                 cubic_across[columns[x] & (FRACTIONS - 1)],
                                                 cubic[rows[x] & (FRACTIONS - 1)]);
                was = between(was, bottom, top);
                NAME(mix)(was, styled + 3 * x, weight[x], mixed + 3 * x);
            }
        }
        memcpy(picture->out + start, mixed, stride * sizeof(float));
    }
}

/* shown = out + amount * weight * (luma - blurred) in rows. */
static void NAME(sharpen)(const struct picture *picture, float amount, int first, int end,
                          const struct scratch *scratch)
{
    const int width = picture->width, height = picture->height;
    float *lumas[3] = {scratch->across, scratch->down, scratch->weight}, *restrict sum = scratch->styled;
    const float top = (float)(SAMPLE)~(SAMPLE)0;

    for (int y = first - 1; y <= end; y++) {
        float *below = lumas[(y + 3) % 3];
        const float *out = picture->out + (size_t)mirrored(y, height) * width * 3;
        for (int x = 0; x < width; x++)
            below[x] = LUMA_OF_RED * out[3 * x] + LUMA_OF_GREEN * out[3 * x + 1] + LUMA_OF_BLUE * out[3 * x + 2];
        const int here = y - 1; /* the row whose neighbours are known by now */
        if (here < first)
            continue;
        const float *above = lumas[(y + 1) % 3], *luma = lumas[(y + 2) % 3];
        for (int x = 0; x < width; x++)
            sum[x + 1] = above[x] + 2 * luma[x] + below[x];
        sum[0] = sum[1 + mirrored(-1, width)];
        sum[width + 1] = sum[1 + mirrored(width, width)];

        const size_t start = (size_t)here * width;
        const float *weight = picture->weight + start;
        float *missing = sum; /* each value is read before its place is written */
        for (int x = 0; x < width; x++)
            missing[x] = amount * weight[x] * (luma[x] - (sum[x] + 2 * sum[x + 1] + sum[x + 2]) / 16);
        out = picture->out + 3 * start;
        SAMPLE *shown = (SAMPLE *)picture->shown + 3 * start;
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++) {
                const float value = out[3 * x + c] + missing[x];
                shown[3 * x + c] = (SAMPLE)(int32_t)((value < 0 ? 0 : value > top ? top : value) + 0.5f);
            }
    }
}

/* Mean slopes of luma in some rows: of what is painted, of its average with the past, and what that gains by sharpening
 * with an amount of 1. Four rows below each other, `every` rows apart; the outermost are only looked at for the blur. */
static void NAME(slopes)(const struct picture *picture, int every, const struct scratch *scratch, double *slopes)
{
    const int width = picture->width, height = picture->height;
    const size_t row = (size_t)width;
    float *painted[2] = {scratch->across, scratch->down}, *lengths = scratch->weight, *sum = scratch->fractions;
    float *averaged[4] = {scratch->styled, scratch->styled + row, scratch->styled + 2 * row, scratch->mixed};
    float *sharpened[2] = {scratch->mixed + row, scratch->mixed + 2 * row};
    size_t count = 0;

    slopes[0] = slopes[1] = slopes[2] = 0;
    for (int first = 0; first < height - 3; first += every, count += row - 3) {
        for (int k = 0; k < 4; k++) {
            const float *out = picture->out + (size_t)(first + k) * row * 3;
            for (int x = 0; x < width; x++)
                averaged[k][x] = LUMA_OF_RED * out[3 * x] + LUMA_OF_GREEN * out[3 * x + 1] + LUMA_OF_BLUE * out[3 * x + 2];
        }
        for (int k = 0; k < 2; k++) {
            const size_t start = (size_t)(first + 1 + k) * row;
            const SAMPLE *samples = (const SAMPLE *)picture->painted + 3 * start;
            const float *weight = picture->weight + start, *luma = averaged[k + 1];
            for (int x = 0; x < width; x++)
                painted[k][x] = LUMA_OF_RED * (float)samples[3 * x] + LUMA_OF_GREEN * (float)samples[3 * x + 1] +
                                LUMA_OF_BLUE * (float)samples[3 * x + 2];
            for (int x = 0; x < width; x++)
                sum[x] = averaged[k][x] + 2 * luma[x] + averaged[k + 2][x];
            for (int x = 1; x < width - 1; x++)
                sharpened[k][x] = luma[x] + weight[x] * (luma[x] - (sum[x - 1] + 2 * sum[x] + sum[x + 1]) / 16);
        }
        const float *pairs[3][2] = {
            {painted[0], painted[1]}, {averaged[1], averaged[2]}, {sharpened[0], sharpened[1]}};
        for (int which = 0; which < 3; which++) {
            const float *above = pairs[which][0], *below = pairs[which][1];
            for (int x = 1; x < width - 2; x++) {
                const float across = above[x + 1] - above[x], down = below[x] - above[x];
                lengths[x] = sqrtf(across * across + down * down);
            }
            double total = 0; /* one after the other: the same however wide the vectors are */
            for (int x = 1; x < width - 2; x++)
                total += lengths[x];
            slopes[which] += total;
        }
    }
    for (int which = 0; which < 3; which++)
        slopes[which] /= count ? (double)count : 1;
}
