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

// The rows of x that the mini-batch names, cut into strips; the last strip's padding is zero.
void gather(const float* x, int n, const uint32_t* rows, int m, float* out) {
    const int whole = n / strip, rest = n % strip;
    for (int row = 0; row < m; ++row) {
        const float* from = x + static_cast<size_t>(rows[row]) * n;
        float* to = out + row * strip;
        for (int p = 0; p < whole; ++p) std::memcpy(to + static_cast<size_t>(p) * m * strip, from + p * strip, strip * sizeof(float));
        if (rest > 0) {
            float* last = to + static_cast<size_t>(whole) * m * strip;
            for (int j = 0; j < strip; ++j) last[j] = j < rest ? from[whole * strip + j] : 0.0f;
        }
    }
}

alignas(64) constexpr float ones[strip] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

void forward(const Network& network, State& state, float* workspace, int m) {
    const float* x = workspace + network.input;
    const float mu = network.batch_norm_momentum;
    for (int l = 0; l < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        const bool hidden = l + 1 < network.layers;
        for (int q = 0; q < layer.padded_out; q += strip) {
            const size_t at = static_cast<size_t>(q) * m;
            float* pre = workspace + layer.pre + at;
            product(x, m, state.parameters + layer.w + static_cast<size_t>(q) * layer.padded_in, layer.padded_in / strip, pre);
            if (!hidden) {
                for (int row = 0; row < m; ++row)
                    for (int v = 0; v < strip; v += lanes)
                        store(pre + row * strip + v, load(pre + row * strip + v) + load(state.parameters + layer.b + q + v));
                continue;
            }
            const float *scale = ones, *shift = state.parameters + layer.b + q;
            if (network.batch_norm) {
                alignas(64) float mean[strip], variance[strip];
                normalise_forward(pre, m, network.batch_norm_epsilon, mean, variance, workspace + layer.inverse + q);
                float* running_mean = state.statistics + layer.mean + q;
                float* running_variance = state.statistics + layer.variance + q;
                for (int j = 0; j < strip; ++j) {
                    running_mean[j] = mu * running_mean[j] + (1.0f - mu) * mean[j];
                    running_variance[j] = mu * running_variance[j] + (1.0f - mu) * variance[j];
                }
                scale = state.parameters + layer.gamma + q;
                shift = state.parameters + layer.beta + q;
            }
            float* active = workspace + layer.active + at;
            with_activation(network.activation, [&](auto kind) { activate_forward<kind.value>(pre, m, scale, shift, active); });
            if (network.activation == Activation::sigmoid && layer.n_out - q < strip) clear_padding(active, m, layer.n_out - q);
            if (network.dropout > 0.0f)
                dropout_forward(active, m, network.dropout_key, static_cast<uint64_t>(state.step), l + 1, q / strip,
                                network.dropout_threshold, 1.0f / (1.0f - network.dropout), workspace + layer.mask + at,
                                workspace + layer.out + at);
        }
        x = workspace + layer.out;
    }
}

void backward(const Network& network, const State& state, float* workspace, int m) {
    float* gradient = workspace + network.gradient;
    float* dz = workspace + network.layer[network.layers - 1].pre;  // (p - y) / m, from softmax_backward
    float* dx = workspace + network.delta_a;
    for (int l = network.layers - 1; l >= 0; --l) {
        const Layer& layer = network.layer[l];
        const float* x = workspace + (l > 0 ? network.layer[l - 1].out : network.input);
        for (int q = 0; q < layer.padded_out; q += strip) {  // dw = x^T dz: from z = x w
            const float* dz_strip = dz + static_cast<size_t>(q) * m;
            float* dw = gradient + layer.w + static_cast<size_t>(q) * layer.padded_in;
            for (int p = 0; p < layer.padded_in; p += strip) outer(x + static_cast<size_t>(p) * m, dz_strip, m, dw + p * strip);
            if (l + 1 == network.layers || !network.batch_norm) column_sums(dz_strip, m, gradient + layer.b + q);  // from z = ... + b
        }
        if (l == 0) break;
        const Layer& below = network.layer[l - 1];
        transpose(state.parameters + layer.w, layer.padded_in, layer.padded_out, workspace + network.transposed);
        for (int p = 0; p < layer.padded_in; p += strip) {
            const size_t at = static_cast<size_t>(p) * m;
            float* d = dx + at;  // dx = dz w^T: from z = x w, where x is the output of the layer below
            product(dz, m, workspace + network.transposed + static_cast<size_t>(p) * layer.padded_out, layer.padded_out / strip, d);
            if (network.dropout > 0.0f) dropout_backward(d, workspace + below.mask + at, m);
            const float* pre = workspace + below.pre + at;
            const float* scale = network.batch_norm ? state.parameters + below.gamma + p : ones;
            const float* shift = state.parameters + (network.batch_norm ? below.beta : below.b) + p;
            with_activation(network.activation, [&](auto kind) {
                activate_backward<kind.value>(d, pre, workspace + below.active + at, m, scale, shift);
            });
            if (network.batch_norm)
                normalise_backward(d, pre, m, scale, workspace + below.inverse + p, gradient + below.gamma + p, gradient + below.beta + p);
        }
        dz = dx;
        dx = workspace + (dx == workspace + network.delta_a ? network.delta_b : network.delta_a);
    }
}

template <bool first, bool second>
void update_all(const Network& network, State& state, const float* gradient, double learning_rate) {
    const double t = static_cast<double>(state.step + 1);
    const bool correct = network.bias_correction;
    const float rate = static_cast<float>(correct && first ? learning_rate / (1.0 - std::pow(network.beta1, t)) : learning_rate);
    const float root = static_cast<float>(correct && second ? 1.0 / std::sqrt(1.0 - std::pow(network.beta2, t)) : 1.0);
    const float beta1 = static_cast<float>(network.beta1), beta2 = static_cast<float>(network.beta2);
    for (int l = 0; l < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        const size_t weights = static_cast<size_t>(layer.padded_in) * layer.padded_out;
        const size_t end = l + 1 < network.layers ? network.layer[l + 1].w : network.parameters;
        const auto range = [&](size_t from, size_t n, float l2) {
            update<first, second>(state.parameters + from, gradient + from, state.first + (first ? from : 0),
                                  state.second + (second ? from : 0), n, rate, beta1, beta2, root, network.epsilon, l2);
        };
        range(layer.w, weights, network.l2);  // L2 on weights only, not on gamma, beta and b
        range(layer.w + weights, end - layer.w - weights, 0.0f);
    }
}

double train_step(const Network& network, State& state, float* workspace, const float* x, const int32_t* y, const uint32_t* rows, int m,
                  double learning_rate) {
    const Layer& last = network.layer[network.layers - 1];
    gather(x, network.layer[0].n_in, rows, m, workspace + network.input);
    forward(network, state, workspace, m);
    const double loss = softmax_backward(workspace + last.pre, m, last.n_out, y, rows) / m;
    backward(network, state, workspace, m);
    const float* gradient = workspace + network.gradient;
    if (network.first_moment && network.second_moment)
        update_all<true, true>(network, state, gradient, learning_rate);
    else if (network.first_moment)
        update_all<true, false>(network, state, gradient, learning_rate);
    else if (network.second_moment)
        update_all<false, true>(network, state, gradient, learning_rate);
    else
        update_all<false, false>(network, state, gradient, learning_rate);
    ++state.step;
    return loss;
}

// Test-time normalisation is a scale and a shift of each column: gamma / sqrt(variance + epsilon), with the running averages
// corrected for their start at zero.
void fold(const Network& network, const State& state, const Layer& layer, float* scale, float* shift) {
    const double started = state.step > 0 ? 1.0 - std::pow(static_cast<double>(network.batch_norm_momentum), static_cast<double>(state.step)) : 1.0;
    const float correction = static_cast<float>(1.0 / started);
    for (int j = 0; j < layer.padded_out; ++j) {
        const float mean = state.statistics[layer.mean + j] * correction;
        const float variance = state.step > 0 ? state.statistics[layer.variance + j] * correction : 1.0f;
        scale[j] = state.parameters[layer.gamma + j] / __builtin_sqrtf(variance + network.batch_norm_epsilon);
        shift[j] = state.parameters[layer.beta + j] - mean * scale[j];
    }
}

Scores evaluate(const Network& network, const State& state, float* workspace, const float* x, const int32_t* y, int64_t rows,
                int64_t* correct_of) {
    Scores scores{0.0, 0};
    const Layer& last = network.layer[network.layers - 1];
    const int n_in = network.layer[0].n_in;
    uint32_t order[inference_rows];
    for (int i = 0; i < inference_rows; ++i) order[i] = static_cast<uint32_t>(i);
    if (network.batch_norm)
        for (int l = 0, at = 0; l + 1 < network.layers; at += network.layer[l].padded_out, ++l)
            fold(network, state, network.layer[l], workspace + network.scale + at, workspace + network.shift + at);
    for (int64_t start = 0; start < rows; start += inference_rows) {
        const int m = static_cast<int>(rows - start < inference_rows ? rows - start : inference_rows);
        gather(x + start * n_in, n_in, order, m, workspace + network.input);
        const float* in = workspace + network.input;
        float* out = workspace + network.delta_a;
        for (int l = 0, at = 0; l < network.layers; at += network.layer[l].padded_out, ++l) {
            const Layer& layer = network.layer[l];
            const bool hidden = l + 1 < network.layers;
            for (int q = 0; q < layer.padded_out; q += strip) {
                float* z = out + static_cast<size_t>(q) * m;
                product(in, m, state.parameters + layer.w + static_cast<size_t>(q) * layer.padded_in, layer.padded_in / strip, z);
                const bool folded = hidden && network.batch_norm;
                const float* scale = folded ? workspace + network.scale + at + q : ones;
                const float* shift = folded ? workspace + network.shift + at + q : state.parameters + layer.b + q;
                with_activation(hidden ? network.activation : Activation::identity,
                                [&](auto kind) { activate_forward<kind.value>(z, m, scale, shift, z); });
                if (hidden && network.activation == Activation::sigmoid && layer.n_out - q < strip) clear_padding(z, m, layer.n_out - q);
            }
            in = out;
            out = workspace + (out == workspace + network.delta_a ? network.delta_b : network.delta_a);
        }
        float* logits = workspace + (in == workspace + network.delta_a ? network.delta_a : network.delta_b);
        const size_t z_strip = static_cast<size_t>(m) * strip;
        for (int row = 0; row < m; ++row) {
            const int32_t label = y[start + row];
            float* z = logits + row * strip;
            const float own = z[(label / strip) * z_strip + label % strip];
            int guess = 0;
            for (int j = 1; j < last.n_out; ++j)
                if (z[(j / strip) * z_strip + j % strip] > z[(guess / strip) * z_strip + guess % strip]) guess = j;
            float largest, sum;
            softmax_row(z, z_strip, last.n_out, &largest, &sum);
            scores.loss += static_cast<double>(__builtin_logf(sum)) - static_cast<double>(own - largest);
            if (guess == label) {
                ++scores.correct;
                if (correct_of != nullptr) ++correct_of[label];
            }
        }
    }
    return scores;
}

bool runs_here() { return CAVIAR_RUNS_HERE; }

}  // namespace

extern const Level CAVIAR_LEVEL;
const Level CAVIAR_LEVEL = {CAVIAR_LEVEL_NAME, runs_here, train_step, evaluate};

}  // namespace caviar
