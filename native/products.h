// The three matrix products of a dense layer, on strips. Included once per level, inside that level's namespace.
//
//   forward    z  = x w          (m, n_out) = (m, n_in) (n_in, n_out)
//   backward   dx = dz w^T       the same product with w transposed once a step
//              dw = x^T dz       (n_in, n_out) = (n_in, m) (m, n_out)
//
// The slow version stands first and is what the scalar level runs; the fast one is tested against it. It keeps a block of up to
// `block_rows` rows of one strip in registers: a row's element is broadcast, the other operand is streamed a strip row (64 bytes) at a
// time, in order. The inner dimension is cut into pieces of `depth` rows of w (16 KiB), which stay in the first cache level while
// all rows of x pass by.
#pragma once

// out (m, 16) = x (m, 16 * strips) times one strip of w (16 * strips, 16); x's strips are m * 16 floats apart.
inline void product_slow(const float* x, int m, const float* w, int strips, float* out) {
    for (int row = 0; row < m; ++row)
        for (int j = 0; j < strip; ++j) {
            float sum = 0.0f;
            for (int p = 0; p < strips; ++p)
                for (int i = 0; i < strip; ++i) sum += x[(p * m + row) * strip + i] * w[(p * strip + i) * strip + j];
            out[row * strip + j] = sum;
        }
}

// dw (16, 16) = x^T (16, m) dz (m, 16), both one strip.
inline void outer_slow(const float* x, const float* dz, int m, float* dw) {
    for (int i = 0; i < strip; ++i)
        for (int j = 0; j < strip; ++j) {
            float sum = 0.0f;
            for (int row = 0; row < m; ++row) sum += x[row * strip + i] * dz[row * strip + j];
            dw[i * strip + j] = sum;
        }
}

constexpr int block_rows = CAVIAR_BLOCK_ROWS;
constexpr int depth = 256;

// `rows` rows of the product; `add`: out +=, for the pieces of the inner dimension after the first.
template <int rows>
inline void product_block(const float* x, size_t x_strip, const float* w, int strips, float* out, bool add) {
    vec sum[rows][vectors];
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) sum[r][v] = add ? load(out + r * strip + v * lanes) : vec{};
    for (int p = 0; p < strips; ++p, x += x_strip, w += strip * strip)
#pragma GCC unroll 16
        for (int i = 0; i < strip; ++i) {
            vec row_of_w[vectors];
            for (int v = 0; v < vectors; ++v) row_of_w[v] = load(w + i * strip + v * lanes);
            for (int r = 0; r < rows; ++r) {
                const vec element = broadcast(x[r * strip + i]);
                for (int v = 0; v < vectors; ++v) sum[r][v] += element * row_of_w[v];
            }
        }
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) store(out + r * strip + v * lanes, sum[r][v]);
}

template <int rows>
inline void outer_block(const float* x, const float* dz, int m, float* dw) {
    vec sum[rows][vectors];
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) sum[r][v] = vec{};
    for (int row = 0; row < m; ++row, x += strip, dz += strip) {
        vec row_of_dz[vectors];
        for (int v = 0; v < vectors; ++v) row_of_dz[v] = load(dz + v * lanes);
        for (int r = 0; r < rows; ++r) {
            const vec element = broadcast(x[r]);
            for (int v = 0; v < vectors; ++v) sum[r][v] += element * row_of_dz[v];
        }
    }
    for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) store(dw + r * strip + v * lanes, sum[r][v]);
}

// Calls f(constant) for the number of rows of a block, which the compiler needs to know to keep the block in registers.
template <int rows, typename F>
inline void with_rows(int n, const F& f) {
    if constexpr (rows > 0) {
        if (n == rows)
            f(Constant<rows>{});
        else
            with_rows<rows - 1>(n, f);
    }
}

// Cuts m rows into blocks of nearly equal size, none above block_rows: 32 rows are 5, 5, 5, 5, 6, 6 and not 6, 6, 6, 6, 6, 2.
template <typename F>
inline void in_blocks(int m, const F& f) {
    const int blocks = (m + block_rows - 1) / block_rows;
    for (int b = 0, start = 0; b < blocks; ++b) {
        const int size = (m - start) / (blocks - b);
        with_rows<block_rows>(size, [&](auto constant) { f(start, constant); });
        start += size;
    }
}

inline void product(const float* x, int m, const float* w, int strips, float* out) {
    if constexpr (lanes == 1) {
        product_slow(x, m, w, strips, out);
    } else {
        const size_t x_strip = static_cast<size_t>(m) * strip;
        for (int p = 0; p < strips; p += depth / strip) {
            const int piece = strips - p < depth / strip ? strips - p : depth / strip;
            in_blocks(m, [&](int start, auto rows) {
                product_block<rows.value>(x + p * x_strip + start * strip, x_strip, w + p * strip * strip, piece, out + start * strip,
                                          p > 0);
            });
        }
    }
}

inline void outer(const float* x, const float* dz, int m, float* dw) {
    if constexpr (lanes == 1)
        outer_slow(x, dz, m, dw);
    else
        in_blocks(strip, [&](int start, auto rows) { outer_block<rows.value>(x + start, dz, m, dw + start * strip); });
}

// wt (n_out, n_in) in strips of input columns from w (n_in, n_out) in strips of output columns.
inline void transpose(const float* w, int padded_in, int padded_out, float* wt) {
    for (int q = 0; q < padded_out; q += strip)
        for (int p = 0; p < padded_in; p += strip) {
            const float* from = w + static_cast<size_t>(q) * padded_in + p * strip;
            float* to = wt + static_cast<size_t>(p) * padded_out + q * strip;
            for (int i = 0; i < strip; i += lanes)
                for (int j = 0; j < strip; j += lanes) {
                    vec rows[lanes];
                    for (int r = 0; r < lanes; ++r) rows[r] = load(from + (i + r) * strip + j);
                    transpose_square(rows);
                    for (int r = 0; r < lanes; ++r) store(to + (j + r) * strip + i, rows[r]);
                }
        }
}
