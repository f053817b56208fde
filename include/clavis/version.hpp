#pragma once

// The one version number: CMake, the Python package and the wheel all read it from here.
#define CLAVIS_VERSION_MAJOR 0
#define CLAVIS_VERSION_MINOR 1
#define CLAVIS_VERSION_PATCH 0
#define CLAVIS_VERSION "0.1.0"
