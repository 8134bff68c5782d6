// One instruction-set level: a training step and an evaluation. Compiled once a level, with CAVIAR_LEVEL (its symbol), CAVIAR_LEVEL_NAME,
// CAVIAR_LANES (floats in a vector), CAVIAR_BLOCK_ROWS and the level's flags set by CMakeLists.txt. Everything but the level itself has
// internal linkage and no standard library template is used, so that the linker cannot put one level's code in another's place.
#include <cmath>
#include <cstring>

#include "network.h"

namespace caviar {
namespace {

template <int n>
struct Constant {
    static constexpr int value = n;
};

#include "vector.h"
#include "products.h"
#include "layers.h"
#include "update.h"
#include "entries.h"

// A row as the first layer gets it, in `out`: see Columns.
void encode(const Network& network, const float* x, const float* texts, float* __restrict out) {
    const Columns& columns = network.columns;
    float* to = out;
    for (int j = 0; j < network.n_x; ++j)
        if (columns.kinds[j] == Cell::category) {
            std::memset(to, 0, sizeof(float) * static_cast<size_t>(columns.counts[j]));
            if (is_category(x[j], columns.counts[j])) to[static_cast<int>(x[j])] = 1.0f;
            to += columns.counts[j];
        } else
            for (int t = 0; t < columns.counts[j]; ++t) *to++ = columns.kinds[j] == Cell::text ? *texts++ : x[j];
    if (!columns.changes) return;
    const float *edges = columns.edges, *widths = columns.widths, *low = columns.low, *high = columns.high;
    for (int i = 0; i < network.layer[0].n_in; ++i) {
        const float u = (out[i] - edges[i]) / widths[i];
        const float above = u < low[i] ? low[i] : u;
        out[i] = above > high[i] ? high[i] : above;
    }
    if (columns.bent.n > 0)
        for (int i = 0; i < network.layer[0].n_in; ++i) out[i] = bent(out[i], columns.bend[i]);
}

// The rows of x that the mini-batch names, or (rows null) the first m, as the first layer gets them, cut into strips; the last strip's
// padding is zero.
void gather(const Network& network, Inputs inputs, const uint32_t* rows, int m, float* workspace) {
    const int n = network.layer[0].n_in, whole = n / strip, rest = n % strip;
    float* const out = workspace + network.input;
    for (int row = 0; row < m; ++row) {
        const size_t place = rows == nullptr ? static_cast<uint32_t>(row) : rows[row];
        const float* from = inputs.x + place * network.n_x;
        if (network.encoded) {
            encode(network, from, inputs.texts + place * network.n_texts, workspace + network.encoded_row);
            from = workspace + network.encoded_row;
        }
        float* to = out + row * strip;
        for (int p = 0; p < whole; ++p) std::memcpy(to + static_cast<size_t>(p) * m * strip, from + p * strip, strip * sizeof(float));
        if (rest > 0) {
            float* last = to + static_cast<size_t>(whole) * m * strip;
            for (int j = 0; j < strip; ++j) last[j] = j < rest ? from[whole * strip + j] : 0.0f;
        }
    }
}

// The rows of the next mini-batch, asked for while this one is computed: they lie anywhere, and from the third cache level or from memory
// they take longer to come than a small network takes to learn from them. Only what the second level has room for is asked for.
struct RowsToCome {
    const float* x;
    size_t n;  // floats in a row
    const uint32_t* rows;
    int left;
    int at_once;  // rows to ask for before every strip

    void ask() {
        for (int i = 0; i < at_once && left > 0; ++i, --left, ++rows) {
            const char* row = reinterpret_cast<const char*>(x + static_cast<size_t>(*rows) * n);
            for (size_t at = 0; at < n * sizeof(float); at += 64) __builtin_prefetch(row + at, 0, 2);
        }
    }
};

RowsToCome rows_to_come(const Network& network, const float* x, const uint32_t* rows, int m) {
    const auto n = static_cast<size_t>(network.n_x);
    if (static_cast<size_t>(m) * n > rows_to_come_floats) return {x, n, rows, 0, 0};
    int strips = 0;
    for (int l = 0; l < network.layers; ++l) strips += network.layer[l].padded_out / strip;
    return {x, n, rows, m, (m + strips - 1) / strips};
}

// The first layer's weights as products need them: where inputs are scaled, in the workspace, each row times its input's factor. x is then
// never scaled itself: x (s w) = (x s) w.
const float* first_weights(const Network& network, const State& state, float* workspace) {
    const Layer& first = network.layer[0];
    const float* w = state.parameters + first.w;
    if (!network.input_scaling) return w;
    float* scaled = workspace + network.scaled;
    scale_rows(w, state.parameters, first.padded_in, first.padded_out, scaled);
    return scaled;
}

alignas(64) constexpr float ones[strip] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

void forward(const Network& network, State& state, float* workspace, int m, RowsToCome to_come) {
    float* input = workspace + network.input;
    const float mu = network.batch_norm_momentum;
    const auto step = static_cast<uint64_t>(state.step);
    if (network.input_dropout > 0.0f)
        for (int p = 0; p < network.layer[0].padded_in; p += strip) {
            float* x = input + static_cast<size_t>(p) * m;
            dropout_forward(x, m, network.dropout_key, step, 0, p / strip, network.input_dropout_threshold,
                            1.0f / (1.0f - network.input_dropout), nullptr, x);
        }
    const float* x = input;
    for (int l = 0; l < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        const bool hidden = l + 1 < network.layers, by_entries = l == 0 && network.trains_by_entries;
        const float* w = l == 0 ? first_weights(network, state, workspace) : state.parameters + layer.w;
        for (int q = 0; q < layer.padded_out; q += strip) {
            const size_t at = static_cast<size_t>(q) * m;
            float* pre = workspace + layer.pre + at;
            to_come.ask();
            const float* w_strip = w + static_cast<size_t>(q) * layer.padded_in;
            if (by_entries)
                product_of_entries(network, entries_of(network, workspace), m, w_strip, workspace + network.before, pre);
            else
                product(x, m, w_strip, layer.padded_in / strip, pre);
            if (!hidden) {
                activate_forward<Activation::identity>(pre, m, ones, state.parameters + layer.b + q, pre);
                continue;
            }
            float* active = workspace + layer.active + at;
            if (network.batch_norm) {
                alignas(64) float mean[strip], variance[strip];
                with_activation(network.activation, network.parametric, [&](auto kind) {
                    normalise_forward<kind.value, kind.parametric>(
                        pre, m, network.batch_norm_epsilon, state.parameters + layer.gamma + q, state.parameters + layer.beta + q, mean,
                        variance, workspace + layer.inverse + q, active, state.parameters + layer.alpha + q);
                });
                float* running_mean = state.statistics + layer.mean + q;
                float* running_variance = state.statistics + layer.variance + q;
                for (int j = 0; j < strip; ++j) {
                    running_mean[j] = mu * running_mean[j] + (1.0f - mu) * mean[j];
                    running_variance[j] = mu * running_variance[j] + (1.0f - mu) * variance[j];
                }
            } else {
                with_activation(network.activation, network.parametric, [&](auto kind) {
                    activate_forward<kind.value, kind.parametric>(pre, m, ones, state.parameters + layer.b + q, active,
                                                                  state.parameters + layer.alpha + q);
                });
            }
            if (network.activation == Activation::sigmoid && layer.n_out - q < strip) clear_padding(active, m, layer.n_out - q);
            if (network.dropout > 0.0f)
                dropout_forward(active, m, network.dropout_key, step, l + 1, q / strip, network.dropout_threshold,
                                1.0f / (1.0f - network.dropout), workspace + layer.mask + at, workspace + layer.out + at);
        }
        x = workspace + layer.out;
    }
}

// The output layer's z becomes its gradient; returns the mean loss of the mini-batch.
double loss_backward(const Network& network, float* z, int m, Targets y, const uint32_t* rows) {
    const Layer& last = network.layer[network.layers - 1];
    switch (network.output) {
        case Output::softmax:
            return softmax_backward(z, m, last.n_out, y, rows, network.label_smoothing, network.class_weights) / m;
        case Output::sigmoid: return sigmoid_backward(z, m, y, rows, network.label_smoothing, network.class_weights) / m;
        case Output::sigmoids:
            return sigmoids_backward(z, m, last.n_out, y, rows, network.label_smoothing, network.class_weights) / m;
        case Output::linear:
            switch (network.error) {
                case Error::squared: return squared_error_backward(z, m, y, rows) / m;
                case Error::huber: return huber_backward(z, m, y, rows, network.huber_delta) / m;
                case Error::pinball: return pinball_backward(z, m, y, rows, network.quantile) / m;
            }
    }
    return 0.0;
}

void backward(const Network& network, const State& state, float* workspace, int m) {
    float* gradient = workspace + network.gradient;
    float* dz = workspace + network.layer[network.layers - 1].pre;  // from loss_backward
    float* dx = workspace + network.delta_a;
    for (int l = network.layers - 1; l >= 0; --l) {
        const Layer& layer = network.layer[l];
        const float* x = workspace + (l > 0 ? network.layer[l - 1].out : network.input);
        const bool by_entries = l == 0 && network.trains_by_entries;
        for (int q = 0; q < layer.padded_out; q += strip) {  // dw = x^T dz: from z = x w
            const float* dz_strip = dz + static_cast<size_t>(q) * m;
            float* dw = gradient + layer.w + static_cast<size_t>(q) * layer.padded_in;
            if (by_entries)
                outer_of_entries(network, entries_of(network, workspace), dz_strip, m, workspace + network.before, dw);
            else
                for (int p = 0; p < layer.padded_in; p += strip) outer(x + static_cast<size_t>(p) * m, dz_strip, m, dw + p * strip);
            if (l + 1 == network.layers || !network.batch_norm) column_sums(dz_strip, m, gradient + layer.b + q);  // from z = ... + b
        }
        if (l == 0) {
            if (network.input_scaling)
                scale_rows_backward(state.parameters + layer.w, state.parameters, layer.padded_in, layer.padded_out, gradient + layer.w,
                                    gradient);
            break;
        }
        const Layer& below = network.layer[l - 1];
        transpose(state.parameters + layer.w, layer.padded_in, layer.padded_out, workspace + network.transposed);
        for (int p = 0; p < layer.padded_in; p += strip) {
            const size_t at = static_cast<size_t>(p) * m;
            float* d = dx + at;  // dx = dz w^T: from z = x w, where x is the output of the layer below
            product(dz, m, workspace + network.transposed + static_cast<size_t>(p) * layer.padded_out, layer.padded_out / strip, d);
            if (network.dropout > 0.0f) dropout_backward(d, workspace + below.mask + at, m);
            const float *pre = workspace + below.pre + at, *active = workspace + below.active + at;
            with_activation(network.activation, network.parametric, [&](auto kind) {
                const float* alpha = state.parameters + below.alpha + p;
                float* dalpha = gradient + below.alpha + p;
                if (network.batch_norm)
                    normalise_backward<kind.value, kind.parametric>(
                        d, pre, active, m, state.parameters + below.gamma + p, state.parameters + below.beta + p,
                        workspace + below.inverse + p, gradient + below.gamma + p, gradient + below.beta + p, alpha, dalpha);
                else
                    activate_backward<kind.value, kind.parametric>(d, pre, active, m, ones, state.parameters + below.b + p, alpha, dalpha);
            });
        }
        dz = dx;
        dx = workspace + (dx == workspace + network.delta_a ? network.delta_b : network.delta_a);
    }
}

// Calls f(first parameter, how many, are they weights, their share of the learning rate) for the factors of scaled inputs and the ranges of
// every layer: L2 and decay are for weights only.
template <typename F>
void each_range(const Network& network, const F& f) {
    if (network.input_scaling) f(size_t{0}, network.layer[0].w, false, static_cast<float>(network.input_scaling_rate));
    for (int l = 0; l < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        const size_t weights = static_cast<size_t>(layer.padded_in) * layer.padded_out;
        const bool shares = network.parametric && l + 1 < network.layers;
        const size_t next = l + 1 < network.layers ? network.layer[l + 1].w : network.parameters, end = shares ? layer.alpha : next;
        f(layer.w, weights, true, 1.0f);
        f(layer.w + weights, end - layer.w - weights, false, 1.0f);
        if (shares) f(layer.alpha, next - layer.alpha, false, static_cast<float>(network.parametric_rate));
    }
}

template <bool first, bool second, bool nesterov, bool schedule_free = false>
void update_all(const Network& network, State& state, const float* gradient, double learning_rate) {
    const bool correct = network.bias_correction;
    Rule rule{};
    const bool correct_first = correct && first && !schedule_free;
    const float rate = static_cast<float>(correct_first ? learning_rate / (1.0 - std::pow(network.beta1, state.first_steps + 1.0)) : learning_rate);
    rule.root_correction = static_cast<float>(correct && second ? 1.0 / std::sqrt(1.0 - std::pow(network.beta2, state.second_steps + 1.0)) : 1.0);
    rule.beta1 = static_cast<float>(network.beta1);
    rule.beta2 = static_cast<float>(network.beta2);
    rule.epsilon = network.epsilon;
    if constexpr (schedule_free) {
        state.squared_rates += learning_rate * learning_rate;
        const double fresh = state.squared_rates > 0.0 ? learning_rate * learning_rate / state.squared_rates : 0.0;
        rule.fresh = static_cast<float>(fresh);
        rule.lead = static_cast<float>(1.0 - network.beta1 * (1.0 - fresh));
    }
    rule.scale = 1.0f;
    if (network.clip_norm > 0.0f) {
        double squares = 0.0;
        each_range(network, [&](size_t from, size_t n, bool weights, float) {
            squares += squared_norm(state.parameters + from, gradient + from, n, weights ? network.l2 : 0.0f);
        });
        const double norm = std::sqrt(squares);
        if (norm > static_cast<double>(network.clip_norm)) rule.scale = static_cast<float>(static_cast<double>(network.clip_norm) / norm);
    }
    each_range(network, [&](size_t from, size_t n, bool weights, float share) {
        rule.l2 = weights ? network.l2 : 0.0f;
        rule.decay = weights ? static_cast<float>(learning_rate * static_cast<double>(network.weight_decay)) : 0.0f;
        rule.rate = rate * share;
        update<first, second, nesterov, schedule_free>(state.parameters + from, gradient + from, state.first + (first ? from : 0),
                                                       state.second + (second ? from : 0), n, rule);
    });
}

double train_step(const Network& network, State& state, float* workspace, Inputs x, Targets y, const uint32_t* rows, int m,
                  int next_m, double learning_rate) {
    if (network.trains_by_entries)
        gather_entries(network, x, rows, m, workspace);
    else
        gather(network, x, rows, m, workspace);
    forward(network, state, workspace, m, rows_to_come(network, x.x, rows + m, next_m));
    const double loss = loss_backward(network, workspace + network.layer[network.layers - 1].pre, m, y, rows);
    backward(network, state, workspace, m);
    const float* gradient = workspace + network.gradient;
    if (network.schedule_free)
        update_all<true, true, false, true>(network, state, gradient, learning_rate);
    else if (network.first_moment && network.second_moment)
        update_all<true, true, false>(network, state, gradient, learning_rate);
    else if (network.first_moment && network.nesterov)
        update_all<true, false, true>(network, state, gradient, learning_rate);
    else if (network.first_moment)
        update_all<true, false, false>(network, state, gradient, learning_rate);
    else if (network.second_moment)
        update_all<false, true, false>(network, state, gradient, learning_rate);
    else
        update_all<false, false, false>(network, state, gradient, learning_rate);
    ++state.step;
    state.first_steps += 1.0;
    state.second_steps += 1.0;
    if (network.averaging > 0.0) {
        average(state.average, state.parameters, network.parameters, network.averaging, 1.0);
        const double started = 1.0 - std::pow(static_cast<double>(network.batch_norm_momentum), static_cast<double>(state.step));
        average(state.average + network.parameters, state.statistics, network.statistics, network.averaging, 1.0 / started);
        state.average_steps += 1.0;
    }
    return loss;
}

// --- predict mode ---

// Test-time batch norm is a scale and a shift of each column: gamma / sqrt(variance + epsilon), beta - mean * scale.
void fold_layer(const Network& network, const State& state, const Layer& layer, const float* mean, const float* variance, float correction,
                float* workspace) {
    float* scale = workspace + network.scale + layer.fold;
    float* shift = workspace + network.shift + layer.fold;
    for (int j = 0; j < layer.padded_out; ++j) {
        scale[j] = state.parameters[layer.gamma + j] / __builtin_sqrtf(variance[j] * correction + network.batch_norm_epsilon);
        shift[j] = state.parameters[layer.beta + j] - mean[j] * correction * scale[j];
    }
}

// m rows up to layer `last`, whose z = x w (before bias, batch norm and activation) is returned, in strips. `w1` is from first_weights.
float* infer(const Network& network, const State& state, const float* w1, float* workspace, Inputs x, int m, int last) {
    if (network.by_entries)
        gather_entries(network, x, nullptr, m, workspace);
    else
        gather(network, x, nullptr, m, workspace);
    const float* in = workspace + network.input;
    float* out = workspace + network.delta_a;
    for (int l = 0;; ++l) {
        const Layer& layer = network.layer[l];
        const float* w = l == 0 ? w1 : state.parameters + layer.w;
        const bool by_entries = l == 0 && network.by_entries;
        for (int q = 0; q < layer.padded_out; q += strip) {
            float* z = out + static_cast<size_t>(q) * m;
            const float* w_strip = w + static_cast<size_t>(q) * layer.padded_in;
            if (by_entries)
                product_of_entries(network, entries_of(network, workspace), m, w_strip, workspace + network.before, z);
            else
                product(in, m, w_strip, layer.padded_in / strip, z);
            if (l == last) continue;
            const float* scale = network.batch_norm ? workspace + network.scale + layer.fold + q : ones;
            const float* shift = network.batch_norm ? workspace + network.shift + layer.fold + q : state.parameters + layer.b + q;
            with_activation(network.activation, network.parametric, [&](auto kind) {
                activate_forward<kind.value, kind.parametric>(z, m, scale, shift, z, state.parameters + layer.alpha + q);
            });
            if (layer.n_out - q < strip) clear_padding(z, m, layer.n_out - q);  // of an infinite input, too, whose padding is NaN
        }
        if (l == last) return out;
        in = out;
        out = workspace + (out == workspace + network.delta_a ? network.delta_b : network.delta_a);
    }
}

Inputs from_row(const Network& network, Inputs all, int64_t row) {
    return {all.x + row * network.n_x, all.texts + row * network.n_texts};
}

void exact_statistics(const Network& network, const State& state, float* workspace, Inputs x, int64_t rows, double* sums,
                      float* statistics, Interruption interrupted) {
    const float* w1 = first_weights(network, state, workspace);
    for (int l = 0; l + 1 < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        double *mean = sums, *squares = sums + layer.padded_out;  // squares: of the distances from the mean
        for (int j = 0; j < 2 * layer.padded_out; ++j) sums[j] = 0.0;
        for (int64_t start = 0; start < rows; start += inference_rows) {
            if (interrupted()) return;
            const int m = static_cast<int>(rows - start < inference_rows ? rows - start : inference_rows);
            const float* z = infer(network, state, w1, workspace, from_row(network, x, start), m, l);
            const double before = static_cast<double>(start), now = static_cast<double>(m);
            for (int j = 0; j < layer.padded_out; ++j) {  // two groups of rows become one (Chan, Golub and LeVeque 1983)
                const float* column = z + static_cast<size_t>(j / strip) * m * strip + j % strip;
                double own = 0.0, own_squares = 0.0;
                for (int row = 0; row < m; ++row) own += static_cast<double>(column[row * strip]);
                own /= now;
                for (int row = 0; row < m; ++row) {
                    const double distance = static_cast<double>(column[row * strip]) - own;
                    own_squares += distance * distance;
                }
                const double apart = own - mean[j];
                mean[j] += apart * now / (before + now);
                squares[j] += own_squares + apart * apart * before * now / (before + now);
            }
        }
        for (int j = 0; j < layer.padded_out; ++j) {
            statistics[layer.mean + j] = static_cast<float>(mean[j]);
            statistics[layer.variance + j] = static_cast<float>(squares[j] / static_cast<double>(rows));
        }
        fold_layer(network, state, layer, statistics + layer.mean, statistics + layer.variance, 1.0f, workspace);
    }
}

// Batch norm as test time has it, into the workspace, by `statistics` if not null, else by the running averages.
void fold_all(const Network& network, const State& state, const float* statistics, float* workspace) {
    if (!network.batch_norm) return;
    const double started = 1.0 - std::pow(static_cast<double>(network.batch_norm_momentum), static_cast<double>(state.step));
    for (int l = 0; l + 1 < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        if (statistics != nullptr) {
            fold_layer(network, state, layer, statistics + layer.mean, statistics + layer.variance, 1.0f, workspace);
        } else if (state.step > 0) {  // running averages start at zero; divided by 1 - mu**t they are averages
            fold_layer(network, state, layer, state.statistics + layer.mean, state.statistics + layer.variance,
                       static_cast<float>(1.0 / started), workspace);
        } else {
            for (int j = 0; j < layer.padded_out; ++j) {  // untrained: mean 0, variance 1
                const float scale = state.parameters[layer.gamma + j] / __builtin_sqrtf(1.0f + network.batch_norm_epsilon);
                workspace[network.scale + layer.fold + static_cast<size_t>(j)] = scale;
                workspace[network.shift + layer.fold + static_cast<size_t>(j)] = state.parameters[layer.beta + j];
            }
        }
    }
}

// Calls f(first row, rows, z in strips) for the output layer's z of all rows of x, block by block.
template <typename F>
void each_block(const Network& network, const State& state, float* workspace, Inputs x, int64_t rows, Interruption interrupted, const F& f) {
    const Layer& last = network.layer[network.layers - 1];
    const float* w1 = first_weights(network, state, workspace);
    for (int64_t start = 0; start < rows; start += inference_rows) {
        if (interrupted()) return;
        const int m = static_cast<int>(rows - start < inference_rows ? rows - start : inference_rows);
        float* z = infer(network, state, w1, workspace, from_row(network, x, start), m, network.layers - 1);
        for (int q = 0; q < last.padded_out; q += strip)
            activate_forward<Activation::identity>(z + static_cast<size_t>(q) * m, m, ones, state.parameters + last.b + q,
                                                   z + static_cast<size_t>(q) * m);
        f(start, m, z);
    }
}

void predict(const Network& network, const State& state, float* workspace, Inputs x, int64_t rows, float* z, Interruption interrupted) {
    const int n = network.layer[network.layers - 1].n_out;
    fold_all(network, state, nullptr, workspace);
    each_block(network, state, workspace, x, rows, interrupted, [&](int64_t start, int m, const float* of_block) {
        for (int row = 0; row < m; ++row)
            for (int j = 0; j < n; ++j) z[(start + row) * n + j] = of_block[(j / strip * m + row) * strip + j % strip];
    });
}

Scores evaluate(const Network& network, const State& state, const float* statistics, float* workspace, Inputs x, Targets y, int64_t rows,
                int64_t* correct_of, Interruption interrupted) {
    Scores scores{0.0, 0.0, 0, 0};
    const Layer& last = network.layer[network.layers - 1];
    fold_all(network, state, statistics, workspace);
    const auto count = [&](int32_t label, int32_t guess) {
        if (guess != label) return;
        ++scores.correct;
        if (correct_of != nullptr) ++correct_of[label];
    };
    each_block(network, state, workspace, x, rows, interrupted, [&](int64_t start, int m, float* out) {
        const size_t z_strip = static_cast<size_t>(m) * strip;
        if (network.output == Output::softmax) {
            for (int row = 0; row < m; row += lanes) {
                const int group = m - row < lanes ? m - row : lanes;
                const int32_t* labels = y.classes + start + row;
                ivec label{};
                for (int r = 0; r < group; ++r) label[r] = labels[r];
                const Softmax s = softmax_rows<false>(out + row * strip, z_strip, group, last.n_out, label);
                scores.loss += log_losses(s, s.own, group);
                for (int r = 0; r < group; ++r) count(labels[r], s.guess[r]);
            }
            return;
        }
        if (network.output == Output::sigmoids) {
            for (int row = 0; row < m; ++row) {
                double loss = 0.0;
                int correct = 0;
                for (int j = 0; j < last.n_out; ++j) {
                    const double z = static_cast<double>(out[(j / strip) * z_strip + row * strip + j % strip]);
                    const int32_t label = y.classes[start + row] >> j & 1;
                    loss += softplus(z) - label * z;
                    correct += (z > 0.0) == (label == 1);
                }
                scores.loss += loss / last.n_out;
                scores.correct += correct;
                scores.whole += correct == last.n_out;
            }
            return;
        }
        for (int row = 0; row < m; ++row) {
            const double z = static_cast<double>(out[row * strip]);
            if (network.output == Output::sigmoid) {
                const int32_t label = y.classes[start + row];
                scores.loss += softplus(z) - label * z;
                count(label, z > 0.0);
            } else {
                const double error = z - static_cast<double>(y.values[start + row]);
                scores.loss += error * error;
                scores.absolute_error += error < 0.0 ? -error : error;
            }
        }
    });
    return scores;
}

bool runs_here() { return CAVIAR_RUNS_HERE; }

}  // namespace

extern const Level CAVIAR_LEVEL;
const Level CAVIAR_LEVEL = {CAVIAR_LEVEL_NAME, runs_here, train_step, exact_statistics, evaluate, predict};

}  // namespace caviar
