// The kernels of one instruction-set level against loops in double and the library's mathematics. Compiled once a level, with the level's
// flags and CAVIAR_LEVEL_NAME, CAVIAR_LANES, CAVIAR_BLOCK_ROWS, as level.cpp is.
#include <cmath>
#include <cstring>
#include <limits>

#include "../network.h"
#include "check.h"

namespace caviar {
namespace {

template <int n>
struct Constant {
    static constexpr int value = n;
};

#include "../vector.h"
#include "../products.h"
#include "../layers.h"
#include "../update.h"

using caviar_tests::Numbers;
using caviar_tests::numbers;
using caviar_tests::check;
using caviar_tests::near;
using caviar_tests::random_numbers;

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
constexpr size_t wide = strip;  // a strip's columns, for sizes

// f of one number, in every lane.
template <typename F>
double lane(const F& f, double x) {
    const vec result = f(broadcast(static_cast<float>(x)));
    for (int j = 1; j < lanes; ++j) check(result[j] == result[0] || std::isnan(result[0]), "the lanes differ");
    return static_cast<double>(result[0]);
}

void products() {
    for (const int m : {1, 2, 3, 5, 6, 7, 11, 12, 13, 16, 17, 33, 65})
        for (const int strips : {1, 2, 3, 15, 16, 17, 33}) {
            const std::string where = " with " + std::to_string(m) + " rows and " + std::to_string(strips) + " strips";
            const size_t rows = static_cast<size_t>(m), inner = wide * static_cast<size_t>(strips);
            const Numbers x = random_numbers(rows * inner, 1), w = random_numbers(inner * wide, 2), fast = random_numbers(rows * wide, 3),
                        slow = random_numbers(rows * wide, 4);
            product(x.get(), m, w.get(), strips, fast.get());
            product_slow(x.get(), m, w.get(), strips, slow.get());
            for (size_t row = 0; row < rows; ++row)
                for (size_t j = 0; j < wide; ++j) {
                    double truth = 0.0;
                    for (size_t i = 0; i < inner; ++i)
                        truth += static_cast<double>(x[(i / wide * rows + row) * wide + i % wide]) * static_cast<double>(w[i * wide + j]);
                    near(fast[row * wide + j], truth, 1e-4, 0, "product" + where);
                    near(slow[row * wide + j], truth, 1e-4, 0, "product_slow" + where);
                }
        }
    for (const int m : {1, 2, 3, 7, 32, 100}) {
        const size_t rows = static_cast<size_t>(m);
        const Numbers x = random_numbers(rows * wide, 5), dz = random_numbers(rows * wide, 6), fast = numbers(wide * wide), slow = numbers(wide * wide);
        outer(x.get(), dz.get(), m, fast.get());
        outer_slow(x.get(), dz.get(), m, slow.get());
        for (size_t i = 0; i < wide; ++i)
            for (size_t j = 0; j < wide; ++j) {
                double truth = 0.0;
                for (size_t row = 0; row < rows; ++row)
                    truth += static_cast<double>(x[row * wide + i]) * static_cast<double>(dz[row * wide + j]);
                near(fast[i * wide + j], truth, 2e-5, 0, "outer");
                near(slow[i * wide + j], truth, 2e-5, 0, "outer_slow");
            }
    }
}

void transposition() {
    for (const int n_in : {16, 32, 48})
        for (const int n_out : {16, 64}) {
            const size_t in = static_cast<size_t>(n_in), out = static_cast<size_t>(n_out);
            const Numbers w = random_numbers(in * out, 7), wt = numbers(in * out);
            transpose(w.get(), n_in, n_out, wt.get());
            for (size_t i = 0; i < in; ++i)
                for (size_t j = 0; j < out; ++j)
                    check(wt[i / wide * out * wide + j * wide + i % wide] == w[j / wide * in * wide + i * wide + j % wide], "transpose");
        }
}

void functions() {
    const auto e = [](double x) { return lane([](vec v) { return exponential(v); }, x); };
    for (int i = -87250; i <= 88300; i += 7) {
        const double x = static_cast<double>(static_cast<float>(i * 1e-3));
        near(e(x), std::exp(x), 0, 2e-7, "exponential");
    }
    near(e(nan), nan, 0, 0, "exponential of NaN");
    for (const double x : {-88.0, -1000.0, -1e38, -infinity}) near(e(x), 0, 1.2e-38, 0, "exponential of a very negative number");
    for (const double x : {89.0, 1e38, infinity}) near(e(x), std::exp(88.3), 0, 1e-5, "exponential stops growing");
    for (int i = -6000; i <= 6000; i += 3) {
        const double x = static_cast<double>(static_cast<float>(i * 1e-3));
        near(lane([](vec v) { return error_function(v); }, x), std::erf(x), 5e-7, 0, "error_function");
        near(lane([](vec v) { return square_root(v); }, std::fabs(x)), std::sqrt(std::fabs(x)), 0, 1e-7, "square_root");
    }
    near(lane([](vec v) { return error_function(v); }, nan), nan, 0, 0, "error_function of NaN");
}

// The activations in double, for values and, by central differences, slopes.
double truth_of(Activation kind, double y) {
    switch (kind) {
        case Activation::identity: return y;
        case Activation::relu: return y > 0 ? y : 0;
        case Activation::leaky_relu: return y > 0 ? y : 0.01 * y;
        case Activation::tanh: return std::tanh(y);
        case Activation::sigmoid: return 1 / (1 + std::exp(-y));
        case Activation::elu: return y > 0 ? y : std::expm1(y);
        case Activation::gelu: return y * 0.5 * std::erfc(-y / std::sqrt(2.0));
        case Activation::silu: return y / (1 + std::exp(-y));
        case Activation::mish: return y * std::tanh(std::log1p(std::exp(y < 700 ? y : 700)));
        case Activation::selu: return 1.0507009873554805 * (y > 0 ? y : 1.6732632423543772 * std::expm1(y));
    }
    return nan;
}

void activations() {
    for (int number = 0; number <= static_cast<int>(Activation::selu); ++number)
        with_activation(static_cast<Activation>(number), false, [&](auto kind) {
            constexpr Activation which = decltype(kind)::value;
            const std::string name = "activation " + std::to_string(number);
            for (int i = -9001; i <= 9000; i += 6) {  // never at 0, where some have a corner
                const double y = static_cast<double>(static_cast<float>(i * 1e-3)), a = truth_of(which, y), h = 1e-5;
                near(lane([](vec v) { return activate<which>(v); }, y), a, 1e-6, 1e-6, name);
                near(lane([](vec v) { return slope<which>(v, activate<which>(v)); }, y),
                     (truth_of(which, y + h) - truth_of(which, y - h)) / (2 * h), 3e-6, 0, "slope of " + name);
            }
            for (const double y : {-1e4, 1e4})
                near(lane([](vec v) { return activate<which>(v); }, y), truth_of(which, y), 1e-5, 1e-6, name + " far out");
            check(std::isnan(lane([](vec v) { return activate<which>(v); }, nan)), name + " keeps NaN");
        });
}

void softmax() {
    for (int n = 2; n <= 40; ++n)
        for (const int rows : {1, (lanes + 1) / 2, lanes})
            for (const double size : {1.0, 30.0, 1e4}) {
                const size_t m = static_cast<size_t>(rows), columns = static_cast<size_t>(padded(n));
                const Numbers z = random_numbers(m * columns, static_cast<unsigned>(n * 100 + rows)), unchanged = numbers(m * columns);
                for (size_t i = 0; i < m * columns; ++i) unchanged[i] = z[i] *= static_cast<float>(size);
                const auto place = [&](size_t row, size_t j) { return (j / wide * m + row) * wide + j % wide; };
                ivec label{};
                for (int row = 0; row < rows; ++row) label[row] = (7 * row + n / 2) % n;
                const Softmax s = softmax_rows<true>(z.get(), m * wide, rows, n, label);
                const Softmax same = softmax_rows<false>(unchanged.get(), m * wide, rows, n, label);
                double logs = 0.0;
                for (size_t row = 0; row < m; ++row) {
                    double truth[64], top = -infinity, total = 0.0, all = 0.0;
                    int guess = 0;
                    for (size_t j = 0; j < static_cast<size_t>(n); ++j) {
                        truth[j] = static_cast<double>(unchanged[place(row, j)]);
                        if (truth[j] > top) guess = static_cast<int>(j);
                        top = std::max(top, truth[j]);
                        all += truth[j];
                    }
                    const int r = static_cast<int>(row);
                    near(s.own[r], truth[label[r]], 0, 0, "the class's logit");
                    for (size_t j = 0; j < static_cast<size_t>(n); ++j) total += truth[j] = std::exp(truth[j] - top);
                    near(s.largest[r], top, 0, 0, "the largest logit");
                    near(s.sum[r], total, 0, 1e-6, "the sum of a softmax");
                    near(s.all[r], all, 2e-6 * size * n, 0, "the sum of the logits");
                    check(s.guess[r] == guess, "the likeliest class");
                    check(same.largest[r] == s.largest[r] && same.sum[r] == s.sum[r] && same.guess[r] == s.guess[r], "kept or not, the same");
                    logs += std::log(total) + top - static_cast<double>(s.own[r]);
                    for (size_t j = 0; j < columns; ++j) {
                        const bool real = j < static_cast<size_t>(n);
                        near(z[place(row, j)], real ? truth[j] : 0.0, real ? 2e-7 : 0.0, 1e-6, "softmax");
                    }
                }
                near(log_losses(s, s.own, rows), logs, 1e-5 * size, 1e-6, "log_losses");
            }
    const Numbers ties = numbers(3 * wide);  // all logits alike: the first class is the guess
    check(softmax_rows<false>(ties.get(), 3 * wide, 1, 5, ivec{}).guess[0] == 0, "the first of equals");
}

// Against a generator that draws one block at a time.
void dropping() {
    const Key key{3, 5};
    for (const int m : {1, 2, 3, 15, 16, 17, 33}) {
        const size_t floats = static_cast<size_t>(m) * wide;
        const Numbers a = random_numbers(floats, 13), mask = numbers(floats), out = numbers(floats), unmasked = numbers(floats);
        dropout_forward(a.get(), m, key, 9, 2, 4, 20000, 1.5f, mask.get(), out.get());
        dropout_forward(a.get(), m, key, 9, 2, 4, 20000, 1.5f, nullptr, unmasked.get());
        for (size_t row = 0; row < static_cast<size_t>(m); ++row) {
            uint64_t words[4];
            philox<1>(key, row, 4, 2, 9, words);
            for (size_t j = 0; j < wide; ++j) {
                const float multiplier = (words[j / 4] >> (16 * (j % 4)) & 0xffff) >= 20000 ? 1.5f : 0.0f;
                check(mask[row * wide + j] == multiplier, "a dropout multiplier");
                check(out[row * wide + j] == a[row * wide + j] * multiplier, "what dropout lets through");
                check(unmasked[row * wide + j] == out[row * wide + j], "without a mask the same");
            }
        }
    }
}

void normalisation() {
    const double epsilon = 1e-5;
    for (const int m : {2, 3, 4, 5, 7, 32, 65}) {
        const size_t rows = static_cast<size_t>(m);
        const Numbers z = random_numbers(rows * wide, 8), d = random_numbers(rows * wide, 9), gamma = random_numbers(wide, 10), beta = random_numbers(wide, 14),
                    a = numbers(rows * wide), mean = numbers(wide), variance = numbers(wide), inverse = numbers(wide), dgamma = numbers(wide), dbeta = numbers(wide), before = numbers(rows * wide),
                    above = numbers(rows * wide);
        for (size_t i = 0; i < rows * wide; ++i) before[i] = z[i] = 3.0f * z[i] + 1.0f;
        std::memcpy(above.get(), d.get(), rows * wide * sizeof(float));
        normalise_forward<Activation::tanh>(z.get(), m, static_cast<float>(epsilon), gamma.get(), beta.get(), mean.get(), variance.get(),
                                            inverse.get(), a.get());
        normalise_backward<Activation::tanh>(d.get(), z.get(), a.get(), m, gamma.get(), beta.get(), inverse.get(), dgamma.get(), dbeta.get());
        for (size_t j = 0; j < wide; ++j) {
            double mu = 0.0, var = 0.0, g = 0.0, b = 0.0;
            for (size_t row = 0; row < rows; ++row) mu += static_cast<double>(before[row * wide + j]) / m;
            for (size_t row = 0; row < rows; ++row) var += std::pow(static_cast<double>(before[row * wide + j]) - mu, 2) / m;
            const double inv = 1 / std::sqrt(var + epsilon);
            const auto normal = [&](size_t row) { return (static_cast<double>(before[row * wide + j]) - mu) * inv; };
            const auto active = [&](size_t row) { return std::tanh(static_cast<double>(gamma[j]) * normal(row) + static_cast<double>(beta[j])); };
            const auto dy = [&](size_t row) { return static_cast<double>(above[row * wide + j]) * (1 - active(row) * active(row)); };
            for (size_t row = 0; row < rows; ++row) {
                g += dy(row) * normal(row);
                b += dy(row);
            }
            near(mean[j], mu, 1e-6, 1e-6, "mean");
            near(variance[j], var, 1e-6, 1e-5, "variance");
            near(inverse[j], inv, 0, 1e-4, "inverse");
            near(dgamma[j], g, 1e-4, 1e-4, "dgamma");
            near(dbeta[j], b, 1e-5, 1e-5, "dbeta");
            for (size_t row = 0; row < rows; ++row) {
                near(z[row * wide + j], normal(row), 1e-4, 1e-4, "normalise_forward");
                near(a[row * wide + j], active(row), 1e-4, 1e-4, "normalise_forward's activation");
                const double dz =
                    static_cast<double>(gamma[j]) * inv * (dy(row) - b / m - normal(row) * g / m);
                near(d[row * wide + j], dz, 1e-4 * inv, 1e-3, "normalise_backward");
            }
        }
    }
}

void squares() {
    for (const size_t n : {wide, 4096 - wide, size_t{4096}, 4096 + wide, size_t{10000}}) {
        const Numbers p = random_numbers(n, 11), g = random_numbers(n, 12);
        double truth = 0.0;
        for (size_t i = 0; i < n; ++i) truth += std::pow(static_cast<double>(g[i]) + 0.25 * static_cast<double>(p[i]), 2);
        near(squared_norm(p.get(), g.get(), n, 0.25f), truth, 0, 1e-5, "squared_norm");
    }
}

}  // namespace
}  // namespace caviar

int main() {
    caviar::products();
    caviar::transposition();
    caviar::functions();
    caviar::activations();
    caviar::softmax();
    caviar::dropping();
    caviar::normalisation();
    caviar::squares();
    return caviar_tests::report("kernels of " CAVIAR_LEVEL_NAME);
}
