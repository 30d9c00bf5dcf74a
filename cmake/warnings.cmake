# The warnings of the house, for gcc 12 and clang 14; errors where NBA_WERROR is on.
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wformat=2
    -Wnull-dereference -Wswitch-enum -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef
    -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # Messages are cut to their buffers on purpose.
    add_compile_options(-Wcast-align=strict -Wlogical-op -Wduplicated-cond -Wno-format-truncation)
endif()
if(NBA_WERROR)
    add_compile_options(-Werror)
endif()
