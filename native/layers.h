// The work of a layer on its strips besides the products: activation, batch normalisation, dropout, softmax with cross-entropy.
// Forward and backward stand together. Included once per level, inside that level's namespace. nn/ has the same formulas in float64.
#pragma once

// The share of a standard normal distribution below y.
inline vec normal_share(vec y) { return 0.5f * (1.0f + error_function(y * 0.70710678118654752f)); }

constexpr float selu_alpha = 1.6732632423543772f, selu_scale = 1.0507009873554805f;

// e**y for mish, whose t = tanh(log(1 + e**y)) = n / (n + 2) with n = e**y (e**y + 2): above 20 t is 1, and n would soon overflow.
inline vec mish_exponential(vec y) { return exponential(choose(y > 20.0f, broadcast(20.0f), y)); }

template <Activation kind>
inline vec activate(vec y) {
    if constexpr (kind == Activation::relu) return choose(y <= 0.0f, vec{}, y);  // NaN stays NaN: a diverged network must not look dead
    if constexpr (kind == Activation::leaky_relu) return choose(y <= 0.0f, y * 0.01f, y);
    if constexpr (kind == Activation::tanh) return 1.0f - 2.0f / (exponential(y + y) + 1.0f);
    if constexpr (kind == Activation::sigmoid) return 1.0f / (1.0f + exponential(-y));
    if constexpr (kind == Activation::elu) return choose(y <= 0.0f, exponential(y) - 1.0f, y);
    if constexpr (kind == Activation::gelu) return y * normal_share(y);
    if constexpr (kind == Activation::silu) return y / (1.0f + exponential(-y));
    if constexpr (kind == Activation::mish) {
        const vec e = mish_exponential(y), n = e * (e + 2.0f);
        return y * (n / (n + 2.0f));
    }
    if constexpr (kind == Activation::selu) return choose(y <= 0.0f, (exponential(y) - 1.0f) * (selu_scale * selu_alpha), y * selu_scale);
    return y;
}

// The activation's derivative at y, given a = activate(y).
template <Activation kind>
inline vec slope(vec y, vec a) {
    if constexpr (kind == Activation::relu) return choose(y > 0.0f, broadcast(1.0f), vec{});
    if constexpr (kind == Activation::leaky_relu) return choose(y > 0.0f, broadcast(1.0f), broadcast(0.01f));
    if constexpr (kind == Activation::tanh) return 1.0f - a * a;
    if constexpr (kind == Activation::sigmoid) return a * (1.0f - a);
    if constexpr (kind == Activation::elu) return choose(y > 0.0f, broadcast(1.0f), a + 1.0f);
    if constexpr (kind == Activation::gelu) return normal_share(y) + y * 0.39894228040143268f * exponential(-0.5f * y * y);
    if constexpr (kind == Activation::silu) {
        const vec s = 1.0f / (1.0f + exponential(-y));
        return s + a * (1.0f - s);
    }
    if constexpr (kind == Activation::mish) {
        const vec e = mish_exponential(y), n = e * (e + 2.0f), share = 1.0f / (n + 2.0f);
        return n * share + y * (4.0f * e * (1.0f + e) * share * share);  // t + y (1 - t^2) sigmoid(y)
    }
    if constexpr (kind == Activation::selu) return choose(y > 0.0f, broadcast(selu_scale), a + selu_scale * selu_alpha);
    return broadcast(1.0f);
}

// What a unit gives: the activation, or with `parametric` y + alpha (activation - y). alpha is not read otherwise.
template <Activation kind, bool parametric>
inline vec mixed(vec y, const float* alpha, int v) {
    const vec g = activate<kind>(y);
    if constexpr (parametric) return y + load(alpha + v) * (g - y);
    return g;
}

// The derivative of `mixed` by y, given a = mixed(y); `pull` becomes that by alpha.
template <Activation kind, bool parametric>
inline vec mixed_slope(vec y, vec a, const float* alpha, int v, vec& pull) {
    if constexpr (parametric) {
        const vec share = load(alpha + v), g = activate<kind>(y);
        pull = g - y;
        return 1.0f - share + share * slope<kind>(y, g);
    }
    return slope<kind>(y, a);
}

template <Activation kind, bool is_parametric>
struct Kind {
    static constexpr Activation value = kind;
    static constexpr bool parametric = is_parametric;
};

template <Activation kind, typename F>
inline void with_parametric(bool parametric, const F& f) {
    if (parametric)
        f(Kind<kind, true>{});
    else
        f(Kind<kind, false>{});
}

template <typename F>
inline void with_activation(Activation kind, bool parametric, const F& f) {
    switch (kind) {
        case Activation::identity: return with_parametric<Activation::identity>(parametric, f);
        case Activation::relu: return with_parametric<Activation::relu>(parametric, f);
        case Activation::leaky_relu: return with_parametric<Activation::leaky_relu>(parametric, f);
        case Activation::tanh: return with_parametric<Activation::tanh>(parametric, f);
        case Activation::sigmoid: return with_parametric<Activation::sigmoid>(parametric, f);
        case Activation::elu: return with_parametric<Activation::elu>(parametric, f);
        case Activation::gelu: return with_parametric<Activation::gelu>(parametric, f);
        case Activation::silu: return with_parametric<Activation::silu>(parametric, f);
        case Activation::mish: return with_parametric<Activation::mish>(parametric, f);
        case Activation::selu: return with_parametric<Activation::selu>(parametric, f);
    }
}

// sigmoid(0) = 1/2 would let padded columns in: `columns` of the strip are real, the others become zero.
inline void clear_padding(float* a, int m, int columns) {
    for (int row = 0; row < m; ++row)
        for (int j = columns; j < strip; ++j) a[row * strip + j] = 0.0f;
}

// Input scaling: row i of w (padded_in, padded_out), in strips, times the factor s[i] of input i.
inline void scale_rows(const float* w, const float* s, int padded_in, int padded_out, float* scaled) {
    for (int q = 0; q < padded_out; q += strip, w += padded_in * strip, scaled += padded_in * strip)
        for (int i = 0; i < padded_in; ++i) {
            const vec factor = broadcast(s[i]);
            for (int v = 0; v < strip; v += lanes) store(scaled + i * strip + v, load(w + i * strip + v) * factor);
        }
}

// dw holds dv, the gradient of v = s w, and becomes that of w: dv s. ds (padded_in) = the sum of w dv over a row.
inline void scale_rows_backward(const float* w, const float* s, int padded_in, int padded_out, float* dw, float* ds) {
    for (int q = 0; q < padded_out; q += strip, w += padded_in * strip, dw += padded_in * strip)
        for (int i = 0; i < padded_in; ++i) {
            const vec factor = broadcast(s[i]);
            vec sum{};
            for (int v = 0; v < strip; v += lanes) {
                const vec dv = load(dw + i * strip + v);
                sum += load(w + i * strip + v) * dv;
                store(dw + i * strip + v, dv * factor);
            }
            ds[i] = (q == 0 ? 0.0f : ds[i]) + sum_of_lanes(sum);
        }
}

// Mean and biased variance of each column of z (m, 16), z normalised in place, and what the layer makes of it:
//   z <- (z - mean) / sqrt(variance + epsilon)      a = activation(gamma * z + beta)
template <Activation kind, bool parametric = false>
inline void normalise_forward(float* z, int m, float epsilon, const float* gamma, const float* beta, float* mean, float* variance,
                              float* inverse, float* a, const float* alpha = nullptr) {
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
        const vec inv = 1.0f / square_root(var + epsilon);
        const vec scale = load(gamma + v), shift = load(beta + v);
        for (row = 0; row < m; ++row) {
            const vec normalised = (load(z + row * strip + v) - mu) * inv;
            store(z + row * strip + v, normalised);
            store(a + row * strip + v, mixed<kind, parametric>(normalised * scale + shift, alpha, v));
        }
        store(mean + v, mu);
        store(variance + v, var);
        store(inverse + v, inv);
    }
}

// d (m, 16) is the gradient of a = activation(y), y = gamma * normalised + beta, and becomes that of z:
//   dy = d * activation'(y)      dgamma = sum dy * normalised      dbeta = sum dy
//   dz = gamma * inverse * (dy - dbeta / m - normalised * dgamma / m)       (through mean and variance; Ioffe and Szegedy 2015)
template <Activation kind, bool parametric = false>
inline void normalise_backward(float* d, const float* normalised, const float* a, int m, const float* gamma, const float* beta,
                               const float* inverse, float* dgamma, float* dbeta, const float* alpha = nullptr, float* dalpha = nullptr) {
    for (int v = 0; v < strip; v += lanes) {
        const vec scale = load(gamma + v), shift = load(beta + v);
        vec g[2] = {vec{}, vec{}}, b[2] = {vec{}, vec{}}, shares{};
        const auto take = [&](int row, vec& sum_g, vec& sum_b) {
            const int at = row * strip + v;
            vec pull{};
            const vec normal = load(normalised + at), da = load(d + at);
            const vec dy = da * mixed_slope<kind, parametric>(normal * scale + shift, load(a + at), alpha, v, pull);
            if constexpr (parametric) shares += da * pull;
            store(d + at, dy);
            sum_g += dy * normal;
            sum_b += dy;
        };
        int row = 0;
        for (; row + 2 <= m; row += 2)
            for (int u = 0; u < 2; ++u) take(row + u, g[u], b[u]);
        if (row < m) take(row, g[0], b[0]);
        const vec sum_g = g[0] + g[1], sum_b = b[0] + b[1];
        store(dgamma + v, sum_g);
        store(dbeta + v, sum_b);
        if constexpr (parametric) store(dalpha + v, shares);
        const vec outside = scale * load(inverse + v), mean_g = sum_g / static_cast<float>(m), mean_b = sum_b / static_cast<float>(m);
        for (row = 0; row < m; ++row) {
            const int at = row * strip + v;
            store(d + at, outside * (load(d + at) - mean_b - load(normalised + at) * mean_g));
        }
    }
}

// a = activation(scale * z + shift), column by column.
template <Activation kind, bool parametric = false>
inline void activate_forward(const float* z, int m, const float* scale, const float* shift, float* a, const float* alpha = nullptr) {
    for (int v = 0; v < strip; v += lanes) {
        const vec s = load(scale + v), t = load(shift + v);
        for (int row = 0; row < m; ++row) 
            store(a + row * strip + v, mixed<kind, parametric>(load(z + row * strip + v) * s + t, alpha, v));
    }
}

// d <- d * activation'(scale * z + shift)
template <Activation kind, bool parametric = false>
inline void activate_backward(float* d, const float* z, const float* a, int m, const float* scale, const float* shift,
                              const float* alpha = nullptr, float* dalpha = nullptr) {
    for (int v = 0; v < strip; v += lanes) {
        const vec s = load(scale + v), t = load(shift + v);
        vec shares{};
        for (int row = 0; row < m; ++row) {
            const int at = row * strip + v;
            vec pull{};
            const vec da = load(d + at);
            store(d + at, da * mixed_slope<kind, parametric>(load(z + at) * s + t, load(a + at), alpha, v, pull));
            if constexpr (parametric) shares += da * pull;
        }
        if constexpr (parametric) store(dalpha + v, shares);
    }
}

// Inverted dropout: a unit is kept with probability 1 - p and then divided by it. One block of the generator decides a strip row. The
// multipliers, 0 or 1 / (1 - p), are kept in `mask` for the way back, unless it is null.
inline void dropout_forward(const float* a, int m, Key key, uint64_t step, int layer, int which_strip, uint32_t threshold, float keep_scale,
                            float* mask, float* out) {
    constexpr int group = 16;  // rows whose numbers are drawn before the first is used: a wide load waits for the narrow stores under it
    const ivec least = ivec{} + static_cast<int>(threshold);
    for (int start = 0; start < m; start += group) {
        const int rows = m - start < group ? m - start : group;
        uint64_t words[4 * group];
        for (int row = 0; row < rows; row += 2)  // an odd last row draws one block too many
            philox<2>(key, static_cast<uint64_t>(start + row), static_cast<uint64_t>(which_strip), static_cast<uint64_t>(layer), step,
                      words + 4 * row);
        for (int row = 0; row < rows; ++row)
            for (int v = 0; v < strip; v += lanes) {
                half_words numbers;
                std::memcpy(&numbers, reinterpret_cast<const char*>(words + 4 * row) + 2 * v, sizeof numbers);
                const vec multipliers = choose(__builtin_convertvector(numbers, ivec) >= least, broadcast(keep_scale), vec{});
                const int at = (start + row) * strip + v;
                store(out + at, load(a + at) * multipliers);
                if (mask != nullptr) store(mask + at, multipliers);
            }
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

// Result of a softmax for a group of rows, one row a lane.
struct Softmax {
    vec largest;  // the largest logit
    vec sum;      // of e**(logit - largest)
    vec own;      // the logit of the row's class
    vec all;      // the sum of the logits
    ivec guess;   // the first class with the largest logit
};

// A square of z, `rows` of its rows from column p on, with its columns as vectors; rows that are not there are zero.
inline void load_columns(const float* z, size_t z_strip, int rows, int p, vec* columns) {
    const float* from = z + (p / strip) * z_strip + p % strip;
    for (int r = 0; r < lanes; ++r) columns[r] = r < rows ? load(from + r * strip) : vec{};
    transpose_square(columns);
}

// The softmax of up to `lanes` rows at once: lying in columns they need no sums or maxima across a vector, and no padded column costs an
// exponential. With `keep`, e**(logit - largest) replaces the logits, and padded columns become exactly 0. z's strips are z_strip apart.
template <bool keep>
inline Softmax softmax_rows(float* z, size_t z_strip, int rows, int n, ivec label) {
    vec square[lanes];
    Softmax s{broadcast(-__builtin_inff()), vec{}, vec{}, vec{}, ivec{}};
    for (int p = 0; p < n; p += lanes) {
        load_columns(z, z_strip, rows, p, square);
        for (int j = 0; j < lanes && p + j < n; ++j) {
            const vec logit = square[j];
            const ivec above = logit > s.largest;
            s.guess = above ? ivec{} + (p + j) : s.guess;
            s.largest = choose(above, logit, s.largest);
            s.own = choose(label == p + j, logit, s.own);
            s.all += logit;
        }
    }
    for (int p = 0; p < (keep ? padded(n) : n); p += lanes) {
        float* to = z + (p / strip) * z_strip + p % strip;
        if (p >= n) {
            for (int r = 0; r < rows; ++r) store(to + r * strip, vec{});
            continue;
        }
        load_columns(z, z_strip, rows, p, square);
        for (int j = 0; j < lanes; ++j) {
            square[j] = p + j < n ? exponential(square[j] - s.largest) : vec{};
            s.sum += square[j];
        }
        if (!keep) continue;
        transpose_square(square);
        for (int r = 0; r < lanes; ++r)
            if (r < rows) store(to + r * strip, square[r]);
    }
    return s;
}

// The sum of log(sum e**z) - pull over the rows of a group, `pull` being each row's last term; one logarithm, of the product of the sums,
// serves eight rows, which a double holds.
inline double log_losses(const Softmax& s, vec pull, int rows) {
    double loss = 0.0, sums = 1.0;
    for (int r = 0; r < rows; ++r) {
        loss += static_cast<double>(s.largest[r]) - static_cast<double>(pull[r]);
        sums *= static_cast<double>(s.sum[r]);
        if (r % 8 == 7 || r + 1 == rows) {
            loss += __builtin_log(sums);
            sums = 1.0;
        }
    }
    return loss;
}

// Logits z (m, n) become their gradient w_y (p - target) / m, where the target is 1 - s + s / n for the row's own class and s / n for the
// others (label smoothing s; Szegedy et al. 2016) and w_y the class's weight. Returns the summed loss,
//   w_y (log(sum e**z) - (1 - s) z_y - s mean(z)).
inline double softmax_backward(float* z, int m, int n, Targets y, const uint32_t* rows, float smoothing, const float* weights) {
    const size_t z_strip = static_cast<size_t>(m) * strip;
    const float share = smoothing / static_cast<float>(n);
    double loss = 0.0;
    for (int start = 0; start < m; start += lanes) {
        const int group = m - start < lanes ? m - start : lanes;
        float* logits = z + start * strip;
        ivec label{};
        vec weight = broadcast(1.0f);
        for (int r = 0; r < group; ++r) {
            label[r] = y.classes[rows[start + r]];
            if (weights != nullptr) weight[r] = weights[label[r]];
        }
        const Softmax s = softmax_rows<true>(logits, z_strip, group, n, label);
        const vec pull = smoothing > 0.0f ? (1.0f - smoothing) * s.own + share * s.all : s.own;
        if (weights == nullptr)
            loss += log_losses(s, pull, group);
        else
            for (int r = 0; r < group; ++r)
                loss += static_cast<double>(weight[r]) * (static_cast<double>(s.largest[r]) + __builtin_log(static_cast<double>(s.sum[r])) -
                                                          static_cast<double>(pull[r]));
        const vec per_row = weight / static_cast<float>(m), scale = per_row / s.sum, others = per_row * share,
                  own = per_row * (1.0f - smoothing);
        for (int r = 0; r < group; ++r) {
            for (int p = 0; p < n; p += lanes) {
                float* at = logits + r * strip + (p / strip) * z_strip + p % strip;
                store(at, load(at) * scale[r]);
            }
            if (smoothing > 0.0f)
                for (int j = 0; j < n; ++j) logits[r * strip + (j / strip) * z_strip + j % strip] -= others[r];
            logits[r * strip + (label[r] / strip) * z_strip + label[r] % strip] -= own[r];
        }
    }
    return loss;
}

// log(1 + e**z) without overflow.
inline double softplus(double z) { return (z > 0.0 ? z : 0.0) + __builtin_log1p(__builtin_exp(z > 0.0 ? -z : z)); }

// The loss of one logit z, which becomes its gradient over `cells`: see sigmoid_backward.
inline double logit_backward(float& z, int32_t label, float smoothing, const float* weights, int cells) {
    const double logit = static_cast<double>(z);
    const double target = (1.0 - smoothing) * label + 0.5 * smoothing;
    const double weight = weights == nullptr ? 1.0 : static_cast<double>(weights[label]);
    z = static_cast<float>(weight * (1.0 / (1.0 + __builtin_exp(-logit)) - target) / cells);
    return weight * (softplus(logit) - target * logit);
}

// One logit z for the second of two classes: binary cross-entropy log(1 + e**z) - t z, gradient w_y (sigmoid(z) - t) / m, with the target
// t = (1 - s) y + s / 2. The other columns of the strip are padding and stay zero.
inline double sigmoid_backward(float* z, int m, Targets y, const uint32_t* rows, float smoothing, const float* weights) {
    double loss = 0.0;
    for (int row = 0; row < m; ++row) loss += logit_backward(z[row * strip], y.classes[rows[row]], smoothing, weights, m);
    return loss;
}

// A logit for the second class of each of n targets: the mean over them of what sigmoid_backward has for one, `weights` two a target.
inline double sigmoids_backward(float* z, int m, int n, Targets y, const uint32_t* rows, float smoothing, const float* weights) {
    const size_t z_strip = static_cast<size_t>(m) * strip;
    double loss = 0.0;
    for (int row = 0; row < m; ++row)
        for (int j = 0; j < n; ++j)
            loss += logit_backward(z[(j / strip) * z_strip + row * strip + j % strip], y.classes[rows[row]] >> j & 1, smoothing,
                                   weights == nullptr ? nullptr : weights + 2 * j, m * n);
    return loss / n;
}

// The predicted number z: squared error (z - y)**2, gradient 2 (z - y) / m.
inline double squared_error_backward(float* z, int m, Targets y, const uint32_t* rows) {
    double loss = 0.0;
    for (int row = 0; row < m; ++row) {
        const double error = static_cast<double>(z[row * strip]) - static_cast<double>(y.values[rows[row]]);
        loss += error * error;
        z[row * strip] = static_cast<float>(2.0 * error / m);
    }
    return loss;
}

// Huber: e**2 where |e| = |z - y| <= delta, else 2 delta |e| - delta**2; gradient 2 e / m, with e cut at -delta and delta.
inline double huber_backward(float* z, int m, Targets y, const uint32_t* rows, double delta) {
    double loss = 0.0;
    for (int row = 0; row < m; ++row) {
        const double error = static_cast<double>(z[row * strip]) - static_cast<double>(y.values[rows[row]]);
        const double cut = error > delta ? delta : error < -delta ? -delta : error;
        loss += cut * (2.0 * error - cut);
        z[row * strip] = static_cast<float>(2.0 * cut / m);
    }
    return loss;
}

// Pinball: q (y - z) where y > z, else (1 - q) (z - y); gradient -q / m or (1 - q) / m, 0 at z = y.
inline double pinball_backward(float* z, int m, Targets y, const uint32_t* rows, double q) {
    double loss = 0.0;
    for (int row = 0; row < m; ++row) {
        const double error = static_cast<double>(z[row * strip]) - static_cast<double>(y.values[rows[row]]);
        const double pull = error > 0.0 ? 1.0 - q : error < 0.0 ? -q : 0.0;
        loss += pull * error;
        z[row * strip] = static_cast<float>(pull / m);
    }
    return loss;
}
