# libtorch from the unpacked wheel, as own imported targets: find_package(Torch) wants a CUDA toolkit and adds flags.
# On the CPU libtorch.so is never linked (it pulls in CUDA); the CUDA half is opened at run time when a GPU is asked for.
set(KEEL_TORCH "${KEEL_DEPS}/torch" CACHE PATH "folder with include/ and lib/ of libtorch 2.11")
if(NOT EXISTS "${KEEL_TORCH}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "no libtorch in ${KEEL_TORCH}: run ./dev setup")
endif()

add_library(keel_torch INTERFACE)
target_link_libraries(keel_torch INTERFACE keel_flags)
# Searched after the system's headers: the wheel carries headers of its own fmt, which would hide the fmt we link.
target_compile_options(keel_torch INTERFACE "SHELL:-idirafter ${KEEL_TORCH}/include"
                       "SHELL:-idirafter ${KEEL_TORCH}/include/torch/csrc/api/include")
# Old dtags: the search path has to reach the libraries that libtorch_cpu itself needs.
target_link_options(keel_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,--disable-new-dtags
                    "-Wl,-rpath,${KEEL_TORCH}/lib:${KEEL_DEPS}/cuda/lib")
set(CMAKE_BUILD_RPATH "$ORIGIN" "$ORIGIN/../lib/keel")
target_link_libraries(keel_torch INTERFACE "${KEEL_TORCH}/lib/libtorch_cpu.so" "${KEEL_TORCH}/lib/libc10.so")

# at::parallel_for is an inline header that stays on one thread unless OpenMP is on. The runtime is the one that libtorch
# itself loads: a second one would bring a second pool of threads.
file(GLOB torch_gomp "${KEEL_TORCH}/lib/libgomp*.so*")
list(APPEND torch_gomp gomp)
list(GET torch_gomp 0 torch_gomp)
target_compile_options(keel_torch INTERFACE -fopenmp)
target_link_libraries(keel_torch INTERFACE "${torch_gomp}")

# GCC takes one precompiled header a file, so these hold the common ones, too. The headers of autograd stay out: the
# templates that they leave to be instantiated cost every file two seconds, and few files need them.
keel_headers(keel_torch_pch LINK keel_torch HEADERS <ATen/ATen.h> ${keel_common_headers})
keel_headers(keel_torch_test_pch LINK keel_torch GTest::gmock OPTIONS ${keel_test_options}
             HEADERS <ATen/ATen.h> ${keel_common_headers} ${keel_test_headers})
