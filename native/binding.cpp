// The door between Python and the native engine. Everything that comes in is checked here, once; the interpreter lock is released for every
// call that trains or evaluates.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "trial.h"

namespace nb = nanobind;
using namespace caviar;

namespace {

using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rates = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using StepRates = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Flag = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Array = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;

void require(bool holds, const std::string& rule) {
    if (!holds) throw std::invalid_argument(rule);
}

// A setting by its name: KeyError where it is missing, TypeError where it is of another type or does not fit.
template <typename T>
T setting(const nb::dict& given, const char* name) {
    const nb::object value = given[name];
    T result{};
    if (!nb::try_cast(value, result))
        throw nb::type_error((std::string("the setting '") + name + "' has a wrong type or is too large").c_str());
    return result;
}

// A number that is not negative, NaN or infinite; a share is below 1 too.
template <typename T>
T amount(const nb::dict& given, const char* name) {
    const T value = setting<T>(given, name);
    require(value >= 0 && std::isfinite(value), std::string(name) + " is a finite number and at least 0");
    return value;
}
template <typename T>
T share(const nb::dict& given, const char* name) {
    const T value = setting<T>(given, name);
    require(value >= 0 && value < 1, std::string(name) + " is at least 0 and below 1");
    return value;
}

Settings settings_from(const nb::dict& given) {
    Settings s;
    s.widths = setting<std::vector<int>>(given, "widths");
    require(s.widths.size() >= 2, "widths names at least inputs and classes");
    require(s.widths.size() <= max_layers, "at most " + std::to_string(max_layers - 1) + " layers");
    for (const int width : s.widths) require(width >= 1 && width <= 1 << 20, "a width is between 1 and 2**20, got " + std::to_string(width));
    const int activation = setting<int>(given, "activation"), output = setting<int>(given, "output");
    require(activation >= 0 && activation <= static_cast<int>(Activation::selu), "unknown activation");
    require(output >= 0 && output <= static_cast<int>(Output::sigmoids), "unknown output");
    s.activation = static_cast<Activation>(activation);
    s.output = static_cast<Output>(output);
    const bool several = s.output == Output::sigmoids;
    require(several || s.output == Output::softmax ? s.widths.back() >= 2 : s.widths.back() == 1,
            "softmax and sigmoids have at least two columns, sigmoid and linear have one");
    require(!several || s.widths.back() <= most_targets, "sigmoids have at most " + std::to_string(most_targets) + " columns");
    s.batch_norm = setting<bool>(given, "batch_norm");
    s.batch_norm_momentum = share<float>(given, "batch_norm_momentum");
    s.batch_norm_epsilon = amount<float>(given, "batch_norm_epsilon");
    s.exact_statistics = setting<bool>(given, "exact_statistics");
    s.dropout = share<double>(given, "dropout");
    s.input_dropout = share<double>(given, "input_dropout");
    s.input_scaling = setting<bool>(given, "input_scaling");
    s.input_scaling_rate = amount<double>(given, "input_scaling_rate");
    s.parametric = setting<bool>(given, "parametric_activation");
    s.parametric_rate = amount<double>(given, "parametric_rate");
    const int error = setting<int>(given, "loss");
    require(error >= 0 && error <= static_cast<int>(Error::pinball), "unknown loss");
    s.error = static_cast<Error>(error);
    s.huber_delta = amount<double>(given, "huber_delta");
    s.quantile = share<double>(given, "quantile");
    s.label_smoothing = share<float>(given, "label_smoothing");
    s.class_weights = setting<std::vector<float>>(given, "class_weights");
    s.columns = setting<std::vector<std::vector<float>>>(given, "columns");
    s.texts = setting<std::vector<int>>(given, "texts");
    require(s.texts.empty() || s.texts.size() == s.columns.size(), "texts has a number for each column, or none");
    for (const int width : s.texts) require(width >= 0 && width <= 1 << 20, "a text has at most 2**20 numbers");
    s.categories = setting<std::vector<int>>(given, "categories");
    require(s.categories.empty() || s.categories.size() == s.columns.size(), "categories has a number for each column, or none");
    for (const int categories : s.categories) require(categories >= 0 && categories <= 1 << 20, "a column has at most 2**20 categories");
    size_t inputs = 0;
    for (size_t j = 0; j < s.columns.size(); ++j) {
        const std::vector<float>& numbers = s.columns[j];
        const int of_text = s.texts.empty() ? 0 : s.texts[j];
        require(numbers.size() != 1, "a column has no bins, or two and more");
        if (numbers.size() == 2) require(std::isfinite(numbers[0]) && numbers[1] > 0.0f, "a column is divided by a number above 0");
        for (size_t t = 0; numbers.size() > 2 && t + 1 < numbers.size(); ++t) require(numbers[t] < numbers[t + 1], "edges of bins rise");
        const int categories = s.categories.empty() ? 0 : s.categories[j];
        require(categories == 0 || (of_text == 0 && numbers.empty()), "a column of categories has neither a text nor bins");
        inputs += of_text > 0 ? static_cast<size_t>(of_text) : categories > 0 ? static_cast<size_t>(categories) : numbers.size() > 2 ? numbers.size() - 1 : 1;
    }
    require(s.columns.empty() || inputs == static_cast<size_t>(s.widths[0]), "the columns make as many numbers as there are inputs");
    s.bent_at = amount<float>(given, "bent_at");
    require(s.bent_at > 0.0f, "numbers are bent towards one above 0");
    s.by_entries = setting<bool>(given, "by_entries");
    const size_t columns = static_cast<size_t>(s.widths.back()), classes = several ? 2 * columns : s.output == Output::softmax ? columns : 2;
    require(s.class_weights.empty() || (s.output != Output::linear && s.class_weights.size() == classes), "one weight a class, of each target, or none");
    for (const float w : s.class_weights) require(w >= 0.0f && std::isfinite(w), "a class weight is a finite number and at least 0");
    s.first_moment = setting<bool>(given, "first_moment");
    s.second_moment = setting<bool>(given, "second_moment");
    s.bias_correction = setting<bool>(given, "bias_correction");
    s.beta1 = share<double>(given, "beta1");
    s.beta2 = share<double>(given, "beta2");
    s.epsilon = amount<float>(given, "epsilon");
    s.l2 = amount<float>(given, "l2");
    s.nesterov = setting<bool>(given, "nesterov");
    s.schedule_free = setting<bool>(given, "schedule_free");
    s.weight_decay = amount<float>(given, "weight_decay");
    s.clip_norm = amount<float>(given, "clip_norm");
    s.averaging = share<double>(given, "averaging");
    require(!s.schedule_free || (s.first_moment && s.second_moment && s.beta1 > 0.0 && s.averaging == 0.0),
            "schedule_free has both moments, a beta1 above 0 and no averaging");
    s.batch_size = setting<int>(given, "batch_size");
    require(s.batch_size >= (s.batch_norm ? 2 : 1) && s.batch_size <= 1 << 24, "batch_size is between 1 (2 with batch norm) and 2**24");
    const auto keys = setting<std::vector<uint64_t>>(given, "keys");
    require(keys.size() == 4, "keys holds four numbers");
    s.order_key = {keys[0], keys[1]};
    s.dropout_key = {keys[2], keys[3]};
    return s;
}

template <typename A>
const auto* data_of(const A& array) {
    const bool aligned = reinterpret_cast<uintptr_t>(array.data()) % sizeof(*array.data()) == 0;
    require(aligned, "the numbers of an array stand at odd addresses: pass a copy");
    return array.data();
}

// The targets as they stand: a converted copy would be gone when this function ends, and 1.5 or 2**32 is no class.
template <typename Column>
Column column(const nb::object& y, const Matrix& x, const char* type) {
    Column values;
    if (!nb::try_cast(y, values, false))
        throw nb::type_error((std::string("y is a contiguous ") + type + " array of one dimension").c_str());
    require(x.shape(0) == values.shape(0), "x has " + std::to_string(x.shape(0)) + " rows and y " + std::to_string(values.shape(0)));
    return values;
}

using Texts = std::optional<Matrix>;

Inputs inputs_from(const Network& network, const Matrix& x, const Texts& texts) {
    require(x.shape(0) < (1ull << 31), "at most 2**31 - 1 rows");
    require(x.shape(1) == static_cast<size_t>(network.n_x),
            "x has " + std::to_string(x.shape(1)) + " columns, the network " + std::to_string(network.n_x) + " inputs");
    const size_t numbers = texts.has_value() ? texts->shape(1) : 0;
    require(numbers == static_cast<size_t>(network.n_texts), "the texts have " + std::to_string(numbers) + " numbers a row, the network " +
                                                                 std::to_string(network.n_texts));
    require(numbers == 0 || texts->shape(0) == x.shape(0), "there are numbers of texts for each row of x");
    return {data_of(x), numbers > 0 ? data_of(*texts) : nullptr};
}

Examples examples_from(const Network& network, const Matrix& x, const nb::object& y, const Texts& texts) {
    const Inputs inputs = inputs_from(network, x, texts);
    const auto rows = static_cast<int64_t>(x.shape(0));
    if (network.output == Output::linear) return {inputs, {nullptr, data_of(column<Values>(y, x, "float32"))}, rows};
    const int32_t* labels = data_of(column<Labels>(y, x, "int32"));
    for (int64_t i = 0; i < rows; ++i)
        if (labels[i] < 0 || labels[i] >= network.classes)
            throw std::invalid_argument("label " + std::to_string(labels[i]) + " in row " + std::to_string(i) + " is outside 0.." +
                                        std::to_string(network.classes - 1));
    return {inputs, {labels, nullptr}, rows};
}

// Runs `work(interrupted)` with the interpreter's lock released, and raises what a signal's handler raised meanwhile (Ctrl-C in the main
// thread). The handler is Python, which may do anything but start work here: this thread's workspace is in use.
thread_local bool handling = false;

template <typename F>
void released(const F& work) {
    if (handling) throw std::runtime_error("a signal handler cannot train or evaluate while the thread that it interrupted does");
    bool raised = false;
    const auto interrupted = [&raised] {
        nb::gil_scoped_acquire acquire;
        handling = true;
        raised = PyErr_CheckSignals() != 0;
        handling = false;
        return raised;
    };
    {
        nb::gil_scoped_release release;
        work(interrupted);
    }
    if (raised) throw nb::python_error();
}

const Level& level_named(const std::string& name) {
    const auto levels = levels_here();
    std::string known;
    for (const Level* level : levels) {
        if (name == level->name) return *level;
        known += std::string(known.empty() ? "" : ", ") + level->name;
    }
    throw std::invalid_argument("this processor has no instruction set '" + name + "'; it has " + known);
}

size_t parameter_arrays(const Network& network) {
    const int hidden = network.layers - 1;
    return static_cast<size_t>(2 * network.layers + (network.batch_norm ? hidden : 0) + (network.parametric ? hidden : 0) +
                               network.input_scaling);
}

// Visits every array of a state in the one order that Python and C++ agree on, that of nn.network.State: the factors of scaled inputs; for
// each layer w and then gamma, beta (or b), alpha; each hidden layer's running mean and variance; for each parameter again its moments; for
// each parameter and statistic its average.
// f(place, rows, columns, padded_rows); one of a single dimension has 0 rows.
template <typename F>
void visit(const Trial& trial, float* parameters, float* statistics, const F& f) {
    const Network& network = trial.network;
    const auto each_parameter = [&](const auto& g) {
        if (network.input_scaling) g(0, 0, network.layer[0].n_in, 0);
        for (int l = 0; l < network.layers; ++l) {
            const Layer& layer = network.layer[l];
            g(layer.w, layer.n_in, layer.n_out, layer.padded_in);
            if (l + 1 < network.layers && network.batch_norm) {
                g(layer.gamma, 0, layer.n_out, 0);
                g(layer.beta, 0, layer.n_out, 0);
            } else {
                g(layer.b, 0, layer.n_out, 0);
            }
            if (l + 1 < network.layers && network.parametric) g(layer.alpha, 0, layer.n_out, 0);
        }
    };
    each_parameter([&](size_t at, int rows, int columns, int padded_rows) { f(parameters + at, rows, columns, padded_rows); });
    const auto each_statistic = [&](float* from) {
        for (int l = 0; l + 1 < network.layers && network.batch_norm; ++l) {
            f(from + network.layer[l].mean, 0, network.layer[l].n_out, 0);
            f(from + network.layer[l].variance, 0, network.layer[l].n_out, 0);
        }
    };
    each_statistic(statistics);
    each_parameter([&](size_t at, int rows, int columns, int padded_rows) {
        if (network.first_moment) f(trial.first.get() + at, rows, columns, padded_rows);
        if (network.second_moment) f(trial.second.get() + at, rows, columns, padded_rows);
    });
    if (trial.average == nullptr) return;
    each_parameter([&](size_t at, int rows, int columns, int padded_rows) { f(trial.average.get() + at, rows, columns, padded_rows); });
    each_statistic(trial.average.get() + network.parameters);
}

// The arrays that come in, each checked against the place that it goes to; `all` or the parameters alone.
void write_arrays(Trial& trial, const nb::list& arrays, bool all) {
    const size_t parameters = parameter_arrays(trial.network);
    const size_t given = nb::len(arrays);
    std::vector<Array> checked;
    size_t known = 0;
    visit(trial, trial.parameters.get(), trial.statistics.get(), [&](float*, int rows, int columns, int) {
        if (!all && known >= parameters) return;
        require(known < given, "the state has too few arrays");
        Array array;
        if (!nb::try_cast(arrays[known], array))
            throw nb::type_error(("array " + std::to_string(known) + " of the state is no array of numbers").c_str());
        const bool fits = rows > 0 ? array.ndim() == 2 && array.shape(0) == static_cast<size_t>(rows) &&
                                         array.shape(1) == static_cast<size_t>(columns)
                                   : array.ndim() == 1 && array.shape(0) == static_cast<size_t>(columns);
        require(fits, "array " + std::to_string(known) + " of the state has another shape than the network");
        checked.push_back(array);
        ++known;
    });
    require(known == given, "the state has too many arrays");
    size_t next = 0;
    visit(trial, trial.parameters.get(), trial.statistics.get(), [&](float* place, int rows, int columns, int padded_rows) {
        if (next >= checked.size()) return;
        const float* plain = data_of(checked[next++]);
        if (rows > 0)
            write_matrix(plain, rows, columns, padded_rows, place);
        else
            std::memcpy(place, plain, sizeof(float) * static_cast<size_t>(columns));
    });
}

// A fresh trial: these parameters, moments and statistics zero; a base sequence begins as the parameters.
void start(Trial& trial, const nb::list& parameters) {
    write_arrays(trial, parameters, false);
    if (trial.network.schedule_free) std::memcpy(trial.first.get(), trial.parameters.get(), sizeof(float) * trial.network.parameters);
}

void load_state(Trial& trial, const nb::list& arrays, int64_t step, int64_t epoch, int64_t row, double loss, double first_steps,
                double second_steps, double average_steps, double squared_rates) {
    for (const int64_t count : {step, epoch, row})
        require(count >= 0 && count >> 53 == 0, "step, epoch and row count from 0 and stay below 2**53");
    for (const double steps : {first_steps, second_steps, average_steps}) require(steps >= 0.0, "the steps of a moment are a number of at least 0");
    require(squared_rates >= 0.0, "the sum of the squared learning rates is a number of at least 0");
    write_arrays(trial, arrays, true);
    trial.step = step;
    trial.epoch = epoch;
    trial.row = row;
    trial.loss = loss;
    trial.first_steps = first_steps;
    trial.second_steps = second_steps;
    trial.average_steps = average_steps;
    trial.squared_rates = squared_rates;
}

nb::list export_with(const Trial& trial, float* parameters, float* statistics) {
    nb::list arrays;
    visit(trial, parameters, statistics, [&](float* place, int n_rows, int n_columns, int padded_rows) {
        const bool matrix = n_rows > 0;
        const size_t rows = matrix ? static_cast<size_t>(n_rows) : 1, columns = static_cast<size_t>(n_columns);
        float* plain = new float[rows * columns];
        nb::capsule owner(plain, [](void* p) noexcept { delete[] static_cast<float*>(p); });
        if (matrix)
            read_matrix(place, n_rows, n_columns, padded_rows, plain);
        else
            std::memcpy(plain, place, sizeof(float) * columns);
        const size_t shape[2] = {matrix ? rows : columns, columns};
        arrays.append(nb::ndarray<nb::numpy, float>(plain, matrix ? 2 : 1, shape, owner));
    });
    return arrays;
}

using Row = std::tuple<double, double, double, double, double>;

}  // namespace

NB_MODULE(_native, module) {
    nb::set_leak_warnings(false);  // a process that is told to end at once frees nothing, and has nothing to say of it
    module.doc() = "The native engine: dense networks in float32, trained inside the processor's cache.";

    module.def(
        "levels",
        [] {
            std::vector<std::string> names;
            for (const Level* level : levels_here()) names.emplace_back(level->name);
            return names;
        },
        "The instruction sets that this processor runs, slowest first.");
    module.def(
        "epoch_order",
        [](uint64_t k0, uint64_t k1, uint64_t epoch, uint32_t m) {
            require(m <= 1u << 24, "at most 2**24 rows");
            std::vector<uint32_t> order(m);
            epoch_order({k0, k1}, epoch, m, order.data());
            return order;
        },
        "The order in which an epoch visits m rows.");

    nb::class_<Trial>(module, "Trial")
        .def(
            "__init__",
            [](Trial* self, const nb::dict& settings, const std::string& level) {
                new (self) Trial(settings_from(settings), level_named(level));
            },
            nb::arg("settings"), nb::arg("level"))
        .def(
            "train",
            [](Trial& trial, const Matrix& x, const nb::object& y, const Matrix& xv, const nb::object& yv, const Rates& learning_rates,
               double explosion, const Flag& stop, const Texts& texts, const Texts& texts_v) {
                const Examples examples = examples_from(trial.network, x, y, texts), validation = examples_from(trial.network, xv, yv, texts_v);
                const int64_t steps = trial.steps_per_epoch(examples.rows);
                require(steps >= 1, "there are too few rows to train on");
                require(static_cast<int64_t>(learning_rates.shape(1)) == steps,
                        "an epoch has " + std::to_string(steps) + " steps, and there are " + std::to_string(learning_rates.shape(1)) +
                            " learning rates for it");
                require(learning_rates.shape(0) < (1ull << 31), "at most 2**31 - 1 epochs");
                require(stop.shape(0) >= 1, "stop holds one byte");
                std::vector<Epoch> done;
                Outcome outcome{};
                released([&](const std::function<bool()>& interrupted) {
                    const int epochs = static_cast<int>(learning_rates.shape(0));
                    outcome = trial.run_epochs(examples, validation, data_of(learning_rates), epochs, explosion, stop.data(), interrupted, done);
                });
                std::vector<Row> rows;
                for (const Epoch& e : done)
                    rows.emplace_back(e.train_loss, e.validation.loss, e.validation.accuracy_or_r2, e.validation.balanced_accuracy_or_mae,
                                      e.seconds);
                return std::make_tuple(static_cast<int>(outcome), rows);
            },
            nb::arg("x"), nb::arg("y"), nb::arg("xv"), nb::arg("yv"), nb::arg("learning_rates"), nb::arg("explosion"),
            nb::arg("stop").noconvert(),  // nobody would set a converted copy
            nb::arg("texts") = nb::none(), nb::arg("texts_v") = nb::none())
        .def(
            "train_steps",
            [](Trial& trial, const Matrix& x, const nb::object& y, const StepRates& learning_rates, const Flag& stop, const Texts& texts) {
                const Examples examples = examples_from(trial.network, x, y, texts);
                require(trial.steps_per_epoch(examples.rows) >= 1, "there are too few rows to train on");
                require(trial.row < examples.rows, "the epoch's place is beyond the rows");
                require(stop.shape(0) >= 1, "stop holds one byte");
                const size_t n = learning_rates.shape(0);
                const std::unique_ptr<double[]> losses(new double[n]);
                Outcome outcome{};
                int64_t taken = 0;
                bool ended = false;
                double mean = 0.0;
                released([&](const std::function<bool()>& interrupted) {
                    outcome = trial.train_steps(examples, data_of(learning_rates), static_cast<int64_t>(n), stop.data(), interrupted,
                                                losses.get(), taken, ended, mean);
                });
                return std::make_tuple(static_cast<int>(outcome), std::vector<double>(losses.get(), losses.get() + taken), ended, mean);
            },
            nb::arg("x"), nb::arg("y"), nb::arg("learning_rates"), nb::arg("stop").noconvert(), nb::arg("texts") = nb::none())
        .def(
            "evaluate",
            [](const Trial& trial, const Matrix& x, const nb::object& y, const Matrix& xt, const nb::object& yt, const Texts& texts,
               const Texts& texts_t) {
                const Examples examples = examples_from(trial.network, x, y, texts), training = examples_from(trial.network, xt, yt, texts_t);
                require(!trial.exact || training.rows >= 1, "exact statistics need at least one training row");
                Evaluation e{};
                released([&](const std::function<bool()>& interrupted) {
                    Asking asking(interrupted);
                    e = trial.evaluate(examples, training, asking);
                });
                return std::make_tuple(e.loss, e.accuracy_or_r2, e.balanced_accuracy_or_mae);
            },
            nb::arg("x"), nb::arg("y"), nb::arg("xt"), nb::arg("yt"), nb::arg("texts") = nb::none(), nb::arg("texts_t") = nb::none())
        .def(
            "predict",
            [](const Trial& trial, const Matrix& x, const Texts& texts) {
                const Inputs inputs = inputs_from(trial.network, x, texts);
                const size_t rows = x.shape(0), columns = static_cast<size_t>(trial.network.layer[trial.network.layers - 1].n_out);
                float* z = new float[rows * columns];
                nb::capsule owner(z, [](void* p) noexcept { delete[] static_cast<float*>(p); });
                released([&](const std::function<bool()>& interrupted) {
                    Asking asking(interrupted);
                    trial.predict(inputs, static_cast<int64_t>(rows), z, asking);
                });
                const size_t shape[2] = {rows, columns};
                return nb::ndarray<nb::numpy, float>(z, 2, shape, owner);
            },
            nb::arg("x"), nb::arg("texts") = nb::none())
        .def(
            "inside",
            [](const Trial& trial, const Matrix& x, const nb::object& y, double learning_rate, const Texts& texts) {
                const Examples examples = examples_from(trial.network, x, y, texts);
                require(examples.rows >= (trial.network.batch_norm ? 2 : 1), "there are too few rows");
                std::vector<Inside> layers;
                released([&](const std::function<bool()>&) { layers = trial.inside(examples, learning_rate); });
                std::vector<Row> rows;
                for (const Inside& l : layers)
                    rows.emplace_back(l.activation_mean, l.activation_deviation, l.gradient_norm, l.update_to_weight, l.dead);
                return rows;
            },
            nb::arg("x"), nb::arg("y"), nb::arg("learning_rate"), nb::arg("texts") = nb::none())
        .def(
            "statistics_of",
            [](const Trial& trial, const Matrix& x, const nb::object& y, const Texts& texts) {
                const Examples training = examples_from(trial.network, x, y, texts);
                require(training.rows >= 1, "there are no rows");
                Floats exact;
                released([&](const std::function<bool()>& interrupted) {
                    Asking asking(interrupted);
                    exact = trial.statistics_of(training, asking);
                });
                Floats averages;
                return export_with(trial, trial.predicting(averages).parameters, exact.get());
            },
            nb::arg("x"), nb::arg("y"), nb::arg("texts") = nb::none())
        .def("start", &start, nb::arg("parameters"))
        .def("load", &load_state, nb::arg("arrays"), nb::arg("step"), nb::arg("epoch"), nb::arg("row"), nb::arg("loss"),
             nb::arg("first_steps"), nb::arg("second_steps"), nb::arg("average_steps") = 0.0, nb::arg("squared_rates") = 0.0)
        .def("export", [](const Trial& trial) { return export_with(trial, trial.parameters.get(), trial.statistics.get()); })
        .def("averaged",
             [](const Trial& trial) {
                 Floats averages;
                 const State state = trial.predicting(averages);
                 return export_with(trial, state.parameters, state.statistics);
             })
        .def("steps_per_epoch", &Trial::steps_per_epoch, nb::arg("rows"))
        .def_ro("step", &Trial::step)
        .def_ro("epoch", &Trial::epoch)
        .def_ro("row", &Trial::row)
        .def_ro("loss", &Trial::loss)
        .def_ro("first_steps", &Trial::first_steps)
        .def_ro("second_steps", &Trial::second_steps)
        .def_ro("average_steps", &Trial::average_steps)
        .def_ro("squared_rates", &Trial::squared_rates)
        .def_prop_ro("bytes", &Trial::bytes)
        .def_prop_ro("workspace_bytes", [](const Trial& trial) { return sizeof(float) * trial.network.workspace; });
}
