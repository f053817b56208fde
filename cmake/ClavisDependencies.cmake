# What the library is built with. What is absent is named together with the Debian package that brings it.

function(clavis_missing what package)
    message(FATAL_ERROR "clavis needs ${what}, which was not found. "
                        "On Debian or Ubuntu install it with: apt-get install ${package}")
endfunction()

find_package(Threads REQUIRED)

find_package(Eigen3 3.4 QUIET NO_MODULE)
if(NOT Eigen3_FOUND)
    clavis_missing("Eigen 3.4 or later" libeigen3-dev)
endif()

# Headers alone. FindBoost is gone from CMake 3.30 on, where Boost's own package file answers instead.
if(POLICY CMP0167)
    cmake_policy(SET CMP0167 NEW)
endif()
find_package(Boost 1.74 QUIET)
if(NOT Boost_FOUND)
    clavis_missing("the headers of Boost 1.74 or later" libboost-dev)
endif()

find_package(nlohmann_json 3.9 QUIET)
if(NOT nlohmann_json_FOUND)
    clavis_missing("nlohmann_json 3.9 or later" nlohmann-json3-dev)
endif()

if(CLAVIS_BUILD_TESTS)
    find_package(GTest QUIET)
    if(NOT GTest_FOUND)
        clavis_missing("GoogleTest for the tests (CLAVIS_BUILD_TESTS)" libgtest-dev)
    endif()
endif()
if(CLAVIS_BUILD_BENCH)
    find_package(benchmark QUIET)
    if(NOT benchmark_FOUND)
        clavis_missing("Google Benchmark for the benchmarks (CLAVIS_BUILD_BENCH)" libbenchmark-dev)
    endif()
endif()
if(CLAVIS_BUILD_PYTHON)
    find_package(Python 3.10 QUIET COMPONENTS Interpreter Development.Module)
    if(NOT Python_FOUND)
        clavis_missing("Python 3.10 or later with its headers" "python3-dev")
    endif()
    find_package(pybind11 CONFIG QUIET)
    if(NOT pybind11_FOUND)
        message(FATAL_ERROR "clavis needs pybind11 for the Python extension, which was not found. Install it with: "
                            "pip install pybind11, and configure with -Dpybind11_DIR=$(python -m pybind11 --cmakedir)")
    endif()
endif()
