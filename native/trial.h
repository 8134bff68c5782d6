// One network in training: its memory, its epochs, its state as plain arrays. Compiled once, for the oldest processor; the arithmetic is
// in the levels.
#pragma once
#include <cstdlib>
#include <memory>
#include <vector>

#include "network.h"

namespace caviar {

struct Free {
    void operator()(void* p) const { std::free(p); }
};
using Floats = std::unique_ptr<float[], Free>;

Floats zeros(size_t n);  // aligned to a cache line; throws std::bad_alloc

// What the user chose; lay_out turns it into offsets.
struct Settings {
    std::vector<int> widths;  // inputs, hidden units ..., classes
    Activation activation = Activation::relu;
    bool batch_norm = true;
    float batch_norm_momentum = 0.9f, batch_norm_epsilon = 1e-5f;
    double dropout = 0.0;
    bool first_moment = true, second_moment = true, bias_correction = true;
    double beta1 = 0.9, beta2 = 0.999;
    float epsilon = 1e-8f, l2 = 0.0f;
    int batch_size = 64;
    Key order_key{}, dropout_key{};
};

Network lay_out(const Settings& settings);

// The levels that this processor runs, slowest first; the last is the default.
std::vector<const Level*> levels_here();

struct Examples {
    const float* x;
    const int32_t* y;
    int64_t rows;
};

struct Epoch {
    double train_loss, validation_loss, validation_accuracy, validation_balanced_accuracy, learning_rate, seconds;
};

enum class Outcome : int { trained, diverged, interrupted };

struct Trial {
    Network network;
    const Level* level;
    Floats parameters, first, second, statistics;
    int64_t step = 0;
    int64_t epoch = 0;

    Trial(const Settings& settings, const Level& level);

    // Trains on, one epoch for each learning rate, validating after each (where there are validation rows). Stops early when the loss is no
    // longer finite or exceeds `explosion`, or when *stop becomes non-zero.
    Outcome train(Examples examples, Examples validation, const std::vector<double>& learning_rates, double explosion,
                  const volatile uint8_t* stop, std::vector<Epoch>& epochs);
    Epoch evaluate(Examples examples) const;

    size_t bytes() const;
    State state() const;
};

// Copies between a plain (rows, columns) array and its place in strips (with_strips) or a plain row.
void read_matrix(const float* from_strips, int rows, int columns, int padded_rows, float* plain);
void write_matrix(const float* plain, int rows, int columns, int padded_rows, float* to_strips);

}  // namespace caviar
