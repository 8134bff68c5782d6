// A network in memory. Plain data only: every instruction-set level is compiled separately and shares this.
//
// Notation
//   m       rows (examples) of a mini-batch
//   n_in    a layer's inputs, n_out its outputs
//   strip   sixteen columns that stand together: a matrix (m, n) is kept as ceil(n / 16) strips of (m, 16), each contiguous.
//           A strip is what one pass of a product writes, what batch normalisation works on, and what stays in the first
//           cache level; no stride is ever a power of two.
//   padded  a width rounded up to a multiple of 16. Padding holds zeros: padded weights meet zero inputs and get zero gradients,
//           so they stay exactly zero and need no mask (but sigmoid(0) is not 0: see activate in layers.h).
//
// One flat array holds all parameters, in the order w, then gamma and beta (or b), layer by layer, the factors of scaled inputs before
// them; the gradient and both moments are flat arrays of the same shape, so that an optimiser is one pass.
//   w  (n_in, n_out) as strips of output columns: element (i, j) at w + (j / 16) * padded_in * 16 + i * 16 + j % 16
#pragma once
#include <cstddef>
#include <cstdint>

#include "philox.h"

namespace caviar {

constexpr int strip = 16;
constexpr int max_layers = 64;
constexpr int inference_rows = 128;  // rows that are evaluated together: their activations stay in the second cache level

constexpr size_t rows_to_come_floats = 1 << 14;  // of a mini-batch that is fetched in advance: an eighth of a second cache level

constexpr int padded(int n) { return (n + strip - 1) / strip * strip; }

enum class Activation : int { identity, relu, leaky_relu, tanh, sigmoid, elu, gelu, silu, mish, selu };

// Meaning of the output layer's z: a logit for each class; one logit for the second of two classes; the predicted number; of each of several
// targets one logit for its second class. Label sets of several targets are whole numbers: bit j is the class of target j.
enum class Output : int { softmax, sigmoid, linear, sigmoids };

constexpr int most_targets = 30;  // of sigmoids: as many label sets as an int counts

// What a predicted number is trained by; it is always evaluated by squared error.
enum class Error : int { squared, huber, pinball };

// So many columns of x, each an input from `first` on; or so many inputs of one column: its bins, the numbers of a text, or one a category.
struct Run {
    int column, first, inputs;
};
struct Runs {
    const Run* each;
    int n;
};

enum class Cell : char { number, text, category };

// The columns of x as the first layer gets them (nn/encoding.py): each as it is, bent, spread over bins, or the numbers of a text, which come
// beside x; or one input a category, of which the one whose number x has is 1, and none where there is no such category. Any other input is
// u = (x - edge) / width of its column, cut to [low, high], and then u / sqrt(1 + (bend u)^2); one that stays as it is has edge 0, width 1, no
// ends and bend 0.
struct Columns {
    const int* counts;  // (n_x): the inputs that each column makes
    const Cell* kinds;  // (n_x)
    bool changes;       // false where every input is what encode first puts there
    const float *edges, *widths, *low, *high, *bend;  // (n_in)
    Runs spread, plain, bent, texts, categories;  // by what becomes of them; a run is one column, but of the plain ones
};

struct Layer {
    int n_in, n_out;              // true widths
    int padded_in, padded_out;    // rounded up to whole strips
    size_t w, b, gamma, beta;     // offsets into the flat parameters (b without batch norm, gamma and beta with it)
    size_t alpha;                 // of a parametric activation, after these
    size_t mean, variance;        // offsets into the flat running statistics
    size_t fold;                  // offset into the workspace's test-time scale and shift of each column
    // offsets into the workspace, for a mini-batch of Network::batch_size rows
    size_t pre;      // z, or with batch norm z normalised   (m, n_out) in strips
    size_t active;   // after the activation                 (m, n_out)
    size_t mask;     // dropout: 0 or 1 / (1 - p)             (m, n_out)
    size_t out;      // after dropout; `active` itself without (m, n_out)
    size_t inverse;  // 1 / sqrt(variance + epsilon) of the mini-batch (n_out)
};

struct Network {
    int layers;  // hidden layers + 1
    Layer layer[max_layers];
    int batch_size;
    Activation activation;
    Output output;
    int classes;  // 2 for a single logit, 0 for a number; of several targets the label sets
    bool batch_norm;
    float batch_norm_momentum, batch_norm_epsilon;
    float dropout, input_dropout;
    bool input_scaling;  // its factors are the first parameters
    double input_scaling_rate;  // times the learning rate: theirs
    bool parametric;            // every hidden unit has its share alpha of the activation
    double parametric_rate;     // times the learning rate: theirs
    uint32_t dropout_threshold, input_dropout_threshold;  // a unit is kept when its 16-bit number is not below this
    Error error;
    double huber_delta, quantile;
    float label_smoothing;
    const float* class_weights;  // (classes), or null: every row counts alike
    int n_x, n_texts;            // columns of x, and of the numbers of texts
    bool encoded;                // else all columns are as they are
    Columns columns;
    bool by_entries;         // the first layer's products are made of a row's entries (entries.h), of which it has `most_entries`
    bool trains_by_entries;  // in training, too: not where inputs are dropped, for then there are zeros among the ones of a number
    int most_entries;
    Key order_key, dropout_key;
    // the optimiser: which moments are kept, and whether they are corrected for their start at zero
    bool first_moment, second_moment, bias_correction, nesterov;
    bool schedule_free;  // the place of the first moment holds the base sequence
    double beta1, beta2;
    float epsilon, l2;
    float weight_decay;  // decoupled from the gradient
    float clip_norm;     // 0: no clipping
    double averaging;    // beta of the averages that predictions use; 0: there are none
    size_t parameters;  // floats in the flat parameter array, padding included
    size_t statistics;  // floats in the flat array of running means and variances
    // workspace offsets
    size_t input, transposed, gradient, delta_a, delta_b, scale, shift, workspace;
    size_t scaled;  // the first layer's weights times the factors of the inputs
    size_t encoded_row;  // a row of x as the first layer gets it
    size_t entry_places, entry_values, entry_counts, before;  // see entries.h
};

// Arrays of one trial that outlive a step.
struct State {
    float* parameters;
    float* first;  // moment, or the base sequence of schedule_free
    float* second;
    float* statistics;
    float* average;  // of the parameters, then of the statistics as predictions use them; null without averaging
    int64_t step;    // training steps taken
    double first_steps, second_steps, average_steps;  // that each has seen; no whole numbers where a beta was turned on the way
    double squared_rates;  // the sum of the squared learning rates of schedule_free
};

// The rows of x (m, n_x), and those of the numbers of their texts (m, n_texts).
struct Inputs {
    const float *x, *texts;
};

// Targets of the rows: classes or label sets, or numbers. One of the two is null.
struct Targets {
    const int32_t* classes;
    const float* values;
};

struct Scores {
    double loss;            // summed over the rows: cross-entropy, of several targets their mean, or squared error
    double absolute_error;  // summed; numbers only
    int64_t correct;        // rows whose likeliest class is the label's, of several targets in each; classes only
    int64_t whole;          // rows where all of several targets are correct
};

// Asked before every block of an evaluation: true ends the work, and what it gives back is then of no use.
struct Interruption {
    bool (*asked)(void*);
    void* of;

    bool operator()() const { return asked(of); }
};

// One instruction-set level: the same source compiled with other flags.
struct Level {
    const char* name;
    bool (*runs_here)();
    // One training step on the m rows of x (row length n_x) that `rows` names; returns their mean loss without L2.
    // After them `rows` names the next_m rows of the step after this one.
    double (*train_step)(const Network&, State&, float* workspace, Inputs x, Targets y, const uint32_t* rows, int m, int next_m,
                         double learning_rate);
    // Mean and biased variance of every hidden z over all rows of x in predict mode, each layer normalised by its own: into `statistics`,
    // laid out like State::statistics. `sums` is room for two doubles a column of the widest layer.
    void (*exact_statistics)(const Network&, const State&, float* workspace, Inputs x, int64_t rows, double* sums, float* statistics,
                             Interruption interrupted);
    // All rows of x in predict mode, normalised by `statistics` if not null, else by the running averages; adds to correct_of[class].
    Scores (*evaluate)(const Network&, const State&, const float* statistics, float* workspace, Inputs x, Targets y, int64_t rows,
                       int64_t* correct_of, Interruption interrupted);
    // The output layer's z of all rows of x in predict mode, normalised by the running averages: into z (rows, n_out).
    void (*predict)(const Network&, const State&, float* workspace, Inputs x, int64_t rows, float* z, Interruption interrupted);
};

extern const Level level_scalar;
#if defined(__x86_64__)
extern const Level level_v2;
extern const Level level_v3;
extern const Level level_v4;
#elif defined(__aarch64__)
extern const Level level_neon;
#endif

}  // namespace caviar
