/* The loops over pictures, once for each type of SAMPLE and each instruction set: NAME(f) makes their names. */

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

        OF_SET(enlarge)(maps, y, picture, scratch);
        memcpy(picture->weight + (size_t)y * width, weight, width * sizeof(float));
        OF_SET(locate)(y, width, height, scratch->across, scratch->down, scratch->columns, scratch->rows, scratch->kinds);
        for (int i = 0; i < 3 * width; i++)
            styled[i] = painted[i];

        scratch->kinds[width] = END;
        for (int x = 0; x < width;) {
            for (; kinds[x] == STILL; x++) {
                four was;
                if (x + 1 < width)
                    memcpy(&was, past + 3 * x, sizeof was); /* the fourth value is the next pixel's */
                else
                    was = (four){past[3 * x], past[3 * x + 1], past[3 * x + 2], 0};
                OF_SET(mix)(was, styled + 3 * x, weight[x], mixed + 3 * x);
            }
            for (; kinds[x] == INSIDE; x++) {
                const size_t row = (size_t)((rows[x] >> FRACTION_BITS) - 1);
                const float *place = whole_past + row * stride + 3 * ((columns[x] >> FRACTION_BITS) - 1);
                four was = OF_SET(sum_of_16)(place, stride, weights_across[columns[x] & (FRACTIONS - 1)],
                                       weights_down[rows[x] & (FRACTIONS - 1)]);
                was = between(was, bottom, top); /* the cubic overshoots beside edges */
                OF_SET(mix)(was, styled + 3 * x, weight[x], mixed + 3 * x);
            }
            for (; kinds[x] == AT_BORDER; x++) {
                four was = OF_SET(sum_at_border)(whole_past, width, height, (columns[x] >> FRACTION_BITS) - 1,
                                                 (rows[x] >> FRACTION_BITS) - 1,
                                                 weights_across[columns[x] & (FRACTIONS - 1)],
                                                 weights_down[rows[x] & (FRACTIONS - 1)]);
                was = between(was, bottom, top);
                OF_SET(mix)(was, styled + 3 * x, weight[x], mixed + 3 * x);
            }
        }
        memcpy(picture->out + start, mixed, stride * sizeof(float)); /* which has no room for the last fourth value */
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
    const size_t row = (size_t)width, room = row + PADDING;
    float *painted[2] = {scratch->across, scratch->down}, *lengths = scratch->weight, *sum = scratch->fractions;
    /* `styled` and `mixed` have three rows each */
    float *averaged[4] = {scratch->styled, scratch->styled + room, scratch->styled + 2 * room, scratch->mixed};
    float *sharpened[2] = {scratch->mixed + room, scratch->mixed + 2 * room};
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
