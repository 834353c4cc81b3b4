# The Rust crate as the target keel_bridge. Cargo fetches the crates that Cargo.lock pins. Its folder of build products
# lies beside libtorch, so that all presets share one build (only fuzzing changes the Rust code).
#
# Parquet files may be packed with zstd. The Rust crate and our own code then share the system's library: a second copy
# inside the crate would define the same names.
find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET GLOBAL libzstd)
find_program(CARGO cargo HINTS "$ENV{HOME}/.cargo/bin" REQUIRED)
set(KEEL_CARGO_TARGET "${KEEL_DEPS}/cargo-target" CACHE PATH "where cargo puts its build products")
set(bridge_dir "${CMAKE_SOURCE_DIR}/bridge")
set(bridge_target "${KEEL_CARGO_TARGET}")
set(bridge_release "${bridge_target}/release")
set(bridge_env ZSTD_SYS_USE_PKG_CONFIG=1)
set(bridge_options "")
if(KEEL_FUZZ)
  # The crate tells libFuzzer, too, which edges were taken. Named as a cross build, as the crate's build scripts would
  # otherwise be compiled with the same flags and not link.
  execute_process(COMMAND "${CARGO}" -vV OUTPUT_VARIABLE bridge_host COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE ".*host: ([^\n]+).*" "\\1" bridge_host "${bridge_host}")
  set(bridge_target "${CMAKE_BINARY_DIR}/cargo-target")
  set(bridge_release "${bridge_target}/${bridge_host}/release")
  set(bridge_options --target ${bridge_host} --config "profile.release.opt-level=1")
  string(CONCAT bridge_flags "RUSTFLAGS=-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 "
         "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table "
         "-Cllvm-args=-sanitizer-coverage-trace-compares")
  list(APPEND bridge_env "${bridge_flags}")
endif()
set(bridge_lib "${bridge_release}/libkeel_bridge.a")
file(GLOB bridge_sources CONFIGURE_DEPENDS "${bridge_dir}/src/*.rs")

# Cargo leaves the library's time alone when nothing changed for it, hence the touch.
add_custom_command(
  OUTPUT "${bridge_lib}"
  COMMAND "${CMAKE_COMMAND}" -E env ${bridge_env} "${CARGO}" build --quiet --release --locked --lib --manifest-path
          "${bridge_dir}/Cargo.toml" --target-dir "${bridge_target}" ${bridge_options}
  COMMAND "${CMAKE_COMMAND}" -E touch "${bridge_lib}"
  DEPENDS ${bridge_sources} "${bridge_dir}/Cargo.toml" "${bridge_dir}/Cargo.lock"
  COMMENT "Building the Rust bridge (tokenizers, chat templates, Parquet)"
  USES_TERMINAL VERBATIM)
add_custom_target(keel_bridge_build DEPENDS "${bridge_lib}")

add_library(keel_bridge STATIC IMPORTED GLOBAL)
set_target_properties(keel_bridge PROPERTIES IMPORTED_LOCATION "${bridge_lib}"
                                             INTERFACE_INCLUDE_DIRECTORIES "${bridge_dir}"
                                             INTERFACE_LINK_LIBRARIES "PkgConfig::ZSTD;pthread;dl;m")
add_dependencies(keel_bridge keel_bridge_build)
