// What a layer does to its strips besides the products: activation, batch normalisation, dropout, softmax with cross-entropy.
// Forward and backward stand together. Included once per level, inside that level's namespace. nn/ has the same formulas in float64.
#pragma once

template <Activation kind>
inline vec activate(vec y) {
    if constexpr (kind == Activation::relu) return choose(y <= 0.0f, vec{}, y);  // NaN stays NaN: a diverged network must not look dead
    if constexpr (kind == Activation::leaky_relu) return choose(y <= 0.0f, y * 0.01f, y);
    if constexpr (kind == Activation::tanh) return 1.0f - 2.0f / (exponential(y + y) + 1.0f);
    if constexpr (kind == Activation::sigmoid) return 1.0f / (1.0f + exponential(-y));
    return y;
}

// The activation's derivative at y, given a = activate(y).
template <Activation kind>
inline vec slope(vec y, vec a) {
    if constexpr (kind == Activation::relu) return choose(y > 0.0f, broadcast(1.0f), vec{});
    if constexpr (kind == Activation::leaky_relu) return choose(y > 0.0f, broadcast(1.0f), broadcast(0.01f));
    if constexpr (kind == Activation::tanh) return 1.0f - a * a;
    if constexpr (kind == Activation::sigmoid) return a * (1.0f - a);
    return broadcast(1.0f);
}

template <Activation kind>
struct Kind {
    static constexpr Activation value = kind;
};

template <typename F>
inline void with_activation(Activation kind, const F& f) {
    switch (kind) {
        case Activation::identity: return f(Kind<Activation::identity>{});
        case Activation::relu: return f(Kind<Activation::relu>{});
        case Activation::leaky_relu: return f(Kind<Activation::leaky_relu>{});
        case Activation::tanh: return f(Kind<Activation::tanh>{});
        case Activation::sigmoid: return f(Kind<Activation::sigmoid>{});
    }
}

// sigmoid(0) = 1/2 would let padded columns in: `columns` of the strip are real, the others become zero.
inline void clear_padding(float* a, int m, int columns) {
    for (int row = 0; row < m; ++row)
        for (int j = columns; j < strip; ++j) a[row * strip + j] = 0.0f;
}

// Mean and biased variance of each column of z (m, 16), and z normalised in place:  z <- (z - mean) / sqrt(variance + epsilon).
inline void normalise_forward(float* z, int m, float epsilon, float* mean, float* variance, float* inverse) {
    for (int v = 0; v < strip; v += lanes) {
        vec sum[4] = {vec{}, vec{}, vec{}, vec{}};  // four sums hide the latency of an addition
        int row = 0;
        for (; row + 4 <= m; row += 4)
            for (int u = 0; u < 4; ++u) sum[u] += load(z + (row + u) * strip + v);
        for (; row < m; ++row) sum[0] += load(z + row * strip + v);
        const vec mu = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / static_cast<float>(m);
        for (auto& s : sum) s = vec{};
        for (row = 0; row + 4 <= m; row += 4)
            for (int u = 0; u < 4; ++u) {
                const vec centred = load(z + (row + u) * strip + v) - mu;
                sum[u] += centred * centred;
            }
        for (; row < m; ++row) {
            const vec centred = load(z + row * strip + v) - mu;
            sum[0] += centred * centred;
        }
        const vec var = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / static_cast<float>(m);
        vec inv;
        for (int j = 0; j < lanes; ++j) inv[j] = 1.0f / __builtin_sqrtf(var[j] + epsilon);
        for (row = 0; row < m; ++row) store(z + row * strip + v, (load(z + row * strip + v) - mu) * inv);
        store(mean + v, mu);
        store(variance + v, var);
        store(inverse + v, inv);
    }
}

// d (m, 16) is the gradient of y = gamma * normalised + beta and becomes that of z:
//   dgamma = sum dy * normalised      dbeta = sum dy
//   dz = gamma * inverse * (dy - dbeta / m - normalised * dgamma / m)       (through mean and variance; Ioffe and Szegedy 2015)
inline void normalise_backward(float* d, const float* normalised, int m, const float* gamma, const float* inverse, float* dgamma,
                               float* dbeta) {
    for (int v = 0; v < strip; v += lanes) {
        vec g[2] = {vec{}, vec{}}, b[2] = {vec{}, vec{}};
        int row = 0;
        for (; row + 2 <= m; row += 2)
            for (int u = 0; u < 2; ++u) {
                const vec dy = load(d + (row + u) * strip + v);
                g[u] += dy * load(normalised + (row + u) * strip + v);
                b[u] += dy;
            }
        for (; row < m; ++row) {
            const vec dy = load(d + row * strip + v);
            g[0] += dy * load(normalised + row * strip + v);
            b[0] += dy;
        }
        const vec sum_g = g[0] + g[1], sum_b = b[0] + b[1];
        store(dgamma + v, sum_g);
        store(dbeta + v, sum_b);
        const vec scale = load(gamma + v) * load(inverse + v);
        const vec mean_g = sum_g / static_cast<float>(m), mean_b = sum_b / static_cast<float>(m);
        for (row = 0; row < m; ++row) {
            const vec dy = load(d + row * strip + v);
            store(d + row * strip + v, scale * (dy - mean_b - load(normalised + row * strip + v) * mean_g));
        }
    }
}

// a = activation(scale * z + shift), column by column.
template <Activation kind>
inline void activate_forward(const float* z, int m, const float* scale, const float* shift, float* a) {
    for (int v = 0; v < strip; v += lanes) {
        const vec s = load(scale + v), t = load(shift + v);
        for (int row = 0; row < m; ++row) store(a + row * strip + v, activate<kind>(load(z + row * strip + v) * s + t));
    }
}

// d <- d * activation'(scale * z + shift)
template <Activation kind>
inline void activate_backward(float* d, const float* z, const float* a, int m, const float* scale, const float* shift) {
    for (int v = 0; v < strip; v += lanes) {
        const vec s = load(scale + v), t = load(shift + v);
        for (int row = 0; row < m; ++row) {
            const int at = row * strip + v;
            store(d + at, load(d + at) * slope<kind>(load(z + at) * s + t, load(a + at)));
        }
    }
}

// Inverted dropout: a unit is kept with probability 1 - p and then divided by it. One block of the generator decides a strip row.
inline void dropout_forward(const float* a, int m, Key key, uint64_t step, int layer, int which_strip, uint32_t threshold, float keep_scale,
                            float* mask, float* out) {
    for (int row = 0; row < m; ++row) {
        const Block random = philox(key, static_cast<uint64_t>(row), static_cast<uint64_t>(which_strip), static_cast<uint64_t>(layer), step);
        for (int j = 0; j < strip; ++j) {
            const uint32_t number = (random.v[j / 4] >> (16 * (j % 4))) & 0xFFFFu;
            mask[row * strip + j] = number >= threshold ? keep_scale : 0.0f;
        }
        for (int j = 0; j < strip; ++j) out[row * strip + j] = a[row * strip + j] * mask[row * strip + j];
    }
}

inline void dropout_backward(float* d, const float* mask, int m) {
    for (int i = 0; i < m * strip; i += lanes) store(d + i, load(d + i) * load(mask + i));
}

inline void column_sums(const float* d, int m, float* sums) {
    for (int v = 0; v < strip; v += lanes) {
        vec sum{};
        for (int row = 0; row < m; ++row) sum += load(d + row * strip + v);
        store(sums + v, sum);
    }
}

// The largest logit of a row, and the sum of e**(logit - largest), which replace the logits; z's strips are m * 16 floats apart.
// Padded columns become exactly 0.
inline void softmax_row(float* z, size_t z_strip, int n, float* largest, float* sum) {
    vec top = broadcast(-__builtin_inff());
    const int strips = (n + strip - 1) / strip;
    ivec lane;
    for (int j = 0; j < lanes; ++j) lane[j] = j;
    for (int p = 0; p < strips; ++p)
        for (int v = 0; v < strip; v += lanes) {
            const vec logit = choose(lane + (p * strip + v) < n, load(z + p * z_strip + v), broadcast(-__builtin_inff()));
            top = choose(logit > top, logit, top);
        }
    float max = top[0];
    for (int j = 1; j < lanes; ++j) max = top[j] > max ? top[j] : max;
    vec total{};
    for (int p = 0; p < strips; ++p)
        for (int v = 0; v < strip; v += lanes) {
            const vec e = choose(lane + (p * strip + v) < n, exponential(load(z + p * z_strip + v) - max), vec{});
            store(z + p * z_strip + v, e);
            total += e;
        }
    float s = total[0];
    for (int j = 1; j < lanes; ++j) s += total[j];
    *largest = max;
    *sum = s;
}

// Logits z (m, n) become their gradient (p - y) / m; returns the summed cross-entropy, log(sum e**z) - z_y.
inline double softmax_backward(float* z, int m, int n, const int32_t* y, const uint32_t* rows) {
    const size_t z_strip = static_cast<size_t>(m) * strip;
    double loss = 0.0;
    for (int row = 0; row < m; ++row) {
        float* logits = z + row * strip;
        const int32_t label = y[rows[row]];
        float* own = logits + (label / strip) * z_strip + label % strip;
        const float own_logit = *own;
        float largest, sum;
        softmax_row(logits, z_strip, n, &largest, &sum);
        loss += static_cast<double>(__builtin_logf(sum)) - static_cast<double>(own_logit - largest);
        const vec scale = broadcast(1.0f / (sum * static_cast<float>(m)));
        for (int p = 0; p < n; p += strip)
            for (int v = 0; v < strip; v += lanes) {
                float* at = logits + (p / strip) * z_strip + v;
                store(at, load(at) * scale);
            }
        *own -= 1.0f / static_cast<float>(m);
    }
    return loss;
}
