// Small networks of odd shapes, and rows for them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <numeric>
#include <string>
#include <vector>

#include "../trial.h"
#include "check.h"

namespace caviar_tests {

using namespace caviar;

struct Case {
    std::string name;
    Settings settings;
    int rows;
};

struct Rows {
    Numbers x, texts;
    std::unique_ptr<int32_t[]> classes;
    Numbers values;
    Examples examples;
};

// Columns 0 and 1 say what y is; blocks of just their size.
inline Rows rows_for(const Settings& settings, int rows, unsigned long long seed) {
    const size_t m = static_cast<size_t>(rows), n = settings.columns.empty() ? static_cast<size_t>(settings.widths[0]) : settings.columns.size();
    const size_t of_texts = static_cast<size_t>(std::accumulate(settings.texts.begin(), settings.texts.end(), 0));
    const int classes = std::max(classes_of(settings), 2);
    Rows made{random_numbers(m * n, seed), random_numbers(m * of_texts, seed + 1), std::make_unique<int32_t[]>(m), numbers(m), {}};
    for (size_t j = 0; j < settings.categories.size(); ++j)  // -1, of none, and one that there is not among them
        for (size_t i = 0; i < m && settings.categories[j] > 0; ++i) made.x[i * n + j] = std::floor(made.x[i * n + j] * 3.5f) + 2.0f;
    for (size_t i = 0; i < m; ++i) {
        const float first = made.x[i * n];
        made.classes[i] = std::min(static_cast<int>((first + 1.0f) / 2.0f * static_cast<float>(classes)), classes - 1);
        made.values[i] = first * made.x[i * n + n - 1];
    }
    const bool linear = settings.output == Output::linear;
    made.examples = {{made.x.get(), made.texts.get()}, {linear ? nullptr : made.classes.get(), linear ? made.values.get() : nullptr}, rows};
    return made;
}

// Weights of variance 2 / n_in, gamma near 1, beta and b near 0, as padding allows: through write_matrix.
inline void initialise(Trial& trial, unsigned long long seed) {
    Uniform uniform(seed);
    for (int i = 0; i < trial.network.layer[0].n_in && trial.network.input_scaling; ++i) trial.parameters[static_cast<size_t>(i)] = 1.0f + 0.5f * uniform();
    for (int l = 0; l < trial.network.layers; ++l) {
        const Layer& layer = trial.network.layer[l];
        const size_t n_in = static_cast<size_t>(layer.n_in), n_out = static_cast<size_t>(layer.n_out);
        const Numbers w = numbers(n_in * n_out);
        for (size_t i = 0; i < n_in * n_out; ++i) w[i] = uniform() * std::sqrt(6.0f / static_cast<float>(layer.n_in));
        write_matrix(w.get(), layer.n_in, layer.n_out, layer.padded_in, trial.parameters.get() + layer.w);
        const bool normalised = trial.network.batch_norm && l + 1 < trial.network.layers;
        for (size_t j = 0; j < n_out; ++j) {
            if (normalised) trial.parameters[layer.gamma + j] = 1.0f + 0.1f * uniform();
            trial.parameters[(normalised ? layer.beta : layer.b) + j] = 0.1f * uniform();
            if (trial.network.parametric && l + 1 < trial.network.layers) trial.parameters[layer.alpha + j] = 1.0f + 0.5f * uniform();
        }
    }
    if (trial.network.schedule_free) std::copy_n(trial.parameters.get(), trial.network.parameters, trial.first.get());
}

inline Settings widths(std::vector<int> given) {
    Settings settings;
    settings.widths = std::move(given);
    settings.batch_size = 8;
    settings.order_key = {1, 2};
    settings.dropout_key = {3, 4};
    return settings;
}

// 17 rows in batches of 8 leave one row; every shape, output, optimiser and activation comes up.
inline std::vector<Case> cases() {
    std::vector<Case> all;
    const auto add = [&](const std::string& name, std::vector<int> shape, int rows, auto change) {
        Settings settings = widths(std::move(shape));
        change(settings);
        all.push_back({name, settings, rows});
    };
    const auto as_it_is = [](Settings&) {};
    add("widths 1, 17 and 33", {1, 17, 33, 2}, 17, as_it_is);
    add("by entries", {19, 33, 5, 3}, 17, [](Settings& s) { s.by_entries = true; });
    add("by entries, scaled inputs, dropped units", {33, 17, 2}, 41, [](Settings& s) {
        s.by_entries = s.input_scaling = true;
        s.dropout = 0.2;
    });
    for (const bool by_entries : {false, true})
        add(by_entries ? "columns by entries" : "columns", {2 + 3 + 1 + 3 + 2 + 4 + 10, 33, 5, 3}, 41, [&](Settings& s) {
            s.columns = {{}, {}, {-1.0f, -0.2f, 0.5f, 0.9f}, {0.1f, 0.5f}, {}, {-0.5f, 0.0f, 0.5f}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
            s.texts = {0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
            s.categories = {0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
            s.by_entries = by_entries;
        });
    add("by entries, dropped inputs", {7, 17, 2}, 41, [](Settings& s) {
        s.by_entries = true;
        s.input_dropout = 0.2;
    });
    add("one unit a layer", {3, 1, 1, 3}, 17, as_it_is);
    add("softmax regression", {5, 7}, 17, [](Settings& s) { s.batch_norm = false; });
    add("softmax regression that asks for batch norm", {5, 7}, 18, as_it_is);
    for (const int classes : {2, 15, 16, 17, 32, 33, 40})
        add(std::to_string(classes) + " classes", {9, 20, classes}, 41, [](Settings& s) { s.label_smoothing = 0.1f; });
    for (int kind = 0; kind <= static_cast<int>(Activation::selu); ++kind)
        for (const bool batch_norm : {false, true})
            add("activation " + std::to_string(kind) + (batch_norm ? " with batch norm" : ""), {17, 33, 5, 3}, 17, [&](Settings& s) {
                s.activation = static_cast<Activation>(kind);
                s.batch_norm = batch_norm;
            });
    add("sigmoid output with weights", {4, 17, 1}, 25, [](Settings& s) {
        s.output = Output::sigmoid;
        s.class_weights = {0.5f, 2.0f};
        s.label_smoothing = 0.05f;
    });
    add("sigmoids output with weights", {4, 17, 3}, 25, [](Settings& s) {
        s.output = Output::sigmoids;
        s.class_weights = {0.5f, 2.0f, 1.0f, 0.0f, 3.0f, 0.7f};
        s.label_smoothing = 0.05f;
    });
    add("sigmoids, more than a strip", {5, 9, 17}, 21, [](Settings& s) { s.output = Output::sigmoids; });
    add("sigmoids, no layer", {5, 16}, 21, [](Settings& s) { s.output = Output::sigmoids; });
    add("linear output", {33, 17, 1}, 25, [](Settings& s) {
        s.output = Output::linear;
        s.batch_norm = false;
    });
    for (const Error error : {Error::huber, Error::pinball})
        add(error == Error::huber ? "huber" : "pinball", {33, 17, 1}, 25, [&](Settings& s) {
            s.output = Output::linear;
            s.error = error;
            s.huber_delta = 0.3;
            s.quantile = 0.8;
        });
    add("linear output, one input, no layer", {1, 1}, 9, [](Settings& s) { s.output = Output::linear; });
    add("class weights and clipping", {6, 19, 4}, 33, [](Settings& s) {
        s.class_weights = {1.0f, 0.0f, 3.0f, 0.5f};
        s.clip_norm = 0.1f;
        s.l2 = 0.01f;
    });
    add("dropout on inputs and units", {19, 40, 18, 4}, 33, [](Settings& s) {
        s.dropout = 0.4;
        s.input_dropout = 0.2;
    });
    add("dropout without batch norm, one row at a time", {19, 40, 4}, 5, [](Settings& s) {
        s.dropout = 0.4;
        s.batch_norm = false;
        s.batch_size = 1;
    });
    add("exact statistics over two blocks of rows", {7, 18, 33, 3}, 150, [](Settings& s) { s.exact_statistics = true; });
    add("exact statistics, one row too many", {7, 18, 3}, 129, [](Settings& s) {
        s.exact_statistics = true;
        s.dropout = 0.3;
    });
    add("scaled inputs", {19, 40, 18, 4}, 33, [](Settings& s) {
        s.input_scaling = true;
        s.input_dropout = 0.2;
        s.weight_decay = 0.1f;
        s.clip_norm = 0.5f;
    });
    add("scaled inputs, no layer", {33, 1}, 20, [](Settings& s) {
        s.input_scaling = true;
        s.output = Output::sigmoid;
    });
    add("averages, exact statistics", {5, 18, 33, 3}, 150, [](Settings& s) {
        s.averaging = 0.9;
        s.exact_statistics = true;
    });
    add("averages of scaled inputs, running statistics", {5, 18, 33, 3}, 150, [](Settings& s) {
        s.averaging = 0.8;
        s.input_scaling = true;
    });
    for (const bool batch_norm : {false, true})
        add(batch_norm ? "parametric sigmoid with batch norm" : "parametric sigmoid", {17, 33, 5, 3}, 17, [&](Settings& s) {
            s.activation = Activation::sigmoid;
            s.batch_norm = batch_norm;
            s.parametric = true;
            s.dropout = 0.2;
        });
    add("averages of one input, no batch norm", {1, 17, 1}, 25, [](Settings& s) {
        s.averaging = 0.5;
        s.output = Output::linear;
        s.batch_norm = false;
        s.input_scaling = true;
    });
    add("scaled inputs, exact statistics", {5, 18, 33, 3}, 150, [](Settings& s) {
        s.input_scaling = true;
        s.exact_statistics = true;
    });
    add("a mini-batch larger than the set", {5, 9, 3}, 7, [](Settings& s) { s.batch_size = 1000; });
    add("inner dimension in two pieces", {290, 270, 2}, 19, as_it_is);
    const auto optimiser = [&](const char* name, bool first, bool second, bool corrected, bool nesterov) {
        add(name, {6, 17, 3}, 19, [&](Settings& s) {
            s.first_moment = first;
            s.second_moment = second;
            s.bias_correction = corrected;
            s.nesterov = nesterov;
            s.weight_decay = 0.01f;
        });
    };
    optimiser("sgd", false, false, false, false);
    optimiser("momentum", true, false, false, false);
    optimiser("nesterov", true, false, false, true);
    optimiser("rmsprop", false, true, false, false);
    for (const bool exact : {false, true})
        add(exact ? "schedule-free, exact statistics" : "schedule-free", {5, 18, 33, 3}, 150, [&](Settings& s) {
            s.schedule_free = true;
            s.weight_decay = 0.01f;
            s.clip_norm = 0.5f;
            s.input_scaling = true;
            s.exact_statistics = exact;
        });
    return all;
}

inline bool never() { return false; }

}  // namespace caviar_tests
