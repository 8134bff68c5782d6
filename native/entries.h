// The first layer where few of a row's inputs are not 0, or where numbers are spread over bins. Included once per level, inside that level's
// namespace.
//
// A row is a list of entries: the place of an input, and its value. Inputs that are 0 have none: of a text's inputs one has an entry. Of a
// number spread over T bins (nn/encoding.py) the inputs are 1, ..., 1, e, 0, ..., 0 with e in the bin k of the number, its one entry, so that
//
//   forward    sum over t of e_t w_t  =  before_k + e w_k     before_k: the sum of w_t over t < k, made once for all rows
//   backward   dw_t  =  sum of e dz over the rows of bin t  +  sum of dz over the rows of all later bins
//
// Two rows of w do the work of T. The first entries of a row are those of its numbers over bins, one each.
#pragma once

struct Entries {
    const int32_t* places;  // (m, most): 16 times the input: where its row of w begins within a strip
    const float* values;    // (m, most)
    const int32_t* counts;  // (m)
    int most;
};

struct Each {
    const Run *first, *last;
    const Run* begin() const { return first; }
    const Run* end() const { return last; }
};

inline Each runs_of(const Runs& runs) { return {runs.each, runs.each + runs.n}; }

inline float bent(float u, float by) { return u / __builtin_sqrtf(1.0f + (u * by) * (u * by)); }

inline Entries entries_of(const Network& network, float* workspace) {
    return {reinterpret_cast<const int32_t*>(workspace + network.entry_places), workspace + network.entry_values,
            reinterpret_cast<const int32_t*>(workspace + network.entry_counts), network.most_entries};
}

inline bool is_category(float number, int categories) { return number >= 0.0f && number < static_cast<float>(categories); }

constexpr int at_once = 8;  // columns that are looked at together: most of those of texts are 0

inline bool all_zero(const float* numbers) {
    uint64_t pairs[at_once / 2], any = 0;
    std::memcpy(pairs, numbers, sizeof pairs);
    for (const uint64_t pair : pairs) any |= pair;
    return any == 0;
}

// The entries of the rows that the mini-batch names, or (rows null) of the first m.
inline void gather_entries(const Network& network, Inputs from, const uint32_t* rows, int m, float* workspace) {
    const Columns& columns = network.columns;
    auto* places = reinterpret_cast<int32_t*>(workspace + network.entry_places);
    float* values = workspace + network.entry_values;
    auto* counts = reinterpret_cast<int32_t*>(workspace + network.entry_counts);
    for (int row = 0; row < m; ++row, places += network.most_entries, values += network.most_entries) {
        const size_t place = rows == nullptr ? static_cast<uint32_t>(row) : rows[row];
        const float *x = from.x + place * network.n_x, *text = from.texts + place * network.n_texts;
        int n = 0;
        const auto add = [&](int input, float value) {
            places[n] = input * strip;
            values[n] = value;
            ++n;
        };
        for (const Run& run : runs_of(network.columns.spread)) {
            const float number = x[run.column], *edges = columns.edges + run.first;
            int k = 0;
            for (int t = 1; t < run.inputs; ++t) k += number >= edges[t];
            add(run.first + k, (number - edges[k]) / columns.widths[run.first + k]);
        }
        for (const Run& run : runs_of(network.columns.plain))
            for (int j = 0; j < run.inputs; j += at_once) {
                const float* numbers = x + run.column + j;
                const int some = run.inputs - j < at_once ? run.inputs - j : at_once;
                if (some == at_once && all_zero(numbers)) continue;
                for (int k = 0; k < some; ++k) {  // without a branch: each is written, and the next in its place if it was 0
                    places[n] = (run.first + j + k) * strip;
                    values[n] = numbers[k];
                    n += numbers[k] != 0.0f;
                }
            }
        for (const Run& run : runs_of(network.columns.bent)) {
            const float u = (x[run.column] - columns.edges[run.first]) / columns.widths[run.first];
            add(run.first, bent(u, columns.bend[run.first]));
        }
        for (const Run& run : runs_of(network.columns.texts))
            for (int t = 0; t < run.inputs; ++t) add(run.first + t, *text++);
        for (const Run& run : runs_of(network.columns.categories))
            if (is_category(x[run.column], run.inputs)) add(run.first + static_cast<int>(x[run.column]), 1.0f);
        counts[row] = n;
    }
}

// out (m, 16) = the rows of entries times one strip of w; `before` has room for as much as that strip.
inline void product_of_entries(const Network& network, const Entries& entries, int m, const float* w, float* before, float* out) {
    for (const Run& run : runs_of(network.columns.spread)) {
        const int begin = run.first * strip, end = begin + run.inputs * strip;
        vec sum[vectors]{};
        for (int at = begin; at < end; at += strip)
            for (int v = 0; v < vectors; ++v) {
                store(before + at + v * lanes, sum[v]);
                sum[v] += load(w + at + v * lanes);
            }
    }
    const int32_t* places = entries.places;
    const float* values = entries.values;
    for (int row = 0; row < m; ++row, places += entries.most, values += entries.most, out += strip) {
        vec sum[vectors]{}, of_before[vectors]{};
        for (int i = 0; i < entries.counts[row]; ++i)
            for (int v = 0; v < vectors; ++v) sum[v] += broadcast(values[i]) * load(w + places[i] + v * lanes);
        for (int i = 0; i < network.columns.spread.n; ++i)
            for (int v = 0; v < vectors; ++v) of_before[v] += load(before + places[i] + v * lanes);
        for (int v = 0; v < vectors; ++v) store(out + v * lanes, sum[v] + of_before[v]);
    }
}

// dw (n_in, 16) from one strip of dz (m, 16); the sums over all later bins are gathered in `before`, which has as much room.
inline void outer_of_entries(const Network& network, const Entries& entries, const float* dz, int m, float* before, float* dw) {
    std::memset(dw, 0, sizeof(float) * strip * static_cast<size_t>(network.layer[0].padded_in));
    for (const Run& run : runs_of(network.columns.spread))
        std::memset(before + run.first * strip, 0, sizeof(float) * strip * static_cast<size_t>(run.inputs));
    const int32_t* places = entries.places;
    const float* values = entries.values;
    for (int row = 0; row < m; ++row, places += entries.most, values += entries.most, dz += strip) {
        vec of_row[vectors];
        for (int v = 0; v < vectors; ++v) of_row[v] = load(dz + v * lanes);
        for (int i = 0; i < entries.counts[row]; ++i)
            for (int v = 0; v < vectors; ++v) {
                float* at = dw + places[i] + v * lanes;
                store(at, load(at) + broadcast(values[i]) * of_row[v]);
            }
        for (int i = 0; i < network.columns.spread.n; ++i)
            for (int v = 0; v < vectors; ++v) {
                float* at = before + places[i] + v * lanes;
                store(at, load(at) + of_row[v]);
            }
    }
    for (const Run& run : runs_of(network.columns.spread)) {
        const int begin = run.first * strip, last = begin + (run.inputs - 1) * strip;
        vec sum[vectors]{};
        for (int at = last; at >= begin; at -= strip)
            for (int v = 0; v < vectors; ++v) {
                store(dw + at + v * lanes, load(dw + at + v * lanes) + sum[v]);
                sum[v] += load(before + at + v * lanes);
            }
    }
}
