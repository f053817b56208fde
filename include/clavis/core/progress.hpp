#pragma once

// Progress of long calls. The callback runs on the calling thread only, so it may touch an interpreter or a terminal.

#include <functional>
#include <string_view>
#include <utility>

#include "clavis/core/errors.hpp"

namespace clavis {

/// Called with the stage ("reading transactions") and the part done (0 to 1, or negative where the end is unknown).
/// Return false to stop: the call then throws cancelled and leaves no half-made result.
using progress_callback = std::function<bool(std::string_view stage, double done)>;

/// A callback that may be absent.
class progress {
  public:
    progress() = default;
    progress(progress_callback callback) : callback_(std::move(callback)) {}  // NOLINT: meant to convert

    void report(std::string_view stage, double done) const {
        if (callback_ && !callback_(stage, done)) throw cancelled();
    }

  private:
    progress_callback callback_;
};

}  // namespace clavis
