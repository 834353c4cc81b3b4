# The rules every own target follows: language level, warnings, sanitizers, and one target a folder, which links only
# the folders it names. A wrong include then fails at link time; tools/arrows.py says so earlier and more clearly.
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(simdjson REQUIRED)
find_package(fmt REQUIRED)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)

add_library(keel_flags INTERFACE)
target_compile_features(keel_flags INTERFACE cxx_std_20)
target_compile_options(keel_flags INTERFACE -Wall -Wextra -Werror
                       -Wno-missing-field-initializers)  # designated initialisers name what differs from the defaults
target_include_directories(keel_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
if(KEEL_SANITIZE)
  target_compile_options(keel_flags INTERFACE -fsanitize=${KEEL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(keel_flags INTERFACE -fsanitize=${KEEL_SANITIZE})
  if(KEEL_SANITIZE MATCHES undefined)
    target_compile_options(keel_flags INTERFACE -fno-sanitize-recover=undefined)  # a report ends the program
  endif()
endif()

# keel_sources(VARIABLE main.cc format/.*): all .cc files in and below the folder of the CMakeLists.txt, without those
# whose path matches a pattern.
function(keel_sources variable)
  file(GLOB_RECURSE sources RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS "*.cc")
  foreach(pattern IN LISTS ARGN)
    list(FILTER sources EXCLUDE REGEX "^${pattern}$")
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# keel_headers(keel_pch LINK … OPTIONS … HEADERS …): a precompiled header that targets of the same flags reuse. Parsing
# the headers of JSON, fmt, tests and ATen is most of what compiling costs here.
file(WRITE "${CMAKE_BINARY_DIR}/pch/empty.cc" "")
function(keel_headers name)
  cmake_parse_arguments(ARG "" "" "LINK;OPTIONS;HEADERS" ${ARGN})
  add_library(${name} OBJECT "${CMAKE_BINARY_DIR}/pch/empty.cc")
  target_link_libraries(${name} PRIVATE keel_flags fmt::fmt nlohmann_json::nlohmann_json ${ARG_LINK})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

set(keel_common_headers <algorithm> <filesystem> <functional> <map> <memory> <optional> <span> <string> <vector>
    <fmt/format.h> <nlohmann/json.hpp>)
set(keel_test_headers <gmock/gmock.h> <gtest/gtest.h>)
set(keel_test_options -O0)  # a test's own code is not what is measured; compiling it is
keel_headers(keel_pch HEADERS ${keel_common_headers})
keel_headers(keel_test_pch LINK GTest::gmock OPTIONS ${keel_test_options} HEADERS ${keel_common_headers} ${keel_test_headers})

# Files of a folder are compiled a few at a time, so names in their anonymous namespaces differ: templates of JSON and of
# ATen, most of what compiling costs, are then instantiated once for all of them.
function(keel_unity target)
  if(KEEL_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  endif()
endfunction()

# keel_folder(base DEPS fmt::fmt [TORCH] [EXCLUDE main.cc]): the static library keel_<name>.
function(keel_folder name)
  cmake_parse_arguments(ARG "TORCH" "" "DEPS;EXCLUDE" ${ARGN})
  keel_sources(sources ${ARG_EXCLUDE})
  if(NOT sources)
    add_library(keel_${name} INTERFACE)
    return()
  endif()
  add_library(keel_${name} STATIC ${sources})
  keel_unity(keel_${name})
  target_link_libraries(keel_${name} PUBLIC keel_flags ${ARG_DEPS})
  if(ARG_TORCH)
    target_link_libraries(keel_${name} PUBLIC keel_torch)
    target_precompile_headers(keel_${name} REUSE_FROM keel_torch_pch)
  else()
    target_precompile_headers(keel_${name} REUSE_FROM keel_pch)
  endif()
endfunction()

# keel_test(base DEPS … [TORCH] [EXCLUDE …]): one program of the tests in and below the folder of the CMakeLists.txt.
function(keel_test name)
  cmake_parse_arguments(ARG "TORCH" "" "DEPS;EXCLUDE" ${ARGN})
  keel_sources(sources ${ARG_EXCLUDE})
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  keel_unity(${name}_test)
  target_include_directories(${name}_test PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  target_compile_definitions(${name}_test PRIVATE KEEL_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                                  KEEL_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name}_test PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  target_compile_options(${name}_test PRIVATE ${keel_test_options})
  if(ARG_TORCH)
    target_precompile_headers(${name}_test REUSE_FROM keel_torch_test_pch)
  else()
    target_precompile_headers(${name}_test REUSE_FROM keel_test_pch)
  endif()
  add_test(NAME ${name} COMMAND ${name}_test)
endfunction()
