// Whole trials at every level of this machine, on odd shapes: under the sanitizers what matters first is that nothing is read or written
// beside its place, then that predict mode says what loops in double say and that the levels agree.
#include <algorithm>
#include <cstring>
#include <limits>

#include "networks.h"

using namespace caviar_tests;

// The numbers are numpy.random.Philox(counter=..., key=...).random_raw(4).
static void known_answers() {
    struct Known {
        Key key;
        uint64_t counter[4], answer[4];
    };
    constexpr uint64_t most = ~0ull;
    const Known all[] = {
        {{0, 0}, {0, 0, 0, 0}, {0x2f4ba6408e4d89b, 0x3dd62b0b9ca8c5b2, 0x1c8667a55d902e79, 0x907d7a052fd5b4dc}},
        {{1, 2}, {3, 4, 5, 6}, {0x8070e5788d05927e, 0x1c5aef1cb5451508, 0xd04b22ec4863e2a0, 0xd67cc7da10e919ce}},
        {{most, most}, {7, most, 1ull << 63, most}, {0xabfca14ea7871853, 0xfbf08ef4db09b7c9, 0xc46d5022f8255108, 0x9fd7e7024f932213}},
    };
    for (const Known& known : all) {
        uint64_t one[4], four[16];
        philox<1>(known.key, known.counter[0], known.counter[1], known.counter[2], known.counter[3], one);
        check(std::memcmp(one, known.answer, sizeof one) == 0, "philox gives NumPy's numbers");
        philox<4>(known.key, known.counter[0], known.counter[1], known.counter[2], known.counter[3], four);
        for (uint64_t i = 0; i < 4; ++i) {
            philox<1>(known.key, known.counter[0] + i, known.counter[1], known.counter[2], known.counter[3], one);
            check(std::memcmp(one, four + 4 * i, sizeof one) == 0, "blocks side by side are those of one after the other");
        }
    }
}

static void orders() {
    for (const uint32_t m : {0u, 1u, 2u, 3u, 4u, 5u, 17u, 1000u})
        for (uint64_t epoch = 0; epoch < 3; ++epoch) {
            const auto order = std::make_unique<uint32_t[]>(m);
            epoch_order({5, 6}, epoch, m, order.get());
            std::vector<uint32_t> sorted(order.get(), order.get() + m);
            check(m < 17 || !std::is_sorted(sorted.begin(), sorted.end()), "the order is shuffled");
            std::sort(sorted.begin(), sorted.end());
            for (uint32_t i = 0; i < m; ++i) check(sorted[i] == i, "the order visits every row once");
        }
}

struct Place {
    size_t from, size;
    const char* name;
};

static void apart(std::vector<Place> places, size_t total, const std::string& where) {
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.from < b.from; });
    size_t end = 0;
    for (const Place& place : places) {
        check(place.from >= end, where + ": " + place.name + " overlaps what stands before it");
        check(place.from % strip == 0, where + ": " + place.name + " is not aligned");
        end = place.from + place.size;
    }
    check(end <= total, where + ": the last place ends outside");
}

static void lay_outs() {
    for (const Case& c : cases()) {
        const Network n = lay_out(c.settings);
        const size_t m = static_cast<size_t>(n.batch_size), most = std::max(m, static_cast<size_t>(inference_rows));
        size_t widest = 0, product = 0, hidden_units = 0;
        std::vector<Place> parameters, statistics, workspace;
        for (int l = 0; l < n.layers; ++l) {
            const Layer& layer = n.layer[l];
            const bool hidden = l + 1 < n.layers, normalised = hidden && n.batch_norm;
            const size_t out = static_cast<size_t>(layer.padded_out), weights = static_cast<size_t>(layer.padded_in) * out;
            check(layer.padded_in >= layer.n_in && layer.padded_in - layer.n_in < strip && layer.padded_in % strip == 0, "padded_in");
            check(layer.padded_out >= layer.n_out && layer.padded_out - layer.n_out < strip && layer.padded_out % strip == 0, "padded_out");
            parameters.push_back({layer.w, weights, "w"});
            workspace.push_back({layer.pre, m * out, "pre"});
            if (normalised) {
                parameters.push_back({layer.gamma, out, "gamma"});
                parameters.push_back({layer.beta, out, "beta"});
                statistics.push_back({layer.mean, out, "mean"});
                statistics.push_back({layer.variance, out, "variance"});
                workspace.push_back({layer.inverse, out, "inverse"});
            } else {
                parameters.push_back({layer.b, out, "b"});
            }
            if (hidden && n.parametric) parameters.push_back({layer.alpha, out, "alpha"});
            if (hidden) {
                workspace.push_back({layer.active, m * out, "active"});
                if (n.dropout > 0.0f) {
                    workspace.push_back({layer.mask, m * out, "mask"});
                    workspace.push_back({layer.out, m * out, "out"});
                } else {
                    check(layer.out == layer.active, "without dropout a layer gives out what is active");
                }
                hidden_units += out;
            }
            widest = std::max(widest, out);
            if (l > 0) product = std::max(product, weights);
        }
        if (!n.trains_by_entries) workspace.push_back({n.input, most * static_cast<size_t>(n.layer[0].padded_in), "input"});
        workspace.push_back({n.delta_a, most * widest, "delta_a"});
        workspace.push_back({n.delta_b, most * widest, "delta_b"});
        if (product > 0) workspace.push_back({n.transposed, product, "transposed"});
        if (hidden_units > 0) workspace.push_back({n.scale, hidden_units, "scale"});
        if (hidden_units > 0) workspace.push_back({n.shift, hidden_units, "shift"});
        workspace.push_back({n.gradient, n.parameters, "gradient"});
        if (n.input_scaling) {
            const size_t inputs = static_cast<size_t>(n.layer[0].padded_in);
            parameters.push_back({0, inputs, "factors of inputs"});
            workspace.push_back({n.scaled, inputs * static_cast<size_t>(n.layer[0].padded_out), "scaled"});
        }
        if (n.encoded) workspace.push_back({n.encoded_row, static_cast<size_t>(n.layer[0].padded_in), "encoded_row"});
        if (n.by_entries) {
            const size_t entries = most * static_cast<size_t>(n.most_entries);
            workspace.push_back({n.entry_places, entries, "entry_places"});
            workspace.push_back({n.entry_values, entries, "entry_values"});
            workspace.push_back({n.entry_counts, most, "entry_counts"});
            workspace.push_back({n.before, static_cast<size_t>(n.layer[0].padded_in) * strip, "before"});
        }
        apart(parameters, n.parameters, c.name + ", parameters");
        apart(statistics, n.statistics, c.name + ", statistics");
        apart(workspace, n.workspace, c.name + ", workspace");
    }
    Settings tiny_dropout = widths({3, 4, 2});
    tiny_dropout.dropout = 1e-50;  // 0 as a float: a step then writes no `out`
    const Network n = lay_out(tiny_dropout);
    check(n.layer[0].out == n.layer[0].active, "dropout that is 0 as a float is none");
    Settings huge = widths({1 << 20, 1 << 20, 2});
    bool refused = false;
    try {
        lay_out(huge);
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    check(refused, "a network of 2**40 weights is refused");
}

// The inputs of the first layer, (rows, n_in), by the formulas of nn/encoding.py.
static std::vector<double> encoded(const Settings& settings, const Examples& e) {
    const size_t columns = settings.columns.empty() ? static_cast<size_t>(settings.widths[0]) : settings.columns.size();
    std::vector<double> all;
    const float *x = e.x.x, *text = e.x.texts;
    for (int64_t row = 0; row < e.rows; ++row)
        for (size_t j = 0; j < columns; ++j, ++x) {
            const double number = static_cast<double>(*x);
            const std::vector<float> known = settings.columns.empty() ? std::vector<float>() : settings.columns[j];
            const std::vector<double> numbers(known.begin(), known.end());
            if (!settings.texts.empty() && settings.texts[j] > 0) {
                for (int t = 0; t < settings.texts[j]; ++t) all.push_back(static_cast<double>(*text++));
            } else if (!settings.categories.empty() && settings.categories[j] > 0) {
                for (int t = 0; t < settings.categories[j]; ++t) all.push_back(number == static_cast<double>(t) ? 1.0 : 0.0);
            } else if (numbers.empty()) {
                all.push_back(number);
            } else if (numbers.size() == 2) {
                const double u = (number - numbers[0]) / numbers[1];
                all.push_back(u / std::sqrt(1.0 + u * u / 9.0));
            } else {
                for (size_t t = 0; t + 1 < numbers.size(); ++t) {
                    double u = (number - numbers[t]) / (numbers[t + 1] - numbers[t]);
                    if (t > 0) u = std::max(u, 0.0);
                    if (t + 2 < numbers.size()) u = std::min(u, 1.0);
                    all.push_back(u);
                }
            }
        }
    return all;
}

// The scores of the output layer for all rows, (rows, n_out), in double: with batch norm each hidden z is normalised by the mean and variance
// of its column over `rows`, or by the running averages divided by 1 - momentum**step.
static std::vector<double> scores_of(const Trial& trial, const Examples& rows, const Examples& statistics_of) {
    const bool own = statistics_of.x.x == rows.x.x;
    std::vector<float> parameters(trial.parameters.get(), trial.parameters.get() + trial.network.parameters);
    const double averaged = 1.0 - std::pow(trial.network.averaging, trial.average_steps);
    for (size_t i = 0; i < parameters.size() && trial.average != nullptr && trial.step > 0; ++i)
        parameters[i] = static_cast<float>(static_cast<double>(trial.average[i]) / averaged);
    for (size_t i = 0; i < parameters.size() && trial.network.schedule_free; ++i) {  // x, of y = (1 - beta1) z + beta1 x
        const double y = static_cast<double>(parameters[i]), z = static_cast<double>(trial.first[i]);
        parameters[i] = static_cast<float>((y - (1.0 - trial.network.beta1) * z) / trial.network.beta1);
    }
    const auto push = [&](const Examples& e, const std::vector<std::vector<double>>& means, const std::vector<std::vector<double>>& variances,
                          std::vector<std::vector<double>>* own_means, std::vector<std::vector<double>>* own_variances) {
        const size_t m = static_cast<size_t>(e.rows);
        std::vector<double> in = encoded(trial.settings, e);
        for (int l = 0; l < trial.network.layers; ++l) {
            const Layer& layer = trial.network.layer[l];
            const size_t n_in = static_cast<size_t>(layer.n_in), n_out = static_cast<size_t>(layer.n_out), k = static_cast<size_t>(l);
            const bool hidden = l + 1 < trial.network.layers;
            const Numbers w = numbers(n_in * n_out);
            read_matrix(parameters.data() + layer.w, layer.n_in, layer.n_out, layer.padded_in, w.get());
            for (size_t i = 0; i < n_in * n_out && l == 0 && trial.network.input_scaling; ++i) w[i] *= parameters[i / n_out];
            std::vector<double> z(m * n_out);
            for (size_t row = 0; row < m; ++row)
                for (size_t j = 0; j < n_out; ++j)
                    for (size_t i = 0; i < n_in; ++i) z[row * n_out + j] += in[row * n_in + i] * static_cast<double>(w[i * n_out + j]);
            for (size_t j = 0; j < n_out; ++j) {
                double scale = 1.0, shift = 0.0;
                if (hidden && trial.network.batch_norm) {
                    double mean = 0.0, variance = 0.0;
                    if (own_means != nullptr) {
                        for (size_t row = 0; row < m; ++row) mean += z[row * n_out + j] / static_cast<double>(m);
                        for (size_t row = 0; row < m; ++row) variance += std::pow(z[row * n_out + j] - mean, 2) / static_cast<double>(m);
                        (*own_means)[k].push_back(mean);
                        (*own_variances)[k].push_back(variance);
                    } else {
                        mean = means[k][j];
                        variance = variances[k][j];
                    }
                    scale = static_cast<double>(parameters[layer.gamma + j]) /
                            std::sqrt(variance + static_cast<double>(trial.network.batch_norm_epsilon));
                    shift = static_cast<double>(parameters[layer.beta + j]) - mean * scale;
                } else {
                    shift = static_cast<double>(parameters[layer.b + j]);
                }
                for (size_t row = 0; row < m; ++row) {
                    double& y = z[row * n_out + j];
                    y = y * scale + shift;
                    if (!hidden) continue;
                    const double before = y;
                    switch (trial.network.activation) {
                        case Activation::identity: break;
                        case Activation::relu: y = std::max(y, 0.0); break;
                        case Activation::leaky_relu: y = y > 0 ? y : 0.01 * y; break;
                        case Activation::tanh: y = std::tanh(y); break;
                        case Activation::sigmoid: y = 1 / (1 + std::exp(-y)); break;
                        case Activation::elu: y = y > 0 ? y : std::expm1(y); break;
                        case Activation::gelu: y = y * 0.5 * std::erfc(-y / std::sqrt(2.0)); break;
                        case Activation::silu: y = y / (1 + std::exp(-y)); break;
                        case Activation::mish: y = y * std::tanh(std::log1p(std::exp(y))); break;
                        case Activation::selu: y = 1.0507009873554805 * (y > 0 ? y : 1.6732632423543772 * std::expm1(y)); break;
                    }
                    if (trial.network.parametric) y = before + static_cast<double>(parameters[layer.alpha + j]) * (y - before);
                }
            }
            in = z;
        }
        return in;
    };
    const size_t layers = static_cast<size_t>(trial.network.layers);
    std::vector<std::vector<double>> means(layers), variances(layers);
    if (trial.exact) {
        const std::vector<double> z = push(statistics_of, means, variances, &means, &variances);
        return own ? z : push(rows, means, variances, nullptr, nullptr);
    }
    const double weight = 1.0 - std::pow(static_cast<double>(trial.network.batch_norm_momentum), static_cast<double>(trial.step));
    for (size_t l = 0; l + 1 < layers && trial.network.batch_norm; ++l)
        for (size_t j = 0; j < static_cast<size_t>(trial.network.layer[l].n_out); ++j) {
            const bool averages = trial.average != nullptr;  // of statistics that are corrected already
            const float* statistics = averages ? trial.average.get() + trial.network.parameters : trial.statistics.get();
            means[l].push_back(static_cast<double>(statistics[trial.network.layer[l].mean + j]) / (averages ? averaged : weight));
            variances[l].push_back(static_cast<double>(statistics[trial.network.layer[l].variance + j]) / (averages ? averaged : weight));
        }
    return push(rows, means, variances, nullptr, nullptr);
}

static double loss_of(const Trial& trial, const Examples& rows, const Examples& statistics_of) {
    const std::vector<double> z = scores_of(trial, rows, statistics_of);
    const size_t n = static_cast<size_t>(trial.settings.widths.back()), m = static_cast<size_t>(rows.rows);
    double loss = 0.0;
    for (size_t row = 0; row < m; ++row) {
        const double* own = z.data() + row * n;
        if (trial.network.output == Output::linear) {
            loss += std::pow(own[0] - static_cast<double>(rows.y.values[row]), 2);
        } else if (trial.network.output == Output::sigmoids) {
            for (size_t j = 0; j < n; ++j) loss += std::log1p(std::exp(rows.y.classes[row] >> j & 1 ? -own[j] : own[j])) / static_cast<double>(n);
        } else if (trial.network.output == Output::sigmoid) {
            loss += std::log1p(std::exp(rows.y.classes[row] == 1 ? -own[0] : own[0]));
        } else {
            double total = 0.0;
            for (size_t j = 0; j < n; ++j) total += std::exp(own[j]);
            loss += std::log(total) - own[rows.y.classes[row]];
        }
    }
    return loss / static_cast<double>(m);
}

// Every float of padding is exactly zero, in `all` that is laid out like the parameters.
static void padding_is_zero(const Network& network, const float* all, const std::string& where) {
    if (all == nullptr) return;
    for (int i = network.layer[0].n_in; i < network.layer[0].padded_in && network.input_scaling; ++i)
        if (all[i] != 0.0f) check(false, where + ": the padding of the factors of inputs is not zero");
    for (int l = 0; l < network.layers; ++l) {
        const Layer& layer = network.layer[l];
        for (int i = 0; i < layer.padded_in; ++i)
            for (int j = 0; j < layer.padded_out; ++j) {
                const float w = all[layer.w + static_cast<size_t>(j / strip * layer.padded_in * strip + i * strip + j % strip)];
                if ((i >= layer.n_in || j >= layer.n_out) && w != 0.0f) check(false, where + ": the padding of a weight matrix is not zero");
            }
    }
}

static void trials() {
    for (const Case& c : cases()) {
        const Rows training = rows_for(c.settings, c.rows, 1), validation = rows_for(c.settings, 131, 2), none = rows_for(c.settings, 0, 3);
        double first_level_loss = std::nan("");
        for (const Level* level : levels_here()) {
            const std::string where = c.name + " at " + level->name;
            Trial trial(c.settings, *level);
            initialise(trial, 4);
            Asking asking(never);
            check(std::isnan(trial.evaluate(none.examples, training.examples, asking).loss), where + ": no rows have no loss");
            check(std::isfinite(trial.evaluate(validation.examples, training.examples, asking).loss), where + ": untrained");
            const size_t steps = static_cast<size_t>(trial.steps_per_epoch(c.rows));
            const std::vector<double> rates(3 * steps, 0.01);
            const uint8_t stop = 0;
            std::vector<Epoch> done;
            const Outcome outcome =
                trial.run_epochs(training.examples, validation.examples, rates.data(), 3, std::numeric_limits<double>::infinity(), &stop, never, done);
            check(outcome == Outcome::trained && done.size() == 3 && trial.epoch == 3, where + ": trained");
            check(trial.step == static_cast<int64_t>(3 * steps), where + ": steps");
            const Evaluation after = trial.evaluate(validation.examples, training.examples, asking);
            check(after.loss == done.back().validation.loss, where + ": the validation of the last epoch is an evaluation");
            near(after.loss, loss_of(trial, validation.examples, training.examples), 2e-4, 1e-3, where + ": loss in predict mode");
            if (!trial.exact) {
                const size_t outputs = static_cast<size_t>(c.settings.widths.back() * validation.examples.rows);
                const Numbers z = numbers(outputs);
                trial.predict(validation.examples.x, validation.examples.rows, z.get(), asking);
                const std::vector<double> truth = scores_of(trial, validation.examples, training.examples);
                for (size_t i = 0; i < outputs; ++i) near(static_cast<double>(z[i]), truth[i], 2e-3, 1e-3, where + ": scores in predict mode");
            }
            if (std::isnan(first_level_loss)) first_level_loss = after.loss;
            near(after.loss, first_level_loss, 1e-3, 2e-2, where + ": the levels agree");
            padding_is_zero(trial.network, trial.parameters.get(), where);
            padding_is_zero(trial.network, trial.first.get(), where);
            padding_is_zero(trial.network, trial.second.get(), where);
            const Floats exact = trial.statistics_of(training.examples, asking);
            for (size_t i = 0; i < trial.network.statistics; ++i) check(std::isfinite(exact[i]), where + ": statistics are finite");
            const std::vector<float> before(trial.parameters.get(), trial.parameters.get() + trial.network.parameters);
            for (const Rows* some : {&training, &validation}) {
                const std::vector<Inside> layers = trial.inside(some->examples, 0.01);
                check(layers.size() == c.settings.widths.size() - 1, where + ": one line a layer");
                for (const Inside& l : layers) {
                    for (const double number : {l.activation_mean, l.activation_deviation, l.gradient_norm, l.update_to_weight})
                        check(std::isfinite(number), where + ": inside is finite");
                    check(l.dead >= 0.0 && l.dead <= 1.0, where + ": a share is within 0 and 1");
                }
            }
            check(std::memcmp(before.data(), trial.parameters.get(), before.size() * sizeof(float)) == 0, where + ": inside changes nothing");
        }
    }
}

static void endings() {
    const Settings settings = widths({4, 17, 3});
    const double endless = std::numeric_limits<double>::infinity();
    for (const Level* level : levels_here()) {
        Rows training = rows_for(settings, 64, 1);
        const Rows validation = rows_for(settings, 10, 2);
        const std::vector<double> rates(8 * 100000, 1e-6);
        std::vector<Epoch> done;
        uint8_t stop = 1;
        Trial trial(settings, *level);
        initialise(trial, 4);
        check(trial.run_epochs(training.examples, validation.examples, rates.data(), 9, endless, &stop, never, done) == Outcome::interrupted &&
                  done.empty() && trial.step == 0,
              "the stop flag ends training before the first step");
        stop = 0;
        const auto at_once = [] { return true; };
        check(trial.run_epochs(training.examples, validation.examples, rates.data(), 100000, endless, &stop, at_once, done) == Outcome::interrupted,
              "a signal ends training");
        check(trial.run_epochs(training.examples, validation.examples, rates.data(), 1, 0.0, &stop, never, done) == Outcome::diverged,
              "a loss above the bound is a divergence");
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f}) {
            training.x[5] = bad;
            Trial sick(settings, *level);
            initialise(sick, 4);
            const std::vector<double> wild(24, 1e30);
            done.clear();
            check(sick.run_epochs(training.examples, validation.examples, wild.data(), 3, 1e3, &stop, never, done) == Outcome::diverged,
                  "inputs that are no numbers are a divergence");
            Asking asking(never);
            sick.evaluate(training.examples, training.examples, asking);
            sick.statistics_of(training.examples, asking);
            sick.inside(training.examples, 1e30);
        }
    }
}

int main() {
    known_answers();
    orders();
    lay_outs();
    trials();
    endings();
    return report("trials");
}
