# `cmake --install`: the headers, the static library and a package for find_package(clavis), whose consumers need
# Threads and Eigen alone.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(clavis_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/clavis")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/clavis" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        COMPONENT development FILES_MATCHING PATTERN "*.hpp")
install(TARGETS clavis EXPORT clavis_targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(EXPORT clavis_targets NAMESPACE clavis:: FILE clavis-targets.cmake DESTINATION "${clavis_package_dir}"
        COMPONENT development)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/clavis-config.cmake.in"
                              "${PROJECT_BINARY_DIR}/clavis-config.cmake" INSTALL_DESTINATION "${clavis_package_dir}")
# Before 1.0 a minor version may break its consumers.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/clavis-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/clavis-config.cmake" "${PROJECT_BINARY_DIR}/clavis-config-version.cmake"
        DESTINATION "${clavis_package_dir}" COMPONENT development)
