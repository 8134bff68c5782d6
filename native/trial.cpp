#include "trial.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace caviar {

Floats zeros(size_t n) {
    const size_t bytes = (n * sizeof(float) + 63) / 64 * 64;
    void* p = std::aligned_alloc(64, bytes > 0 ? bytes : 64);
    if (p == nullptr) throw std::bad_alloc();
    std::memset(p, 0, bytes);
    return Floats(static_cast<float*>(p));
}

Network lay_out(const Settings& settings) {
    Network network{};
    network.layers = static_cast<int>(settings.widths.size()) - 1;
    network.batch_size = settings.batch_size;
    network.activation = settings.activation;
    network.batch_norm = settings.batch_norm;
    network.batch_norm_momentum = settings.batch_norm_momentum;
    network.batch_norm_epsilon = settings.batch_norm_epsilon;
    network.dropout = static_cast<float>(settings.dropout);
    network.dropout_threshold = static_cast<uint32_t>(std::nearbyint(settings.dropout * 65536.0));
    network.order_key = settings.order_key;
    network.dropout_key = settings.dropout_key;
    network.first_moment = settings.first_moment;
    network.second_moment = settings.second_moment;
    network.bias_correction = settings.bias_correction;
    network.beta1 = settings.beta1;
    network.beta2 = settings.beta2;
    network.epsilon = settings.epsilon;
    network.l2 = settings.l2;

    size_t parameters = 0, statistics = 0, workspace = 0, hidden_units = 0;
    const auto take = [](size_t& total, size_t n) {
        const size_t at = total;
        total += n;
        return at;
    };
    const size_t rows = static_cast<size_t>(settings.batch_size);
    size_t widest = 0, widest_product = 0;
    for (int l = 0; l < network.layers; ++l) {
        Layer& layer = network.layer[l];
        const bool hidden = l + 1 < network.layers;
        layer.n_in = settings.widths[l];
        layer.n_out = settings.widths[l + 1];
        layer.padded_in = padded(layer.n_in);
        layer.padded_out = padded(layer.n_out);
        const size_t out = static_cast<size_t>(layer.padded_out);
        const size_t weights = static_cast<size_t>(layer.padded_in) * out;
        layer.w = take(parameters, weights);
        if (hidden && settings.batch_norm) {
            layer.gamma = take(parameters, out);
            layer.beta = take(parameters, out);
            layer.mean = take(statistics, out);
            layer.variance = take(statistics, out);
            layer.inverse = take(workspace, out);
        } else {
            layer.b = take(parameters, out);
        }
        layer.pre = take(workspace, rows * out);
        if (hidden) {
            hidden_units += out;
            layer.active = layer.out = take(workspace, rows * out);
            if (settings.dropout > 0.0) {
                layer.mask = take(workspace, rows * out);
                layer.out = take(workspace, rows * out);
            }
        }
        widest = std::max(widest, out);
        if (l > 0) widest_product = std::max(widest_product, weights);
    }
    const size_t most_rows = std::max(rows, static_cast<size_t>(inference_rows));
    network.parameters = parameters;
    network.statistics = statistics;
    network.input = take(workspace, most_rows * static_cast<size_t>(network.layer[0].padded_in));
    network.delta_a = take(workspace, most_rows * widest);
    network.delta_b = take(workspace, most_rows * widest);
    network.transposed = take(workspace, widest_product);
    network.scale = take(workspace, hidden_units);
    network.shift = take(workspace, hidden_units);
    network.gradient = take(workspace, parameters);
    network.workspace = workspace;
    return network;
}

std::vector<const Level*> levels_here() {
    std::vector<const Level*> levels{&level_scalar};
#if defined(__x86_64__)
    const std::vector<const Level*> simd{&level_v2, &level_v3, &level_v4};
#elif defined(__aarch64__)
    const std::vector<const Level*> simd{&level_neon};
#else
    const std::vector<const Level*> simd{};
#endif
    for (const Level* level : simd)
        if (level->runs_here()) levels.push_back(level);
    return levels;
}

namespace {

// Numbers too small for a normal float are taken as zero while we train: the moments of a unit that never fires fall into that range,
// where a processor is a hundred times slower.
class FlushDenormals {
  public:
#if defined(__x86_64__)
    FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
    ~FlushDenormals() { _mm_setcsr(before_); }

  private:
    unsigned before_;
#elif defined(__aarch64__)
    FlushDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" ::"r"(before_ | (1ull << 24)));
    }
    ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

  private:
    uint64_t before_;
#endif
};

// One workspace a thread, as large as its largest network so far; trials keep only what must outlive a step.
struct Workspace {
    Floats floats;
    size_t size = 0;
    std::vector<uint32_t> order;

    float* at_least(size_t n) {
        if (n > size) {
            floats.reset();
            size = 0;
            floats = zeros(n);
            size = n;
        }
        return floats.get();
    }
};
thread_local Workspace workspace;

}  // namespace

Trial::Trial(const Settings& settings, const Level& level_)
    : network(lay_out(settings)),
      level(&level_),
      parameters(zeros(network.parameters)),
      first(network.first_moment ? zeros(network.parameters) : nullptr),
      second(network.second_moment ? zeros(network.parameters) : nullptr),
      statistics(zeros(network.statistics)) {}

State Trial::state() const { return {parameters.get(), first.get(), second.get(), statistics.get(), step}; }

size_t Trial::bytes() const {
    return sizeof(float) * (network.parameters * (1 + network.first_moment + network.second_moment) + network.statistics);
}

Epoch Trial::evaluate(Examples examples) const {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    Epoch result{nan, nan, nan, nan, nan, 0.0};
    if (examples.rows == 0) return result;
    const FlushDenormals flush;
    const auto start = std::chrono::steady_clock::now();
    const int classes = network.layer[network.layers - 1].n_out;
    std::vector<int64_t> correct_of(static_cast<size_t>(classes)), rows_of(static_cast<size_t>(classes));
    for (int64_t i = 0; i < examples.rows; ++i) ++rows_of[static_cast<size_t>(examples.y[i])];
    const Scores scores = level->evaluate(network, state(), workspace.at_least(network.workspace), examples.x, examples.y, examples.rows,
                                          correct_of.data());
    double recall = 0.0;
    int present = 0;
    for (size_t c = 0; c < rows_of.size(); ++c)
        if (rows_of[c] > 0) {
            recall += static_cast<double>(correct_of[c]) / static_cast<double>(rows_of[c]);
            ++present;
        }
    result.validation_loss = scores.loss / static_cast<double>(examples.rows);
    result.validation_accuracy = static_cast<double>(scores.correct) / static_cast<double>(examples.rows);
    result.validation_balanced_accuracy = recall / present;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

Outcome Trial::train(Examples examples, Examples validation, const std::vector<double>& learning_rates, double explosion,
                     const volatile uint8_t* stop, std::vector<Epoch>& epochs) {
    const FlushDenormals flush;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto rows = static_cast<uint32_t>(examples.rows);
    const auto batch_size = static_cast<uint32_t>(network.batch_size);
    const uint32_t smallest = network.batch_norm ? 2 : 1;  // a batch of one row has no variance: it is left out
    workspace.order.resize(rows);
    for (const double learning_rate : learning_rates) {
        const auto start = std::chrono::steady_clock::now();
        epoch_order(network.order_key, static_cast<uint64_t>(epoch), rows, workspace.order.data());
        State now = state();
        double loss = 0.0;
        uint32_t seen = 0;
        bool diverged = false;
        for (uint32_t from = 0; from < rows && !diverged; from += batch_size) {
            const uint32_t m = std::min(batch_size, rows - from);
            if (m < smallest) break;
            if (*stop != 0) {
                step = now.step;
                return Outcome::interrupted;
            }
            const double mean = level->train_step(network, now, workspace.at_least(network.workspace), examples.x, examples.y,
                                                  workspace.order.data() + from, static_cast<int>(m), learning_rate);
            loss += mean * m;
            seen += m;
            diverged = !std::isfinite(mean);
        }
        step = now.step;
        ++epoch;
        Epoch result = diverged ? Epoch{nan, nan, nan, nan, nan, 0.0} : evaluate(validation);
        result.train_loss = loss / std::max(seen, 1u);
        result.learning_rate = learning_rate;
        diverged = diverged || result.train_loss > explosion || (validation.rows > 0 && !std::isfinite(result.validation_loss));
        result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        epochs.push_back(result);
        if (diverged) return Outcome::diverged;
    }
    return Outcome::trained;
}

void read_matrix(const float* from_strips, int rows, int columns, int padded_rows, float* plain) {
    for (int j = 0; j < columns; ++j) {
        const float* column = from_strips + static_cast<size_t>(j / strip) * padded_rows * strip + j % strip;
        for (int i = 0; i < rows; ++i) plain[static_cast<size_t>(i) * columns + j] = column[static_cast<size_t>(i) * strip];
    }
}

void write_matrix(const float* plain, int rows, int columns, int padded_rows, float* to_strips) {
    for (int j = 0; j < columns; ++j) {
        float* column = to_strips + static_cast<size_t>(j / strip) * padded_rows * strip + j % strip;
        for (int i = 0; i < rows; ++i) column[static_cast<size_t>(i) * strip] = plain[static_cast<size_t>(i) * columns + j];
    }
}

}  // namespace caviar
