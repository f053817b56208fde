# What every target of the project shares, and the one function that adds a room.

# Warnings and sanitizers apply to our own targets alone, never to those who link us.
function(clavis_set_options target)
    target_compile_features(${target} PUBLIC cxx_std_20)
    set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
    target_compile_options(${target} PRIVATE
        # Results must not depend on which instructions a compiler fuses.
        $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wconversion
            -Wno-sign-conversion>
        # GCC 12 and 13 see overlapping copies in the standard library's own string concatenation (GCC bug 105651).
        $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,14>>:-Wno-restrict>
        $<$<AND:$<BOOL:${CLAVIS_WARNINGS_AS_ERRORS}>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-Werror>)
    if(CLAVIS_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${CLAVIS_SANITIZE} -fno-omit-frame-pointer
                               -fno-sanitize-recover=all)
        target_link_options(${target} PRIVATE -fsanitize=${CLAVIS_SANITIZE})
    endif()
endfunction()

# clavis_room(<name> [<room below>...]): the sources of src/<name> as objects that see the rooms below only through
# the include path; tests of a room link that room and those below it, so an upward call fails to link.
function(clavis_room name)
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
    set_property(GLOBAL APPEND PROPERTY clavis_rooms ${name})
    set(below)
    foreach(room IN LISTS ARGN)
        get_property(deeper GLOBAL PROPERTY clavis_below_${room})
        list(APPEND below ${deeper} ${room})
    endforeach()
    list(REMOVE_DUPLICATES below)
    set_property(GLOBAL PROPERTY clavis_below_${name} "${below}")
    if(NOT sources)
        return()
    endif()
    add_library(clavis_${name} OBJECT ${sources})
    set_target_properties(clavis_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(clavis_${name} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
    # Boost and JSON are private to src/: a consumer needs neither.
    target_link_libraries(clavis_${name} PRIVATE Threads::Threads Eigen3::Eigen nlohmann_json::nlohmann_json)
    target_include_directories(clavis_${name} SYSTEM PRIVATE ${Boost_INCLUDE_DIRS})
    clavis_set_options(clavis_${name})
endfunction()
