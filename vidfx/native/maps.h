/* The loops over the maps of motion, once for each instruction set. */

/* A map's mean over a square of 2 * reach + 1 pixels, mirrored beyond the border: `reach` is less than the map's sides and
 * than half of PADDING. `sums`: memory for a row. */
static void OF_SET(mean)(const float *map, int width, int height, int reach, float *sums, float *mean)
{
    const float share = 1.0f / (float)((2 * reach + 1) * (2 * reach + 1));
    float *row = sums + PADDING / 2; /* with room for `reach` on both sides */

    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            row[x] = 0;
        for (int k = -reach; k <= reach; k++) {
            const float *from = map + (size_t)mirrored(y + k, height) * width;
            for (int x = 0; x < width; x++)
                row[x] += from[x];
        }
        for (int k = 1; k <= reach; k++) {
            row[-k] = row[mirrored(-k, width)];
            row[width - 1 + k] = row[mirrored(width - 1 + k, width)];
        }
        float *to = mean + (size_t)y * width;
        for (int x = 0; x < width; x++)
            to[x] = row[x] * share;
        for (int k = 1; k <= reach; k++)
            for (int x = 0; x < width; x++)
                to[x] += (row[x - k] + row[x + k]) * share;
    }
}

/* |difference across|² + |difference down|² of one direction of the flow, by Sobel's kernels over 8. */
static inline float OF_SET(steepness)(const float *above, const float *here, const float *below, int x)
{
    const float across = above[x + 1] - above[x - 1] + 2 * (here[x + 1] - here[x - 1]) + below[x + 1] - below[x - 1];
    const float down = below[x - 1] - above[x - 1] + 2 * (below[x] - above[x]) + below[x + 1] - above[x + 1];
    return (across * across + down * down) / 64;
}

static __attribute__((noinline)) void OF_SET(agree_in_row)(
    const struct flows *flows, int y, const float *restrict x_above, const float *restrict x_of,
    const float *restrict x_below, const float *restrict y_above, const float *restrict y_of,
    const float *restrict y_below, const float *restrict home, float *restrict sure)
{
    const int width = flows->width;
    const float area = flows->area, slack = flows->slack, right = (float)width - 0.5f;
    const float low = -0.5f - (float)y, high = (float)flows->height - 0.5f - (float)y;
    const float end = flows->edge_end, over = 1 / (flows->edge_end - flows->edge_start);

    for (int x = 0; x < width; x++) {
        const float steep = OF_SET(steepness)(x_above, x_of, x_below, x) + OF_SET(steepness)(y_above, y_of, y_below, x);
        const float there_x = x_of[x], there_y = y_of[x], home_x = home[2 * x], home_y = home[2 * x + 1];
        const float apart_x = there_x + home_x, apart_y = there_y + home_y;
        const float length = (there_x * there_x + there_y * there_y) * area;
        const float bound = 0.01f * (length + (home_x * home_x + home_y * home_y) * area) + slack;
        const float place = there_x + (float)x;
        float trust = (end - steep / (0.01f * length + 0.002f)) * over;
        trust = trust < 0 ? 0 : trust > 1 ? 1 : trust;
        trust = (apart_x * apart_x + apart_y * apart_y) * area <= bound ? trust : 0;
        trust = place >= -0.5f ? trust : 0;
        trust = place <= right ? trust : 0;
        trust = there_y >= low ? trust : 0;
        sure[x] = there_y <= high ? trust : 0;
    }
}

static void OF_SET(agree)(const struct flows *flows, float *memory, float *trust)
{
    const int width = flows->width, height = flows->height;
    const size_t row = (size_t)width + PADDING;
    float *rows[2][3], *sure = memory + 6 * row;

    for (int y = -1; y <= height; y++) {
        const float *flow = flows->flow + (size_t)mirrored(y, height) * width * 2;
        for (int c = 0; c < 2; c++) { /* the last three rows of each direction, with a border as in a mirror */
            float *to = memory + (3 * c + (y + 3) % 3) * row + 1;
            for (int x = 0; x < width; x++)
                to[x] = flow[2 * x + c];
            to[-1] = to[mirrored(-1, width)];
            to[width] = to[mirrored(width, width)];
            for (int k = 0; k < 3; k++)
                rows[c][k] = memory + (3 * c + (y + 1 + k) % 3) * row + 1;
        }
        if (y >= 1)
            OF_SET(agree_in_row)(flows, y - 1, rows[0][0], rows[0][1], rows[0][2], rows[1][0], rows[1][1], rows[1][2],
                               flows->home + (size_t)(y - 1) * width * 2, sure + (size_t)(y - 1) * width);
    }
    OF_SET(mean)(sure, width, height, flows->soft / 2, memory, trust);
}

/* Adds a row's share of the sums. A function of its own: only of parameters GCC believes that they do not overlap. */
static __attribute__((noinline)) void OF_SET(products)(
    const float *restrict a, const float *restrict b, const float *restrict c, const uint8_t *restrict here,
    const uint8_t *restrict there, float share, int width, float *restrict xx, float *restrict xy, float *restrict yy,
    float *restrict xe, float *restrict ye)
{
    for (int x = 0; x < width; x++) { /* Scharr's kernels, over 32 */
        const float left_side = 3 * (a[x - 1] + c[x - 1]) + 10 * b[x - 1];
        const float right_side = 3 * (a[x + 1] + c[x + 1]) + 10 * b[x + 1];
        const float across = (right_side - left_side) / 32;
        const float down = (3 * (c[x - 1] - a[x - 1] + c[x + 1] - a[x + 1]) + 10 * (c[x] - a[x])) / 32;
        const float left = (float)here[x] - (float)there[x];
        xx[x] += share * across * across;
        xy[x] += share * across * down;
        yy[x] += share * down * down;
        xe[x] += share * across * left;
        ye[x] += share * down * left;
    }
}

/* Σ (g gᵀ + r) d = Σ g e, solved for d in each pixel of a map; the sums first over what a pixel of the map covers. */
static void OF_SET(refine)(const struct pair *pair, float *memory, float *step)
{
    const int width = pair->width, height = pair->height, map_width = pair->map_width, map_height = pair->map_height;
    const size_t row = (size_t)width + PADDING, map = (size_t)map_width * map_height;
    float *plane = memory + 1, *sums = memory + ((size_t)height + 2) * row, *maps = sums + PRODUCTS * row;
    float *means = maps + PRODUCTS * map, *shares = means + PRODUCTS * map;

    /* The mean of both pictures, whose slope is right to second order, with a border as in a mirror. */
    for (int y = -1; y <= height; y++) {
        const size_t start = (size_t)mirrored(y, height) * width;
        const uint8_t *here = pair->start + start, *there = pair->found + start;
        float *to = plane + (size_t)(y + 1) * row;
        for (int x = 0; x < width; x++)
            to[x] = 0.5f * ((float)here[x] + (float)there[x]);
        to[-1] = to[mirrored(-1, width)];
        to[width] = to[mirrored(width, width)];
    }
    for (int x = 0; x < map_width; x++)
        covered(x, map_width, width, shares + COVERED * x);

    for (int y = 0; y < map_height; y++) {
        float shares_down[COVERED];
        const int first = covered(y, map_height, height, shares_down);
        memset(sums, 0, PRODUCTS * row * sizeof(float));
        for (int k = 0; k < COVERED && shares_down[k] > 0; k++) {
            const float *b = plane + (size_t)(first + k + 1) * row;
            const uint8_t *here = pair->start + (size_t)(first + k) * width;
            const uint8_t *there = pair->found + (size_t)(first + k) * width;
            OF_SET(products)(b - row, b, b + row, here, there, shares_down[k], width, sums, sums + row, sums + 2 * row,
                           sums + 3 * row, sums + 4 * row);
        }
        for (int p = 0; p < PRODUCTS; p++) {
            const float *of = sums + p * row;
            float *to = maps + p * map + (size_t)y * map_width;
            if (width == 2 * map_width)
                for (int x = 0; x < map_width; x++)
                    to[x] = 0.5f * (of[2 * x] + of[2 * x + 1]);
            else
                for (int x = 0; x < map_width; x++) {
                    const float *from = of + covered_from(x, map_width, width);
                    const float *share = shares + COVERED * x;
                    to[x] = from[0] * share[0] + from[1] * share[1] + from[2] * share[2];
                }
        }
    }
    for (int p = 0; p < PRODUCTS; p++)
        OF_SET(mean)(maps + p * map, map_width, map_height, pair->window / 2, sums, means + p * map);
    for (size_t i = 0; i < map; i++) {
        const float *of = means + i, xx = of[0] + pair->regular, xy = of[map], yy = of[2 * map] + pair->regular;
        const float xe = of[3 * map], ye = of[4 * map], over = 1 / (xx * yy - xy * xy), most = pair->most;
        const float x = (yy * xe - xy * ye) * over, y = (xx * ye - xy * xe) * over;
        step[2 * i] = x < -most ? -most : x > most ? most : x;
        step[2 * i + 1] = y < -most ? -most : y > most ? most : y;
    }
}
