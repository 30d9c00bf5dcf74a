# nba_module(NAME DEPS modules... LIBS targets...): the folder src/NAME with include/nba/NAME as one
# static library nba_NAME.  It sees and links what it declares and no more, so a wrong arrow fails
# to link in the module's own unit tests.
function(nba_module name)
    cmake_parse_arguments(M "" "" "DEPS;LIBS" ${ARGN})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
    if(name STREQUAL "app")
        list(FILTER sources EXCLUDE REGEX "/main\\.c$")
    endif()
    if(NOT sources)
        return()
    endif()
    add_library(nba_${name} STATIC ${sources})
    target_include_directories(nba_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
                                           PRIVATE ${CMAKE_SOURCE_DIR}/src/${name})
    foreach(dep IN LISTS M_DEPS)
        if(TARGET nba_${dep})
            target_link_libraries(nba_${name} PUBLIC nba_${dep})
        endif()
    endforeach()
    target_link_libraries(nba_${name} PRIVATE ${M_LIBS})
    set_property(GLOBAL APPEND PROPERTY NBA_MODULES ${name})
endfunction()

# The one program, from src/app/main.c.
function(nba_program)
    if(NOT EXISTS ${CMAKE_SOURCE_DIR}/src/app/main.c)
        return()
    endif()
    add_executable(nba ${CMAKE_SOURCE_DIR}/src/app/main.c)
    target_link_libraries(nba PRIVATE nba_app)
    set_target_properties(nba PROPERTIES ENABLE_EXPORTS OFF)
endfunction()

# nba_unit_tests(MODULE): every tests/unit/MODULE/test_*.c is a program of its own that links the
# module's library (with what it declares) and cmocka; ctest name unit.MODULE.NOUN.
function(nba_unit_tests module)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${module}/test_*.c)
    foreach(source IN LISTS sources)
        get_filename_component(stem ${source} NAME_WE)
        string(REGEX REPLACE "^test_" "" noun ${stem})
        nba_test(unit.${module}.${noun} ${source} nba_${module})
    endforeach()
endfunction()

# nba_test(NAME SOURCE LIBS...): one cmocka program, run from the source tree's top.
function(nba_test name source)
    string(REPLACE "." "_" target ${name})
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE ${ARGN} PkgConfig::CMOCKA m)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
    target_compile_definitions(${target} PRIVATE NBA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()
