#include "trial.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <new>
#include <stdexcept>
#include <string>

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
    network.output = settings.output;
    network.classes = classes_of(settings);
    network.batch_norm = settings.batch_norm;
    network.batch_norm_momentum = settings.batch_norm_momentum;
    network.batch_norm_epsilon = settings.batch_norm_epsilon;
    const auto threshold = [](double p) { return static_cast<uint32_t>(std::nearbyint(p * 65536.0)); };
    network.dropout = static_cast<float>(settings.dropout);
    network.dropout_threshold = threshold(settings.dropout);
    network.input_dropout = static_cast<float>(settings.input_dropout);
    network.input_dropout_threshold = threshold(settings.input_dropout);
    network.input_scaling = settings.input_scaling;
    network.input_scaling_rate = settings.input_scaling_rate;
    network.parametric = settings.parametric;
    network.parametric_rate = settings.parametric_rate;
    network.error = settings.error;
    network.huber_delta = settings.huber_delta;
    network.quantile = settings.quantile;
    network.label_smoothing = settings.label_smoothing;
    network.order_key = settings.order_key;
    network.dropout_key = settings.dropout_key;
    network.first_moment = settings.first_moment;
    network.second_moment = settings.second_moment;
    network.bias_correction = settings.bias_correction;
    network.beta1 = settings.beta1;
    network.beta2 = settings.beta2;
    network.epsilon = settings.epsilon;
    network.l2 = settings.l2;
    network.nesterov = settings.nesterov;
    network.schedule_free = settings.schedule_free;
    network.weight_decay = settings.weight_decay;
    network.clip_norm = settings.clip_norm;
    network.averaging = settings.averaging;

    size_t parameters = 0, statistics = 0, workspace = 0, hidden_units = 0;
    const auto take = [](size_t& total, size_t n) {
        const size_t at = total;
        total += n;
        return at;
    };
    const size_t rows = static_cast<size_t>(settings.batch_size);
    size_t widest = 0, widest_product = 0;
    if (network.input_scaling) take(parameters, static_cast<size_t>(padded(settings.widths[0])));
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
        if (hidden && settings.parametric) layer.alpha = take(parameters, out);
        layer.pre = take(workspace, rows * out);
        if (hidden) {
            layer.fold = take(hidden_units, out);
            layer.active = layer.out = take(workspace, rows * out);
            if (network.dropout > 0.0f) {  // as a float, which is what a step asks: 1e-50 is none
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
    network.delta_a = take(workspace, most_rows * widest);
    network.delta_b = take(workspace, most_rows * widest);
    network.transposed = take(workspace, widest_product);
    network.scale = take(workspace, hidden_units);
    network.shift = take(workspace, hidden_units);
    network.gradient = take(workspace, parameters);
    network.n_x = settings.columns.empty() ? settings.widths[0] : static_cast<int>(settings.columns.size());
    network.n_texts = std::accumulate(settings.texts.begin(), settings.texts.end(), 0);
    network.encoded = !settings.columns.empty();
    if (network.encoded) network.encoded_row = take(workspace, static_cast<size_t>(network.layer[0].padded_in));
    network.by_entries = settings.by_entries && network.layers > 1;  // `inside` looks at the inputs of an output layer
    network.trains_by_entries = network.by_entries && network.input_dropout == 0.0f;
    if (!network.trains_by_entries) network.input = take(workspace, most_rows * static_cast<size_t>(network.layer[0].padded_in));
    if (network.by_entries) {
        network.most_entries = network.n_x + network.n_texts;
        const size_t entries = most_rows * static_cast<size_t>(padded(network.most_entries));
        network.entry_places = take(workspace, entries);
        network.entry_values = take(workspace, entries);
        network.entry_counts = take(workspace, (most_rows + strip - 1) / strip * strip);
        network.before = take(workspace, static_cast<size_t>(network.layer[0].padded_in) * strip);
    }
    if (network.input_scaling) network.scaled = take(workspace, static_cast<size_t>(network.layer[0].padded_in) * network.layer[0].padded_out);
    network.workspace = workspace;
    const auto bounded = [](const char* what, size_t n, size_t most) {
        if (n > most)
            throw std::invalid_argument(std::string(what) + " " + std::to_string(n) + " numbers, and the native engine holds at most " +
                                        std::to_string(most) + ": use fewer or narrower layers, or smaller mini-batches");
    };
    bounded("the network's parameters are", parameters, most_parameters);
    bounded("a training step needs room for", workspace, most_workspace);
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

Trial::Trial(const Settings& settings_, const Level& level_)
    : settings(settings_),
      network(lay_out(settings)),
      level(&level_),
      exact(settings.exact_statistics && network.batch_norm),
      parameters(zeros(network.parameters)),
      first(network.first_moment ? zeros(network.parameters) : nullptr),
      second(network.second_moment ? zeros(network.parameters) : nullptr),
      statistics(zeros(network.statistics)),
      average(network.averaging > 0.0 ? zeros(network.parameters + network.statistics) : nullptr) {
    network.class_weights = settings.class_weights.empty() ? nullptr : settings.class_weights.data();
    take_columns();
}

void Trial::take_columns() {
    const float infinity = std::numeric_limits<float>::infinity();
    const auto add = [this](float edge, float width, float low, float high, float bend) {
        edges_.push_back(edge);
        widths_.push_back(width);
        low_.push_back(low);
        high_.push_back(high);
        bend_.push_back(bend);
    };
    for (size_t j = 0; j < settings.columns.size(); ++j) {
        const std::vector<float>& numbers = settings.columns[j];
        const int column = static_cast<int>(j), first = static_cast<int>(edges_.size());
        const int of_text = settings.texts.empty() ? 0 : settings.texts[j], bins = static_cast<int>(numbers.size()) - 1;
        const int categories = settings.categories.empty() ? 0 : settings.categories[j];
        if (of_text > 0) {
            texts_.push_back({column, first, of_text});
            for (int t = 0; t < of_text; ++t) add(0.0f, 1.0f, -infinity, infinity, 0.0f);
        } else if (categories > 0) {
            categories_.push_back({column, first, categories});
            for (int t = 0; t < categories; ++t) add(0.0f, 1.0f, -infinity, infinity, 0.0f);
        } else if (bins > 1) {
            spread_.push_back({column, first, bins});
            for (int t = 0; t < bins; ++t)
                add(numbers[t], numbers[t + 1] - numbers[t], t == 0 ? -infinity : 0.0f, t + 1 == bins ? infinity : 1.0f, 0.0f);
        } else if (bins == 1) {
            bent_.push_back({column, first, 1});
            add(numbers[0], numbers[1], -infinity, infinity, 1.0f / settings.bent_at);
        } else {
            const bool goes_on = !plain_.empty() && plain_.back().column + plain_.back().inputs == column;
            if (goes_on)
                ++plain_.back().inputs;
            else
                plain_.push_back({column, first, 1});
            add(0.0f, 1.0f, -infinity, infinity, 0.0f);
        }
        counts_.push_back(static_cast<int>(edges_.size()) - first);
        kinds_.push_back(of_text > 0 ? Cell::text : categories > 0 ? Cell::category : Cell::number);
    }
    if (!network.encoded) plain_.push_back({0, 0, network.n_x});
    const auto runs = [](const std::vector<Run>& of) { return Runs{of.data(), static_cast<int>(of.size())}; };
    const bool changes = !spread_.empty() || !bent_.empty();
    network.columns = {counts_.data(), kinds_.data(), changes,     edges_.data(), widths_.data(),   low_.data(), high_.data(), bend_.data(),
                       runs(spread_),  runs(plain_),  runs(bent_), runs(texts_),  runs(categories_)};
}

State Trial::state() const {
    return {parameters.get(), first.get(), second.get(), statistics.get(), average.get(), step, first_steps, second_steps, average_steps,
            squared_rates};
}

State Trial::predicting(Floats& room) const {
    State now = state();
    if (network.schedule_free) {
        room = zeros(network.parameters);
        for (size_t i = 0; i < network.parameters; ++i) {
            const double base = static_cast<double>(first[i]);
            room[i] = static_cast<float>(base + (static_cast<double>(parameters[i]) - base) / network.beta1);
        }
        now.parameters = room.get();
        return now;
    }
    if (average == nullptr || average_steps == 0.0) return now;
    const size_t all = network.parameters + network.statistics;
    room = zeros(all);
    const double whole = 1.0 - std::pow(network.averaging, average_steps);  // what the weights of the steps seen add up to
    const double started = 1.0 - std::pow(static_cast<double>(network.batch_norm_momentum), static_cast<double>(step));
    for (size_t i = 0; i < all; ++i)
        room[i] = static_cast<float>(static_cast<double>(average[i]) / whole * (i < network.parameters ? 1.0 : started));
    now.parameters = room.get();
    now.statistics = room.get() + network.parameters;
    return now;
}

size_t Trial::bytes() const {
    const size_t averages = average == nullptr ? 0 : network.parameters + network.statistics;
    return sizeof(float) * (network.parameters * (1 + network.first_moment + network.second_moment) + network.statistics + averages);
}

int64_t Trial::steps_per_epoch(int64_t rows) const {
    const int64_t smallest = network.batch_norm ? 2 : 1;  // a batch of one row has no variance: it is left out
    return rows / network.batch_size + (rows % network.batch_size >= smallest);
}

int64_t Trial::steps_left(int64_t rows) const { return steps_per_epoch(std::max<int64_t>(rows - row, 0)); }

bool Asking::operator()() {
    using Clock = std::chrono::steady_clock;
    if (ended_ || Clock::now() - asked_ <= std::chrono::milliseconds(200)) return ended_;
    ended_ = interrupted_();
    asked_ = Clock::now();
    return ended_;
}

Floats Trial::statistics_of(Examples training, Asking& asking) const {
    const FlushDenormals flush;
    Floats exact_statistics = zeros(network.statistics);
    if (!network.batch_norm) return exact_statistics;  // there are none
    int widest = 0;
    for (int l = 0; l < network.layers; ++l) widest = std::max(widest, network.layer[l].padded_out);
    std::vector<double> sums(2 * static_cast<size_t>(widest));
    Floats averages;
    level->exact_statistics(network, predicting(averages), workspace.at_least(network.workspace), training.x, training.rows, sums.data(),
                            exact_statistics.get(), asking.as_interruption());
    return exact_statistics;
}

void Trial::predict(Inputs x, int64_t rows, float* z, Asking& asking) const {
    const FlushDenormals flush;
    Floats averages;
    level->predict(network, predicting(averages), workspace.at_least(network.workspace), x, rows, z, asking.as_interruption());
}

Evaluation Trial::evaluate(Examples examples, Examples training, Asking& asking) const {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    if (examples.rows == 0) return {nan, nan, nan};
    const FlushDenormals flush;
    const Floats exact_statistics = exact ? statistics_of(training, asking) : nullptr;
    const bool several = network.output == Output::sigmoids;
    const auto classes = static_cast<size_t>(several ? 0 : network.classes);
    const double rows = static_cast<double>(examples.rows);
    std::vector<int64_t> correct_of(classes), rows_of(classes);
    float* const room = workspace.at_least(network.workspace);
    Floats averages;
    const Scores scores = level->evaluate(network, predicting(averages), exact_statistics.get(), room, examples.x, examples.y, examples.rows,
                                          correct_of.data(), asking.as_interruption());
    if (asking.ended()) return {nan, nan, nan};
    const double correct = static_cast<double>(scores.correct);
    if (several) return {scores.loss / rows, correct / (rows * network.layer[network.layers - 1].n_out), static_cast<double>(scores.whole) / rows};
    if (network.output == Output::linear) {
        double mean = 0.0, squares = 0.0;
        for (int64_t i = 0; i < examples.rows; ++i) mean += static_cast<double>(examples.y.values[i]) / rows;
        for (int64_t i = 0; i < examples.rows; ++i) {
            const double distance = static_cast<double>(examples.y.values[i]) - mean;
            squares += distance * distance;
        }
        const double r2 = squares > 0.0 ? 1.0 - scores.loss / squares : static_cast<double>(scores.loss == 0.0);
        return {scores.loss / rows, r2, scores.absolute_error / rows};
    }
    for (int64_t i = 0; i < examples.rows; ++i) ++rows_of[static_cast<size_t>(examples.y.classes[i])];
    double recall = 0.0;
    int present = 0;
    for (size_t c = 0; c < classes; ++c)
        if (rows_of[c] > 0) {
            recall += static_cast<double>(correct_of[c]) / static_cast<double>(rows_of[c]);
            ++present;
        }
    return {scores.loss / rows, correct / rows, recall / present};
}

Outcome Trial::run_epochs(Examples examples, Examples validation, const double* learning_rates, int epochs, double explosion,
                     const volatile uint8_t* stop, const std::function<bool()>& interrupted, std::vector<Epoch>& done) {
    using Clock = std::chrono::steady_clock;
    const FlushDenormals flush;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto rows = static_cast<uint32_t>(examples.rows);
    const int64_t whole = steps_per_epoch(examples.rows);
    Asking asking(interrupted);
    workspace.order.resize(rows);
    for (int e = 0; e < epochs; ++e) {
        const auto start = Clock::now();
        epoch_order(network.order_key, static_cast<uint64_t>(epoch), rows, workspace.order.data());
        const int64_t left = steps_left(examples.rows);
        int64_t taken = 0;
        // An epoch that is taken up in its middle has `left` steps, and its last `left` learning rates are theirs.
        const double* const rates_left = learning_rates + (whole - left);
        const Outcome outcome = run_steps(examples, workspace.order.data(), rates_left, left, stop, asking, nullptr, taken);
        if (outcome == Outcome::interrupted) return outcome;
        learning_rates += whole;
        bool diverged = outcome == Outcome::diverged;
        Epoch result{end_epoch(), {nan, nan, nan}, 0.0};
        if (!diverged) result.validation = evaluate(validation, examples, asking);
        if (asking.ended()) return Outcome::interrupted;
        diverged = diverged || result.train_loss > explosion || (validation.rows > 0 && !std::isfinite(result.validation.loss));
        result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
        done.push_back(result);
        if (diverged) return Outcome::diverged;
    }
    return Outcome::trained;
}

Outcome Trial::run_steps(Examples examples, const uint32_t* order, const double* learning_rates, int64_t n, const volatile uint8_t* stop,
                         Asking& asking, double* losses, int64_t& taken) {
    float* const room = workspace.at_least(network.workspace);
    Outcome outcome = Outcome::trained;
    State now = state();
    for (; taken < n && outcome == Outcome::trained; ++taken) {
        if (*stop != 0 || asking()) {
            outcome = Outcome::interrupted;
            break;
        }
        const int64_t m = std::min<int64_t>(network.batch_size, examples.rows - row);
        const int64_t next_m = std::min<int64_t>(network.batch_size, examples.rows - row - m);
        const double mean = level->train_step(network, now, room, examples.x, examples.y, order + row, static_cast<int>(m),
                                              static_cast<int>(next_m), learning_rates[taken]);
        loss += mean * static_cast<double>(m);
        row += m;
        if (losses != nullptr) losses[taken] = mean;
        if (!std::isfinite(mean)) outcome = Outcome::diverged;
    }
    step = now.step;
    first_steps = now.first_steps;
    second_steps = now.second_steps;
    average_steps = now.average_steps;
    squared_rates = now.squared_rates;
    return outcome;
}

double Trial::end_epoch() {
    const double mean = loss / static_cast<double>(std::max<int64_t>(row, 1));
    ++epoch;
    row = 0;
    loss = 0.0;
    return mean;
}

Outcome Trial::train_steps(Examples examples, const double* learning_rates, int64_t n, const volatile uint8_t* stop,
                           const std::function<bool()>& interrupted, double* losses, int64_t& taken, bool& ended, double& mean) {
    const FlushDenormals flush;
    Asking asking(interrupted);
    const auto rows = static_cast<size_t>(examples.rows);
    if (order_of_ != epoch || order_.size() != rows) {
        order_.resize(rows);
        epoch_order(network.order_key, static_cast<uint64_t>(epoch), static_cast<uint32_t>(rows), order_.data());
        order_of_ = epoch;
    }
    taken = 0;
    const Outcome outcome =
        run_steps(examples, order_.data(), learning_rates, std::min(n, steps_left(examples.rows)), stop, asking, losses, taken);
    ended = outcome == Outcome::trained && steps_left(examples.rows) == 0;
    mean = ended ? end_epoch() : loss / static_cast<double>(std::max<int64_t>(row, 1));
    return outcome;
}

// The scores of the output layer, which a training step replaces by their gradient, put back into its place in the workspace.
static void output_scores(const Network& network, const float* parameters, float* room, int m) {
    const Layer& last = network.layer[network.layers - 1];
    const float* factors = network.input_scaling && network.layers == 1 ? parameters : nullptr;
    const float* x = room + (network.layers > 1 ? network.layer[network.layers - 2].out : network.input);
    for (int j = 0; j < last.n_out; ++j)
        for (int row = 0; row < m; ++row) {
            const float* w = parameters + last.w + static_cast<size_t>(j / strip) * last.padded_in * strip + j % strip;
            float z = parameters[last.b + static_cast<size_t>(j)];
            for (int i = 0; i < last.n_in; ++i) {
                const float input = x[(static_cast<size_t>(i / strip) * m + row) * strip + i % strip];
                z += (factors == nullptr ? input : input * factors[i]) * w[i * strip];
            }
            room[last.pre + (static_cast<size_t>(j / strip) * m + row) * strip + j % strip] = z;
        }
}

std::vector<Inside> Trial::inside(Examples examples, double learning_rate) const {
    const FlushDenormals flush;
    const int m = static_cast<int>(examples.rows);
    Settings wider = settings;
    wider.batch_size = m;
    Network view = lay_out(wider);  // room for these rows; where the parameters stand does not change
    view.class_weights = network.class_weights;
    view.columns = network.columns;
    view.averaging = 0.0;
    const auto copy = [](const Floats& floats, size_t n) {
        if (floats == nullptr) return Floats();
        Floats other = zeros(n);
        std::memcpy(other.get(), floats.get(), n * sizeof(float));
        return other;
    };
    const Floats p = copy(parameters, network.parameters), f = copy(first, network.parameters), s = copy(second, network.parameters),
                 r = copy(statistics, network.statistics);
    State now{p.get(), f.get(), s.get(), r.get(), nullptr, step, first_steps, second_steps, average_steps, squared_rates};
    std::vector<uint32_t> rows(static_cast<size_t>(m));
    for (int i = 0; i < m; ++i) rows[static_cast<size_t>(i)] = static_cast<uint32_t>(i);
    float* const room = workspace.at_least(view.workspace);
    level->train_step(view, now, room, examples.x, examples.y, rows.data(), m, 0, learning_rate);
    std::vector<Inside> layers;
    for (int l = 0; l < network.layers; ++l) {
        const Layer& layer = view.layer[l];
        const bool hidden = l + 1 < view.layers;
        if (!hidden) output_scores(view, parameters.get(), room, m);
        double sum = 0.0, squares = 0.0, gradient = 0.0, weight = 0.0, update = 0.0;
        int dead = 0;
        for (int j = 0; j < layer.n_out; ++j) {
            const float* column = room + (hidden ? layer.active : layer.pre) + static_cast<size_t>(j / strip) * m * strip + j % strip;
            bool alive = false;
            for (int row = 0; row < m; ++row) {
                const double a = static_cast<double>(column[row * strip]);
                sum += a;
                squares += a * a;
                alive = alive || a > 0.0;
            }
            dead += !alive;
        }
        const size_t weights = static_cast<size_t>(layer.padded_in) * layer.padded_out;
        for (size_t i = layer.w; i < layer.w + weights; ++i) {
            const double g = static_cast<double>(room[view.gradient + i]) + static_cast<double>(network.l2 * parameters[i]);
            const double change = static_cast<double>(p[i]) - static_cast<double>(parameters[i]);
            gradient += g * g;
            weight += static_cast<double>(parameters[i]) * static_cast<double>(parameters[i]);
            update += change * change;
        }
        const double n = static_cast<double>(m) * layer.n_out, mean = sum / n;
        const bool relu = hidden && view.activation == Activation::relu;
        layers.push_back({mean, std::sqrt(std::max(squares / n - mean * mean, 0.0)), std::sqrt(gradient),
                          std::sqrt(update) / std::sqrt(weight), relu ? static_cast<double>(dead) / layer.n_out : 0.0});
    }
    return layers;
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
