// One network in training: its memory, its epochs, its state as plain arrays. Compiled once, for the oldest processor; the arithmetic is
// in the levels.
#pragma once
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "network.h"

namespace caviar {

struct Free {
    void operator()(void* p) const { std::free(p); }
};
using Floats = std::unique_ptr<float[], Free>;

Floats zeros(size_t n);  // aligned to a cache line; throws std::bad_alloc

// Choices of the user; lay_out turns it into offsets.
struct Settings {
    std::vector<int> widths;  // inputs, hidden units ..., the columns of the output layer
    Activation activation = Activation::relu;
    Output output = Output::softmax;
    bool batch_norm = true;
    float batch_norm_momentum = 0.9f, batch_norm_epsilon = 1e-5f;
    bool exact_statistics = false;  // predict mode: normalise by the whole training set and not by the running averages
    double dropout = 0.0, input_dropout = 0.0;
    bool input_scaling = false;
    double input_scaling_rate = 6.0;
    bool parametric = false;
    double parametric_rate = 0.1;
    Error error = Error::squared;
    double huber_delta = 1.0, quantile = 0.5;
    float label_smoothing = 0.0f;
    std::vector<float> class_weights;  // none, or one a class, or two a target
    // None, or of each column of x: nothing where it stays as it is; where it begins and what it is divided by, to be bent; or the edges of
    // its bins in rising order, three and more.
    std::vector<std::vector<float>> columns;
    std::vector<int> texts;       // none, or of each column the numbers of its text, 0 where it stands for none
    std::vector<int> categories;  // none, or of each column how many categories its numbers stand for, 0 for none
    float bent_at = 3.0f;    // what far numbers are bent towards
    bool by_entries = false;  // make the first layer's products of a row's entries (entries.h)
    bool first_moment = true, second_moment = true, bias_correction = true, nesterov = false, schedule_free = false;
    double beta1 = 0.9, beta2 = 0.999;
    float epsilon = 1e-8f, l2 = 0.0f, weight_decay = 0.0f, clip_norm = 0.0f;
    double averaging = 0.0;
    int batch_size = 64;
    Key order_key{}, dropout_key{};
};

// Different labels of a row; 0 for a number.
inline int classes_of(const Settings& settings) {
    switch (settings.output) {
        case Output::softmax: return settings.widths.back();
        case Output::sigmoid: return 2;
        case Output::linear: return 0;
        case Output::sigmoids: return 1 << settings.widths.back();
    }
    return 0;
}

// Throws std::invalid_argument for a network too large to be meant: its offsets within a mini-batch are to fit an int, and a processor
// with less memory than it asks for would not refuse but be killed.
Network lay_out(const Settings& settings);

constexpr size_t most_parameters = size_t{1} << 28, most_workspace = size_t{1} << 30;  // floats, padding included: 1 and 4 GiB

// The levels that this processor runs, slowest first; the last is the default.
std::vector<const Level*> levels_here();

struct Examples {
    Inputs x;
    Targets y;
    int64_t rows;
};

// Scores in predict mode. Of classes: mean cross-entropy, accuracy, the mean over the classes present of their accuracy. Of several targets:
// their mean cross-entropy, their mean accuracy, the share of rows where all are correct. Of numbers: mean squared error, 1 - error /
// variance, mean absolute error.
struct Evaluation {
    double loss, accuracy_or_r2, balanced_accuracy_or_mae;
};

struct Epoch {
    double train_loss;
    Evaluation validation;
    double seconds;
};

// One layer from the inside, on one mini-batch.
struct Inside {
    double activation_mean, activation_deviation, gradient_norm, update_to_weight, dead;
};

enum class Outcome : int { trained, diverged, interrupted };

// Asks `interrupted` several times a second and not oftener, and never again after a yes.
class Asking {
  public:
    explicit Asking(std::function<bool()> interrupted) : interrupted_(std::move(interrupted)) {}

    bool operator()();
    bool ended() const { return ended_; }
    Interruption as_interruption() {
        return {[](void* self) { return (*static_cast<Asking*>(self))(); }, this};
    }

  private:
    std::function<bool()> interrupted_;
    std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
    bool ended_ = false;
};

struct Trial {
    Settings settings;
    Network network;
    const Level* level;
    bool exact;
    Floats parameters, first, second, statistics, average;
    int64_t step = 0;
    int64_t epoch = 0;
    int64_t row = 0;    // rows of the epoch under way that have been trained on
    double loss = 0.0;  // summed over these rows
    double first_steps = 0.0, second_steps = 0.0, average_steps = 0.0, squared_rates = 0.0;  // see State

    Trial(const Settings& settings, const Level& level);
    Trial(const Trial&) = delete;  // the network points into it

    int64_t steps_per_epoch(int64_t rows) const;
    int64_t steps_left(int64_t rows) const;  // of the epoch under way

    // Trains on from the place in the epoch, a step for each of the `n` learning rates, and ends with the epoch. Writes the mean loss of
    // every mini-batch to losses and how many there were to `taken`; `ended`: the epoch is over, and `mean` is that of all of its rows,
    // else of those so far. Stops early like `run_epochs`, always between two mini-batches; an explosion is for the caller to see.
    Outcome train_steps(Examples examples, const double* learning_rates, int64_t n, const volatile uint8_t* stop,
                        const std::function<bool()>& interrupted, double* losses, int64_t& taken, bool& ended, double& mean);

    // Trains on for `epochs` epochs, validating after each (where there are validation rows). learning_rates has steps_per_epoch for each.
    // Stops early when the loss is no longer finite or exceeds `explosion`, when *stop becomes non-zero, or when `interrupted`, asked
    // several times a second, says so.
    Outcome run_epochs(Examples examples, Examples validation, const double* learning_rates, int epochs, double explosion,
                       const volatile uint8_t* stop, const std::function<bool()>& interrupted, std::vector<Epoch>& done);

    // Scores `examples`; `training` is what exact statistics are of. Of no use when `asking` has ended.
    Evaluation evaluate(Examples examples, Examples training, Asking& asking) const;

    // Mean and variance of every hidden z over all of x, laid out like `statistics`. Of no use when `asking` has ended.
    Floats statistics_of(Examples training, Asking& asking) const;

    // The output layer's z of all rows of x in predict mode, by the running averages: into z (rows, n_out). Of no use when `asking` has ended.
    void predict(Inputs x, int64_t rows, float* z, Asking& asking) const;

    // One training step on `examples` as its mini-batch, on a copy: the trial itself is untouched.
    std::vector<Inside> inside(Examples examples, double learning_rate) const;

    size_t bytes() const;  // what outlives a step
    State state() const;
    State predicting(Floats& room) const;  // averages, in `room`, in the places of parameters, and statistics, where there are some

  private:
    void take_columns();  // those of the settings into the network

    std::vector<int> counts_;  // of Columns, as the following are
    std::vector<Cell> kinds_;
    std::vector<float> edges_, widths_, low_, high_, bend_;
    std::vector<Run> spread_, plain_, bent_, texts_, categories_;
    std::vector<uint32_t> order_;  // of the epoch order_of_; kept between the calls of train_steps alone
    int64_t order_of_ = -1;

    Outcome run_steps(Examples examples, const uint32_t* order, const double* learning_rates, int64_t n, const volatile uint8_t* stop,
                      Asking& asking, double* losses, int64_t& taken);
    double end_epoch();  // the mean loss of its rows
};

// Copies between a plain (rows, columns) array and its place in strips (with_strips) or a plain row.
void read_matrix(const float* from_strips, int rows, int columns, int padded_rows, float* plain);
void write_matrix(const float* plain, int rows, int columns, int padded_rows, float* to_strips);

}  // namespace caviar
