// Convolutions of images with few channels, and their weight gradients, as custom calls of XLA.
//
//   forward   y[b, h, w, o]    = sum over i, j, c of  x[b, h s + i - top, w s + j - left, c] k[i, j, c, o]
//   weights   k'[i, j, c, o]   = sum over b, h, w of  x[b, h s + i - top, w s + j - left, c] g[b, h, w, o]
//
// All in float32 and channels last. Work is cut into strips: some rows of outputs of one image.
//
//   image --copy--> padded strip, small enough for the cache nearest to the core
//                        |
//                        `--> tiles: T columns x V vectors of channels, summed in registers
//
// What is summed in which order depends on the sizes alone, never on the number of threads.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#else
constexpr int kLanes = 8;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float)), aligned(sizeof(float))));

constexpr int64_t kStripFloats = 32 << 10;  // of a padded strip: 128 kB
constexpr int64_t kFewRows = 4;            // thinner strips would copy more than they compute
constexpr int64_t kParts = 16;             // of the sum over the batch

Vector Load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

void Store(float* to, Vector v) { std::memcpy(to, &v, sizeof v); }

struct Sizes {
  int64_t batch, height, width, in;         // of x
  int64_t rows, columns, out;               // of y
  int64_t taps_h, taps_w, stride, top, left;

  int64_t padded_width() const { return (columns - 1) * stride + taps_w; }
  int64_t line() const { return padded_width() * in; }  // floats of a padded row

  // Rows of outputs in a strip: all strips but the last of an image have so many.
  int64_t strip_rows() const {
    const int64_t fitting = (kStripFloats / line() - taps_h) / stride + 1;
    return std::min(rows, std::max(fitting, kFewRows));
  }
  int64_t strips() const { return (rows + strip_rows() - 1) / strip_rows(); }
};

// A strip of one image, with zeros around it where it reaches over the edge.
struct Strip {
  int64_t image, row, rows;
  const float* data;

  Strip(const Sizes& z, const float* x, int64_t number) {
    image = number / z.strips();
    row = number % z.strips() * z.strip_rows();
    rows = std::min(z.strip_rows(), z.rows - row);
    const int64_t lines = (rows - 1) * z.stride + z.taps_h;
    thread_local std::vector<float> buffer;
    buffer.resize(lines * z.line());
    const int64_t before = std::min(z.left, z.padded_width());
    const int64_t inside = std::min(z.width, z.padded_width() - before);
    const int64_t after = z.padded_width() - before - inside;
    for (int64_t n = 0; n < lines; ++n) {
      float* to = buffer.data() + n * z.line();
      const int64_t from = row * z.stride + n - z.top;
      if (from < 0 || from >= z.height) {
        std::fill_n(to, z.line(), 0.0f);
        continue;
      }
      const float* source = x + (image * z.height + from) * z.width * z.in;
      std::fill_n(to, before * z.in, 0.0f);
      std::copy_n(source, inside * z.in, to + before * z.in);
      std::fill_n(to + (before + inside) * z.in, after * z.in, 0.0f);
    }
    data = buffer.data();
  }
};

// Runs work(0) ... work(count - 1), here and on threads of the pool that have nothing else to do.
// The caller waits only for items that a running thread has taken, so it cannot wait in vain.
void Parallel(ffi::ThreadPool pool, int64_t count, const std::function<void(int64_t)>& work) {
  struct State {
    std::atomic<int64_t> next{0}, done{0};
    std::mutex mutex;
    std::condition_variable all_done;
  };
  auto state = std::make_shared<State>();
  auto run = [state, count, &work] {  // a thread that comes late finds no item, and leaves `work` alone
    for (int64_t item; (item = state->next.fetch_add(1)) < count;) {
      work(item);
      if (state->done.fetch_add(1) + 1 == count) {
        std::lock_guard<std::mutex> lock(state->mutex);
        state->all_done.notify_all();
      }
    }
  };
  const int64_t helpers = std::min<int64_t>(pool.num_threads(), count) - 1;
  for (int64_t i = 0; i < helpers; ++i) pool.Schedule([run] { run(); });
  run();
  std::unique_lock<std::mutex> lock(state->mutex);
  state->all_done.wait(lock, [&] { return state->done.load() == count; });
}

// ---- forward --------------------------------------------------------------------------------

// T neighbouring outputs times V vectors of channels.
template <int T, int V>
void Tile(const Sizes& z, const float* x, const float* k, float* y) {
  Vector sum[T][V] = {};
  for (int64_t i = 0; i < z.taps_h; ++i) {
    const float* line = x + i * z.line();
    const float* taps = k + i * z.taps_w * z.in * z.out;
    for (int64_t c = 0; c < z.taps_w * z.in; ++c) {  // neighbouring taps: neighbours in x and in k
      Vector weights[V];
      for (int v = 0; v < V; ++v) weights[v] = Load(taps + c * z.out + v * kLanes);
      for (int t = 0; t < T; ++t)
        for (int v = 0; v < V; ++v) sum[t][v] += line[t * z.stride * z.in + c] * weights[v];
    }
  }
  for (int t = 0; t < T; ++t)
    for (int v = 0; v < V; ++v) Store(y + t * z.out + v * kLanes, sum[t][v]);
}

using TileFunction = void (*)(const Sizes&, const float*, const float*, float*);

template <int V>
TileFunction TileOf(int64_t columns) {
  static constexpr TileFunction table[] = {
      Tile<1, V>, Tile<2, V>, Tile<3, V>, Tile<4, V>,  Tile<5, V>,  Tile<6, V>,
      Tile<7, V>, Tile<8, V>, Tile<9, V>, Tile<10, V>, Tile<11, V>, Tile<12, V>};
  return table[columns - 1];
}

// The columns of a tile: the last tile of a row is moved back to end with it, so few should overlap.
int64_t TileColumns(int64_t columns) {
  int64_t best = 1, least = INT64_MAX;
  for (int64_t t = 1; t <= std::min<int64_t>(columns, 12); ++t) {
    const int64_t loads = (columns + t - 1) / t * (t + 1);
    if (loads <= least) least = loads, best = t;
  }
  return best;
}

template <int V>
void StripForward(const Sizes& z, const Strip& strip, const float* k, float* y) {
  const int64_t step = TileColumns(z.columns);
  const TileFunction tile = TileOf<V>(step);
  for (int64_t o = 0; o < z.out; o += V * kLanes)
    for (int64_t h = 0; h < strip.rows; ++h)
      for (int64_t w = 0; w < z.columns; w += step) {
        const int64_t column = std::min(w, z.columns - step);
        tile(z, strip.data + h * z.stride * z.line() + column * z.stride * z.in, k + o,
             y + (h * z.columns + column) * z.out + o);
      }
}

// ---- weights --------------------------------------------------------------------------------

// C input channels times V vectors of output channels of one tap, summed over a strip.
template <int C, int V>
void Tap(const Sizes& z, int64_t rows, const float* x, const float* g, float* k) {
  Vector sum[C][V];
  for (int c = 0; c < C; ++c)
    for (int v = 0; v < V; ++v) sum[c][v] = Load(k + c * z.out + v * kLanes);
  for (int64_t h = 0; h < rows; ++h) {
    const float* pixel = x + h * z.stride * z.line();
    const float* slope = g + h * z.columns * z.out;
    for (int64_t w = 0; w < z.columns; ++w, pixel += z.stride * z.in, slope += z.out) {
      Vector slopes[V];
      for (int v = 0; v < V; ++v) slopes[v] = Load(slope + v * kLanes);
      for (int c = 0; c < C; ++c)
        for (int v = 0; v < V; ++v) sum[c][v] += pixel[c] * slopes[v];
    }
  }
  for (int c = 0; c < C; ++c)
    for (int v = 0; v < V; ++v) Store(k + c * z.out + v * kLanes, sum[c][v]);
}

template <int V>
void StripWeights(const Sizes& z, const Strip& strip, const float* g, float* k) {
  constexpr int C = 16 / V;
  for (int64_t i = 0; i < z.taps_h; ++i)
    for (int64_t j = 0; j < z.taps_w; ++j) {
      const float* x = strip.data + i * z.line() + j * z.in;
      float* tap = k + (i * z.taps_w + j) * z.in * z.out;
      for (int64_t o = 0; o < z.out; o += V * kLanes) {
        int64_t c = 0;
        for (; c + C <= z.in; c += C) Tap<C, V>(z, strip.rows, x + c, g + o, tap + c * z.out + o);
        for (; c < z.in; ++c) Tap<1, V>(z, strip.rows, x + c, g + o, tap + c * z.out + o);
      }
    }
}

// ---- custom calls ---------------------------------------------------------------------------

using Array = ffi::Buffer<ffi::F32, 4>;
using Result = ffi::Result<Array>;

bool InPairs(const Sizes& z) { return z.out % (2 * kLanes) == 0; }

ffi::Error Forward(ffi::ThreadPool pool, Array x, Array k, int64_t stride, int64_t top, int64_t left,
                   Result y) {
  const auto a = x.dimensions(), b = k.dimensions(), c = y->dimensions();
  const Sizes z{a[0], a[1], a[2], a[3], c[1], c[2], c[3], b[0], b[1], stride, top, left};
  if (z.out % kLanes) return ffi::Error::InvalidArgument("output channels must fill whole vectors");
  Parallel(pool, z.batch * z.strips(), [&](int64_t number) {
    const Strip strip(z, x.typed_data(), number);
    float* to = y->typed_data() + (strip.image * z.rows + strip.row) * z.columns * z.out;
    (InPairs(z) ? StripForward<2> : StripForward<1>)(z, strip, k.typed_data(), to);
  });
  return ffi::Error::Success();
}

ffi::Error Weights(ffi::ThreadPool pool, Array x, Array g, int64_t stride, int64_t top, int64_t left,
                   Result k) {
  const auto a = x.dimensions(), b = g.dimensions(), c = k->dimensions();
  const Sizes z{a[0], a[1], a[2], a[3], b[1], b[2], b[3], c[0], c[1], stride, top, left};
  if (z.out % kLanes) return ffi::Error::InvalidArgument("output channels must fill whole vectors");
  const int64_t size = z.taps_h * z.taps_w * z.in * z.out;
  const int64_t strips = z.batch * z.strips(), parts = std::min(strips, kParts);
  std::vector<float> sums(parts * size);
  Parallel(pool, parts, [&](int64_t part) {
    for (int64_t n = part * strips / parts; n < (part + 1) * strips / parts; ++n) {
      const Strip strip(z, x.typed_data(), n);
      const float* slopes = g.typed_data() + (strip.image * z.rows + strip.row) * z.columns * z.out;
      (InPairs(z) ? StripWeights<2> : StripWeights<1>)(z, strip, slopes, &sums[part * size]);
    }
  });
  std::fill_n(k->typed_data(), size, 0.0f);
  for (int64_t part = 0; part < parts; ++part)
    for (int64_t i = 0; i < size; ++i) k->typed_data()[i] += sums[part * size + i];
  return ffi::Error::Success();
}

}  // namespace

extern "C" int cornu_lanes() { return kLanes; }

#define CORNU_CALL(name, function)                                                        \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, function,                                           \
                                ffi::Ffi::Bind()                                          \
                                    .Ctx<ffi::ThreadPool>()                               \
                                    .Arg<Array>()                                         \
                                    .Arg<Array>()                                         \
                                    .Attr<int64_t>("stride")                              \
                                    .Attr<int64_t>("top")                                 \
                                    .Attr<int64_t>("left")                                \
                                    .Ret<Array>())
CORNU_CALL(cornu_conv, Forward);
CORNU_CALL(cornu_conv_weights, Weights);
