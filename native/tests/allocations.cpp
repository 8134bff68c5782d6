// No allocation inside a step: an epoch of a thousand steps asks for memory as often as an epoch of ten. Counted are operator new and, by
// the linker's --wrap, every call of malloc, calloc, realloc, aligned_alloc and posix_memalign in the engine.
#include <cstddef>
#include <new>

#include "networks.h"

static long allocations = 0;

extern "C" {
void* __real_malloc(size_t n);
void* __real_calloc(size_t n, size_t size);
void* __real_realloc(void* p, size_t n);
void* __real_aligned_alloc(size_t alignment, size_t n);
int __real_posix_memalign(void** p, size_t alignment, size_t n);
void* __wrap_malloc(size_t n) { return ++allocations, __real_malloc(n); }
void* __wrap_calloc(size_t n, size_t size) { return ++allocations, __real_calloc(n, size); }
void* __wrap_realloc(void* p, size_t n) { return ++allocations, __real_realloc(p, n); }
void* __wrap_aligned_alloc(size_t alignment, size_t n) { return ++allocations, __real_aligned_alloc(alignment, n); }
int __wrap_posix_memalign(void** p, size_t alignment, size_t n) { return ++allocations, __real_posix_memalign(p, alignment, n); }
}

void* operator new(size_t n) {
    ++allocations;
    void* p = __real_malloc(n);
    if (p == nullptr) throw std::bad_alloc();
    return p;
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

using namespace caviar_tests;

static long allocations_of(Trial& trial, const Rows& training, const Rows& validation, int epochs) {
    const size_t steps = static_cast<size_t>(trial.steps_per_epoch(training.examples.rows) * epochs);
    const std::vector<double> rates(steps, 1e-4);
    const uint8_t stop = 0;
    const std::function<bool()> interrupted = never;
    std::vector<Epoch> done;
    done.reserve(static_cast<size_t>(epochs));
    const long before = allocations;
    trial.run_epochs(training.examples, validation.examples, rates.data(), epochs, 1e9, &stop, interrupted, done);
    const long now = allocations - before;
    check(done.size() == static_cast<size_t>(epochs), "trained");
    return now;
}

// Whatever a step may do is in one of these; a thousand steps of all cases under the sanitizers would take a minute.
static bool tried(const Case& c) {
    for (const char* part : {"widths 1, 17", "dropout", "exact statistics, one", "clipping", "sigmoid output", "sigmoids output", "linear output, one", "nesterov", "averages of scaled",
                             "schedule-free, exact"})
        if (c.name.find(part) != std::string::npos) return true;
    return false;
}

int main() {
    for (const Case& c : cases())
        for (const Level* level : levels_here()) {
            if (!tried(c)) continue;
            const std::string where = c.name + " at " + level->name;
            Settings settings = c.settings;
            settings.batch_size = settings.batch_norm ? 2 : 1;
            const Rows few = rows_for(settings, 10 * settings.batch_size, 1), many = rows_for(settings, 1000 * settings.batch_size, 2),
                       validation = rows_for(settings, 20, 3), none = rows_for(settings, 0, 4);
            Trial trial(settings, *level);
            initialise(trial, 5);
            allocations_of(trial, many, validation, 1);  // the first makes the workspace and the order of the rows
            check(allocations_of(trial, few, none, 1) == 0, where + ": ten steps allocate");
            check(allocations_of(trial, many, none, 1) == 0, where + ": a thousand steps allocate");
            check(allocations_of(trial, few, none, 20) == 0, where + ": twenty epochs allocate");
            const long with_few = allocations_of(trial, few, validation, 1), with_many = allocations_of(trial, many, validation, 1);
            check(with_few == with_many, where + ": an epoch's allocations depend on its steps");
        }
    const long before = allocations;
    zeros(16);
    const long counted = allocations - before;
    check(counted == 1, "the count counts");
    return report("allocations");
}
